import { engineOver, type Engine } from "../../src/page/session/engine.ts";

export function connect(died: (reason: string) => void): Engine {
  return engineOver(new Worker(new URL("./fake-worker.ts", import.meta.url), { type: "module" }), died);
}
