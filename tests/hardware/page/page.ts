/** A page that replays recorded vectors in workers, and runs samples in the real page's worker. */
import * as Comlink from "comlink";
import { traceInWorker } from "../../page/sample-driver.ts";
import type { ReplayPart } from "../trial.ts";
import type { ReplayWorker } from "./replay-worker.ts";

/** Each part in a worker of its own: what it piles up goes with it. */
async function replayPart(part: ReplayPart) {
  const worker = new Worker(new URL("./replay-worker.ts", import.meta.url), { type: "module" });
  try {
    return await Comlink.wrap<ReplayWorker>(worker).replay(part);
  } finally {
    worker.terminate();
  }
}

const driver = { replayPart, traceInWorker };

declare global {
  var driver: {
    readonly replayPart: (part: ReplayPart) => ReturnType<typeof replayPart>;
    readonly traceInWorker: typeof traceInWorker;
  };
}

globalThis.driver = driver;
