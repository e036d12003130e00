/**
 * Blocks of code that is the same in every run, decoded when the engine was built: an image's DLLs, as far as a start runs them.
 *
 * A block is looked for by where in its page it begins, which relocation does not change, and is taken where its bytes are those in memory. So nothing
 * depends on which file is mapped where, and code that was changed is decoded as ever. Only blocks within a page are kept.
 */
import { CALL, JMP_INDIRECT } from "../isa/control-transfer.ts";
import type { Instruction } from "../isa/instruction.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { fromBase64 } from "./base64.ts";

/** In base64. */
export interface SavedBlocks {
  /** What lies at `windowLayout.keptBlocks`. */
  readonly blocks: string;
  /** The WebAssembly module with `restore`. */
  readonly restorer: string;
}

/** What a block's end does. */
export const BlockFlag = { Ends: 1, ComputedJump: 2, Calls: 4 } as const;
export const BLOCK_FLAGS = 7;

/** Of a block that ends with `last`, after which control may go elsewhere. */
export function endFlags({ form: { specification } }: Instruction): number {
  return BlockFlag.Ends | (specification === JMP_INDIRECT ? BlockFlag.ComputedJump : specification === CALL ? BlockFlag.Calls : 0); // prettier-ignore
}

/**
 * Writes the records of the block at `rip` from `position` on, which is a multiple of 8; `code` is where its page has it in linear memory. Returns one past
 * the last record, with the block's flags in the low bits; 0: it is not kept.
 */
export type RestoreBlock = (code: number, ripLow: number, ripHigh: number, position: number) => number;

export class BlockLibrary {
  readonly #blocks: Uint8Array;
  readonly #restorer: WebAssembly.Module;

  constructor({ blocks, restorer }: SavedBlocks) {
    this.#blocks = fromBase64(blocks);
    this.#restorer = new WebAssembly.Module(fromBase64(restorer));
  }

  /** The blocks for the window in `memory`, whose table has the saved handlers from `FIRST_INDEX` on. */
  attach(memory: WebAssembly.Memory): RestoreBlock {
    new Uint8Array(memory.buffer).set(this.#blocks, windowLayout.keptBlocks);
    const { exports } = new WebAssembly.Instance(this.#restorer, { host: { memory } });
    return exports["restore"] as RestoreBlock;
  }
}
