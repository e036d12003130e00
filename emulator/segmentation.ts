/** Segment descriptors, and what else of the system's tables instructions of user mode can see. SDM volume 3, 3.4 and 5.8. */

import type { Segmentation } from "./cpu.ts";

/** 64-bit code, 32-bit code and flat data for level 3, where 64-bit systems have them; their own segments before them. */
export const flatSegmentation: Segmentation = {
  gdt: [
    0n,
    0n,
    0x0020_9b00_0000_0000n, // 10: code of the system
    0x0040_9300_0000_0000n, // 18: data of the system
    0x00cf_fb00_0000_ffffn, // 20: 32-bit code
    0x00cf_f300_0000_ffffn, // 28: data
    0x0020_fb00_0000_0000n, // 30: 64-bit code
  ],
  gdtBase: 0xffff_8000_0000_0000n,
  idtBase: 0xffff_8000_0000_1000n,
  idtLimit: 0xfff,
  taskRegister: 0,
  cr0: 0x8005_0033n,
};

const PRESENT = 0x8000n;

/** A descriptor's second half-word on, as LAR returns it: type, S, DPL, P, limit 19–16, AVL, L, D, G. */
export class Descriptor {
  readonly #bits: bigint;
  constructor(bits: bigint) {
    this.#bits = bits;
  }

  get accessRights(): number {
    return Number((this.#bits >> 32n) & 0x00ff_ff00n);
  }
  get #type(): number {
    return (this.accessRights >> 8) & 15;
  }
  get isPresent(): boolean {
    return (BigInt(this.accessRights) & PRESENT) !== 0n;
  }
  /** Code or data, not a system segment. */
  get #isOrdinary(): boolean {
    return (this.accessRights & 0x1000) !== 0;
  }
  get isCode(): boolean {
    return this.#isOrdinary && (this.#type & 8) !== 0;
  }
  get isConforming(): boolean {
    return this.isCode && (this.#type & 4) !== 0;
  }
  get isReadable(): boolean {
    return this.#isOrdinary && (!this.isCode || (this.#type & 2) !== 0);
  }
  get isWritable(): boolean {
    return this.#isOrdinary && !this.isCode && (this.#type & 2) !== 0;
  }
  /** 64-bit task states and call gates, local descriptor tables; LSL knows no gates. */
  isKnownTo(instruction: "LAR" | "LSL"): boolean {
    if (this.#isOrdinary) return true;
    return [2, 9, 11].includes(this.#type) || (instruction === "LAR" && this.#type === 12);
  }
  get privilege(): number {
    return (this.accessRights >> 13) & 3;
  }
  /** L. */
  get is64Bit(): boolean {
    return (this.accessRights & 0x20_0000) !== 0;
  }
  /** D. */
  get is32Bit(): boolean {
    return (this.accessRights & 0x40_0000) !== 0;
  }
  get base(): number {
    return Number((this.#bits >> 16n) & 0xff_ffffn) + Number(this.#bits >> 56n) * 0x100_0000;
  }
  /** In bytes, inclusive. */
  get limit(): number {
    const raw = Number(this.#bits & 0xffffn) | (Number(this.#bits >> 48n) & 15) << 16; // prettier-ignore
    return this.accessRights & 0x80_0000 ? raw * 0x1000 + 0xfff : raw;
  }
}

export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;

/** Undefined outside of the table, and in the local one. */
export function descriptorOf({ gdt }: Segmentation, selector: number): Descriptor | undefined {
  const bits = selector & 4 ? undefined : gdt[selector >> 3];
  return bits === undefined ? undefined : new Descriptor(bits);
}
