/** The CPU that a session asks for. */
import type { Cpu } from "../../emulator/cpu.ts";
import { TRANSLATE_AFTER } from "../../emulator/engine.ts";
import { UnicornJsCpu } from "../../emulator/unicorn/unicornjs/cpu.ts";
import { loadUnicornJs } from "../../emulator/unicorn/unicornjs/module.ts";
import { createWindowsCpu } from "../sandbox/windows-cpu.ts";
import type { SessionOptions } from "./interface.ts";

export async function createChosenCpu(
  options: Pick<SessionOptions, "cpu" | "translateAfter" | "unicornJs">,
): Promise<Cpu> {
  switch (options.cpu) {
    case "translator":
      return createWindowsCpu({ translateAfter: options.translateAfter ?? TRANSLATE_AFTER });
    case "interpreter":
      return createWindowsCpu({ translateAfter: Infinity });
    case "unicornjs":
      if (!options.unicornJs) throw new Error("No build of unicorn.js was chosen as the CPU.");
      return new UnicornJsCpu(await loadUnicornJs(await importScript(await options.unicornJs.text())));
  }
}

/** What a script exports, or else its `MUnicorn`: a build is made for a script element, which sees its variables. */
async function importScript(text: string): Promise<unknown> {
  const exported = (await importText(text)) as Record<string, unknown>;
  if (Object.keys(exported).length > 0) return exported;
  return importText(`${text}\n;export { MUnicorn };`).catch(() => {
    throw new Error("The file chosen as the CPU is no build of unicorn.js: it has no MUnicorn.");
  });
}

async function importText(text: string): Promise<unknown> {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
