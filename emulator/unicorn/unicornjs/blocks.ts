/** The blocks that unicorn.js translated: how many instructions they have, and before which of them they must be left. */
import { GuestFault } from "../../cpu.ts";
import { Decoder, isInstruction } from "../../decoder/decoder.ts";
import { instructions } from "../../isa/index.ts";
import { LEVEL, isOwn } from "./own-processor.ts";

export interface Block {
  /** Of each instruction, in order; a part that is no instruction counts as one. */
  readonly addresses: readonly number[];
  readonly end: number;
  /** How many instructions come before the first that must be met alone; all of them where there is none. */
  readonly before: number;
  /** The bytes of the first instruction, if our processor executes it. */
  readonly own: Uint8Array | undefined;
}

/** Their exceptions come with RIP at the start of the block. */
const alone = new Set(["DIV", "IDIV", "FXSAVE", "FXRSTOR", "CMPXCHG16B", "LDMXCSR", "IRET", "RETF"]);

export class Blocks {
  readonly #decoder = new Decoder(instructions, LEVEL);
  readonly #known = new Map<number, Block>();
  readonly #bytesAt: (address: number, size: number) => Uint8Array;

  /** `bytesAt` gives those before the first page that is not there. */
  constructor(bytesAt: (address: number, size: number) => Uint8Array) {
    this.#bytesAt = bytesAt;
  }

  /** The block of `size` bytes at `address`. */
  at(address: number, size: number): Block {
    const known = this.#known.get(address);
    if (known?.end === address + size) return known;
    const block = this.#decode(address, size);
    this.#known.set(address, block);
    return block;
  }
  forget(): void {
    this.#known.clear();
  }

  #decode(start: number, size: number): Block {
    const bytes = this.#bytesAt(start, size);
    const byteAt = (address: number): number => {
      if (address - start < bytes.length) return bytes[address - start];
      throw new GuestFault(address, "execute");
    };
    const addresses: number[] = [];
    let before: number | undefined;
    let own: Uint8Array | undefined;
    // prettier-ignore
    for (let at = start; at < start + size;) {
      const index = addresses.push(at) - 1;
      const instruction = this.#instructionAt(byteAt, at);
      if (!instruction) break;
      const { length } = instruction;
      const { mnemonic } = instruction.form.specification;
      if (isOwn(mnemonic)) {
        before ??= index;
        if (!index) own = bytes.slice(0, length);
      } else if (alone.has(mnemonic) && index) before ??= index;
      at += length;
    }
    return { addresses, end: start + size, before: before ?? addresses.length, own };
  }
  #instructionAt(byteAt: (address: number) => number, address: number) {
    try {
      const decoded = this.#decoder.decode({ byteAt }, address);
      return isInstruction(decoded) ? decoded : undefined;
    } catch (error) {
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }
}
