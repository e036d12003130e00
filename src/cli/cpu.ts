import type { Cpu } from "../../emulator/cpu.ts";
import { createCpu as createCpuOfEngine, TRANSLATE_AFTER, type EngineCpu } from "../../emulator/engine.ts";
import type { RunOptions } from "./options.ts";

type CpuChoice = Pick<RunOptions, "translateAfter" | "seed">;

/** Our own engine. */
export function createEngine(options: CpuChoice & { readonly cpu: "translator" | "interpreter" }): EngineCpu {
  const translateAfter = options.cpu === "interpreter" ? Infinity : (options.translateAfter ?? TRANSLATE_AFTER);
  return createCpuOfEngine({ level: 3, translateAfter, seed: options.seed ?? 1 });
}

/** The CPU that the options name. libunicorn is loaded only when it is asked for. */
export async function createCpu(options: CpuChoice & Pick<RunOptions, "cpu">): Promise<Cpu> {
  const { cpu } = options;
  if (cpu !== "libunicorn") return createEngine({ ...options, cpu });
  const { createLibunicornCpu } = await import("../../emulator/unicorn/native/libunicorn-cpu.ts");
  return createLibunicornCpu();
}
