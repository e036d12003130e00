import * as Comlink from "comlink";
import { createCpu, TRANSLATE_AFTER } from "../../../emulator/engine.ts";
import { warmUp } from "../../../emulator/warm-up.ts";
import {
  measureKernel,
  type KernelDescription,
  type KernelMeasurement,
  type RunSize,
} from "../../../src/bench/kernel.ts";
import { measureStartUp, type StartUpMeasurement, type StartUpOptions } from "../../../src/bench/start-up.ts";
import { loadImageLayer } from "../../../src/worker/image-store.ts";

const createEngine = () => createCpu({ level: 3, translateAfter: TRANSLATE_AFTER, seed: 1 });

// As the page's worker does before a program comes.
Array.from(warmUp());

const api = {
  kernel: (description: KernelDescription, image: readonly number[], size: RunSize): KernelMeasurement =>
    measureKernel(createEngine, description, Uint8Array.from(image), size),

  async startUp(
    program: readonly number[],
    image: "scratch" | "wine",
    until: StartUpOptions["until"],
  ): Promise<StartUpMeasurement> {
    const layer =
      image === "wine" ? await loadImageLayer(new URL("/images/wine/", self.location.origin), () => {}) : undefined;
    return measureStartUp({ createCpu: createEngine, program: Uint8Array.from(program), image: layer, until });
  },
};

export type BenchWorker = typeof api;

Comlink.expose(api);
