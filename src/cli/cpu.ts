import type { Cpu, CpuOptions } from "../../emulator/cpu.ts";
import { createCpu as createEngine } from "../../emulator/engine.ts";
import type { RunOptions } from "./options.ts";

/** Executions after which the translator takes a region. */
const DEFAULT_TRANSLATE_AFTER = 1000;

/** The CPU that the options name. libunicorn is loaded only when it is asked for. */
export async function createCpu(options: Pick<RunOptions, "cpu" | "translateAfter" | "seed">): Promise<Cpu> {
  const cpuOptions = (level: CpuOptions["level"], translateAfter: number): CpuOptions => ({
    level,
    translateAfter,
    seed: options.seed ?? 1,
  });
  switch (options.cpu) {
    case "translator":
      return createEngine(cpuOptions(3, options.translateAfter ?? DEFAULT_TRANSLATE_AFTER));
    case "interpreter":
      return createEngine(cpuOptions(3, Infinity));
    case "libunicorn": {
      const { createLibunicornCpu } = await import("../../emulator/unicorn/native/libunicorn-cpu.ts");
      return createLibunicornCpu();
    }
  }
}
