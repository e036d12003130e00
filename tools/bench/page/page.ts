/** A page that measures in its worker, as the real one runs programs. */
import * as Comlink from "comlink";
import type { BenchWorker } from "./worker.ts";

declare global {
  var bench: Comlink.Remote<BenchWorker>;
}

globalThis.bench = Comlink.wrap<BenchWorker>(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
