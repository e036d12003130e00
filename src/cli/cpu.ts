import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Cpu } from "../../emulator/cpu.ts";
import { TRANSLATE_AFTER, type EngineCpu } from "../../emulator/engine.ts";
import { createWindowsCpu } from "../sandbox/windows-cpu.ts";
import { isUnicornJsFile, type RunOptions, type UnicornJsFile } from "./options.ts";

type CpuChoice = Pick<RunOptions, "translateAfter" | "seed">;

/** Our own engine. */
export function createEngine(options: CpuChoice & { readonly cpu: "translator" | "interpreter" }): EngineCpu {
  const translateAfter = options.cpu === "interpreter" ? Infinity : (options.translateAfter ?? TRANSLATE_AFTER);
  return createWindowsCpu({ translateAfter, ...(options.seed !== undefined && { seed: options.seed }) });
}

/** The CPU that the options name. libunicorn and unicorn.js are loaded only when they are asked for. */
export async function createCpu(options: CpuChoice & Pick<RunOptions, "cpu">): Promise<Cpu> {
  const { cpu } = options;
  if (isUnicornJsFile(cpu)) return createUnicornJs(cpu);
  if (cpu !== "libunicorn") return createEngine({ ...options, cpu });
  const { createLibunicornCpu } = await import("../../emulator/unicorn/native/libunicorn-cpu.ts");
  return createLibunicornCpu();
}

async function createUnicornJs(cpu: UnicornJsFile): Promise<Cpu> {
  const [{ loadUnicornJs }, { UnicornJsCpu }] = await Promise.all([
    import("../../emulator/unicorn/unicornjs/module.ts"),
    import("../../emulator/unicorn/unicornjs/cpu.ts"),
  ]);
  const file = pathToFileURL(resolve(cpu.slice("unicornjs:".length)));
  return new UnicornJsCpu(await loadUnicornJs(await import(/* @vite-ignore */ file.href)));
}
