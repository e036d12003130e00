/** A basic block as BLOCK hooks and the cache queries see it: up to the instruction that may lead elsewhere. */
import { GuestFault } from "../cpu.ts";
import { isInstruction } from "../decoder/decoder.ts";
import type { Core } from "../interpreter/core.ts";

const MAX_INSTRUCTIONS = 512;

export interface BlockExtent {
  /** Bytes. */
  readonly size: number;
  readonly instructions: number;
}

/** `isEnd`: addresses that no block goes beyond. */
export function blockExtent(core: Core, start: number, isEnd: (address: number) => boolean): BlockExtent {
  let address = start;
  let instructions = 0;
  try {
    while (instructions < MAX_INSTRUCTIONS && !(instructions && isEnd(address))) {
      const decoded = core.decode(address);
      if (!isInstruction(decoded)) break;
      address += decoded.length;
      instructions++;
      if (core.blocks.endsBlock(decoded)) break;
    }
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
  }
  return { size: address - start, instructions };
}
