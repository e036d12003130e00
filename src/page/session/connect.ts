import { engineOver, type Engine } from "./engine.ts";

/** The one place where the page makes the worker. */
export function connect(died: (reason: string) => void): Engine {
  return engineOver(new Worker(new URL("../../worker/worker.ts", import.meta.url), { type: "module" }), died);
}
