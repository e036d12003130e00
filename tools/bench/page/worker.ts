import * as Comlink from "comlink";
import { warmUp } from "../../../emulator/warm-up.ts";
import {
  measureKernel,
  type KernelDescription,
  type KernelMeasurement,
  type RunSize,
} from "../../../src/bench/kernel.ts";
import { measureStartUp, type StartUpMeasurement, type StartUpOptions } from "../../../src/bench/start-up.ts";
import { createWindowsCpu } from "../../../src/sandbox/windows-cpu.ts";
import { loadImageLayer } from "../../../src/worker/image-store.ts";

// As the page's worker does before a program comes.
Array.from(warmUp());

const api = {
  kernel: (description: KernelDescription, image: readonly number[], size: RunSize): KernelMeasurement =>
    measureKernel(createWindowsCpu, description, Uint8Array.from(image), size),

  async startUp(
    program: readonly number[],
    image: "scratch" | "wine",
    until: StartUpOptions["until"],
  ): Promise<StartUpMeasurement> {
    const layer =
      image === "wine" ? await loadImageLayer(new URL("/images/wine/", self.location.origin), () => {}) : undefined;
    return measureStartUp({ createCpu: createWindowsCpu, program: Uint8Array.from(program), image: layer, until });
  },
};

export type BenchWorker = typeof api;

Comlink.expose(api);
