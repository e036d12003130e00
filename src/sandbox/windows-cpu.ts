import type { CpuOptions } from "../../emulator/cpu.ts";
import { createCpu, TRANSLATE_AFTER, type EngineCpu } from "../../emulator/engine.ts";
import { windowsSegmentation } from "../../kernel-shim/process-manager/segmentation.ts";

/** Our engine as programs of Windows expect it: all its instructions, and the descriptor tables of Windows. */
export function createWindowsCpu(options: Partial<CpuOptions> = {}): EngineCpu {
  return createCpu({
    level: 3,
    translateAfter: TRANSLATE_AFTER,
    seed: 1,
    segmentation: windowsSegmentation,
    ...options,
  });
}
