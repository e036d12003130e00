import * as Comlink from "comlink";
import type { SandboxWorker } from "../../worker/interface.ts";

/** A worker with a sandbox in it. */
export interface Engine {
  readonly sandbox: Comlink.Remote<SandboxWorker>;
  terminate(): void;
}

/** `died` is called with a sentence when the worker throws outside a call, or cannot be loaded at all. */
export function engineOver(worker: Worker, died: (reason: string) => void): Engine {
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    died(event.message === undefined || event.message === "" ? "The engine could not be loaded." : event.message);
  });
  worker.addEventListener("messageerror", () => died("A message from the engine could not be read."));
  return { sandbox: Comlink.wrap<SandboxWorker>(worker), terminate: () => worker.terminate() };
}
