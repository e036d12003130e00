/** What is used here of a build of unicorn.js, the user's or our own façade. Its errors are strings. */

export interface UnicornJsEngine {
  reg_read(id: number, size: number): Uint8Array;
  reg_write(id: number, bytes: Uint8Array): void;
  mem_map(address: number, size: number, perms: number): void;
  mem_protect(address: number, size: number, perms: number): void;
  mem_unmap(address: number, size: number): void;
  mem_read(address: number, size: number): Uint8Array;
  mem_write(address: number, bytes: Uint8Array): void;
  hook_add(type: number, callback: (...parameters: never[]) => unknown, user_data?: unknown, begin?: number, end?: number, extra?: number): unknown; // prettier-ignore
  emu_start(begin: number, until: bigint, timeout: number, count: number): void;
  emu_stop(): void;
  context_alloc(): unknown;
  context_save(context: never): void;
  context_restore(context: never): void;
  ctl_set_cpu_model(model: number): void;
  ctl_remove_cache(address: number, end: number): void;
  close(): void;
}

export interface UnicornJsModule {
  readonly Unicorn: new (arch: number, mode: number) => UnicornJsEngine;
}

type Factory = () => Promise<UnicornJsModule>;

/** The module of a file that was imported or required: what it exports is the factory, or has it as `MUnicorn` or `default`. */
export async function loadUnicornJs(exported: unknown): Promise<UnicornJsModule> {
  const candidates = [exported, ...["MUnicorn", "default"].map((name) => (exported as Record<string, unknown>)[name])];
  const factory = candidates.find((candidate): candidate is Factory => typeof candidate === "function");
  if (!factory) throw new Error("this is no build of unicorn.js: it exports no MUnicorn");
  const module = await factory();
  if (typeof module.Unicorn !== "function")
    throw new Error("this is no build of unicorn.js: its module has no Unicorn");
  return module;
}
