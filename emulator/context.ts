/**
 * The architectural state of one hardware thread, as bytes in one fixed layout.
 *
 * The engine keeps the same layout in its linear memory: a context that runs there is *attached* (its bytes are a view
 * into that memory) and detached, with its bytes copied out, when another takes its place. So nothing is copied on a system call.
 */
import { addressOfHalves } from "./address.ts";
import { layout } from "./context-layout.ts";

export const Register = {
  RAX: 0, RCX: 1, RDX: 2, RBX: 3, RSP: 4, RBP: 5, RSI: 6, RDI: 7,
  R8: 8, R9: 9, R10: 10, R11: 11, R12: 12, R13: 13, R14: 14, R15: 15,
} as const; // prettier-ignore
export type Register = (typeof Register)[keyof typeof Register];
export const registerNames = Object.keys(Register) as readonly (keyof typeof Register)[];

/** In encoding order. */
export const SegmentRegister = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5 } as const;
export type SegmentRegister = (typeof SegmentRegister)[keyof typeof SegmentRegister];
/** What a 64-bit Windows thread begins with, in that order. */
const initialSelectors = [0x2b, 0x33, 0x2b, 0x2b, 0x53, 0x2b];

/** RFLAGS bits by name. */
export const Flag = { CF: 0x1, PF: 0x4, AF: 0x10, ZF: 0x40, SF: 0x80, TF: 0x100, IF: 0x200, DF: 0x400, OF: 0x800, RF: 0x10000, AC: 0x40000, ID: 0x200000 } as const; // prettier-ignore

export class Context {
  #view: DataView;

  constructor() {
    this.#view = new DataView(new ArrayBuffer(layout.size));
    this.reset();
  }

  /** Puts the state in the form that a new Windows thread has: FCW 0x27F, MXCSR 0x1F80, IF set. */
  reset(): void {
    this.bytes.fill(0);
    this.rflags = Flag.IF | 2;
    this.#view.setUint16(layout.fcw, 0x27f, true);
    this.#view.setUint16(layout.ftw, 0xffff, true);
    this.#view.setUint32(layout.mxcsr, 0x1f80, true);
    initialSelectors.forEach((selector, register) => this.setSelector(register as SegmentRegister, selector));
  }

  /** The live bytes; valid until the context is attached or detached. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset, layout.size);
  }
  get view(): DataView {
    return this.#view;
  }
  /** Moves the state to `view`, which becomes its storage. */
  moveTo(view: DataView): void {
    const target = new Uint8Array(view.buffer, view.byteOffset, layout.size);
    target.set(this.bytes);
    this.#view = view;
  }
  /** A detached copy: plain data. */
  clone(): Context {
    const copy = new Context();
    copy.bytes.set(this.bytes);
    return copy;
  }

  get(register: Register): bigint {
    return this.#view.getBigUint64(layout.gpr + register * 8, true);
  }
  set(register: Register, value: bigint): void {
    this.#view.setBigUint64(layout.gpr + register * 8, value, true);
  }
  /** The register as an unsigned number; inexact above 2^53. */
  getNumber(register: Register): number {
    const at = layout.gpr + register * 8;
    return addressOfHalves(this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true));
  }
  /** `value` is an integer of magnitude up to 2^53; negative values are sign-extended. */
  setNumber(register: Register, value: number): void {
    const at = layout.gpr + register * 8;
    this.#view.setUint32(at, value, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
  }
  getLow32(register: Register): number {
    return this.#view.getUint32(layout.gpr + register * 8, true);
  }
  get rip(): number {
    return addressOfHalves(this.#view.getUint32(layout.rip, true), this.#view.getUint32(layout.rip + 4, true));
  }
  set rip(value: number) {
    this.#view.setUint32(layout.rip, value, true);
    this.#view.setUint32(layout.rip + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  /** RFLAGS, composed from the fields in which the engine keeps the arithmetic flags. */
  get rflags(): number {
    const v = this.#view;
    const parity = v.getUint8(layout.pf);
    let bits = v.getUint32(layout.rflags, true) | 2;
    if (v.getUint32(layout.cf, true)) bits |= Flag.CF;
    if (!((0x6996 >> ((parity ^ (parity >> 4)) & 15)) & 1)) bits |= Flag.PF;
    if (v.getUint32(layout.af, true) & 0x10) bits |= Flag.AF;
    if (v.getUint32(layout.zf, true)) bits |= Flag.ZF;
    if (v.getUint32(layout.sf, true)) bits |= Flag.SF;
    if (v.getUint32(layout.of, true)) bits |= Flag.OF;
    return bits >>> 0;
  }
  set rflags(value: number) {
    const v = this.#view;
    v.setUint32(layout.cf, value & 1, true);
    v.setUint32(layout.pf, value & Flag.PF ? 0 : 1, true);
    v.setUint32(layout.af, value & Flag.AF, true);
    v.setUint32(layout.zf, value & Flag.ZF ? 1 : 0, true);
    v.setUint32(layout.sf, value & Flag.SF ? 1 : 0, true);
    v.setUint32(layout.of, value & Flag.OF ? 1 : 0, true);
    v.setUint32(layout.rflags, (value & ~0x8d5) | 2, true);
  }

  selector(register: SegmentRegister): number {
    return this.#view.getUint16(layout.selectors + register * 2, true);
  }
  /** The selector alone; bases of FS and GS are set apart. */
  setSelector(register: SegmentRegister, selector: number): void {
    this.#view.setUint16(layout.selectors + register * 2, selector, true);
  }
  get fsBase(): number {
    return Number(this.#view.getBigUint64(layout.fsBase, true));
  }
  set fsBase(value: number) {
    this.#view.setBigUint64(layout.fsBase, BigInt(value), true);
  }
  get gsBase(): number {
    return Number(this.#view.getBigUint64(layout.gsBase, true));
  }
  set gsBase(value: number) {
    this.#view.setBigUint64(layout.gsBase, BigInt(value), true);
  }
  get mxcsr(): number {
    return this.#view.getUint32(layout.mxcsr, true);
  }
  set mxcsr(value: number) {
    this.#view.setUint32(layout.mxcsr, value, true);
  }
  /** The 16 bytes of XMMn, live. */
  xmm(index: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + layout.xmm + index * 16, 16);
  }
  /** The upper 16 bytes of YMMn, live. */
  ymmHigh(index: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + layout.ymmHigh + index * 16, 16);
  }
  /** The 10 bytes of the physical x87 register Rn (not ST(n)), live. */
  x87(index: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + layout.x87 + index * 16, 10);
  }
}
