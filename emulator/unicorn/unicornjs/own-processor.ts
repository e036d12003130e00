/** What our own engine executes of a program that runs on unicorn.js. */
import type { Context } from "../../context.ts";
import { PAGE_SIZE, Protection, type AddressSpace } from "../../cpu.ts";
import { createCpu, type EngineCpu } from "../../engine.ts";
import { SMALLEST_WINDOW } from "../../memory/window-size.ts";

/** What unicorn.js can run. */
export const LEVEL = 1;
/**
 * CPUID, RDTSC and RDTSCP show what only this project knows, identity and time; at PEXTRW the interpreter in unicorn.js aborts
 * (its tci.c has no INDEX_op_ld16u_i32). None of them touches memory.
 */
const own = new Set(["CPUID", "RDTSC", "RDTSCP", "PEXTRW"]);
const CODE = 0x1_0000;

export const isOwn = (mnemonic: string): boolean => own.has(mnemonic);

export class OwnProcessor {
  readonly #cpu: EngineCpu = createCpu({
    level: LEVEL,
    translateAfter: Infinity,
    seed: 1,
    windowSize: SMALLEST_WINDOW,
  });
  readonly #space: AddressSpace;

  constructor() {
    this.#space = this.#cpu.createAddressSpace();
    this.#space.map(CODE, PAGE_SIZE, Protection.Read | Protection.Execute);
  }

  /** Executes the instruction `bytes` as if it stood at RIP. */
  execute(context: Context, bytes: Uint8Array, timeStamp: bigint): void {
    const { rip } = context;
    this.#space.poke(CODE, bytes);
    this.#cpu.timeStamp = timeStamp;
    context.rip = CODE;
    const { reason } = this.#cpu.run(this.#space, context, 1);
    context.rip = rip + bytes.length;
    if (reason !== "budget") throw new Error(`our engine ended with ${reason} at an instruction of its own`);
  }

  dispose(): void {
    this.#cpu.dispose();
  }
}
