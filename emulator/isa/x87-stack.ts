/** The x87 register stack and what an operation on it does with exceptions. SDM volume 1, chapter 8. */
import { layout } from "../context-layout.ts";
import { tagOf } from "../x87-words.ts";
import { Environment, Exceptions } from "../soft-float/environment.ts";
import type { Float, Format } from "../soft-float/float.ts";
import { extended, extendedAs24, extendedAs53, fromExtended, indefinite, toExtended } from "../soft-float/float.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";
import { setStatus, waitForPending } from "./x87-control.ts";

/** Status word bits. */
export const Status = { SF: 0x40, C0: 0x100, C1: 0x200, C2: 0x400, C3: 0x4000 } as const;

const EMPTY = 3;
/** What an unmasked overflow or underflow takes from or adds to the exponent of a result that stays in a register. */
const EXPONENT_WRAP = 24576;
/** Exceptions found before a result is computed: unmasked, they prevent it. */
const PRE_COMPUTATION = Exceptions.IE | Exceptions.DE | Exceptions.ZE;

/** i of ST(i). */
export const stackIndex = (operand: Operand): number => (operand.kind === "register" ? operand.register : 0);

const indefiniteBytes = bytesOf(indefinite);

export function floatOf(bytes: Uint8Array): Float {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 10);
  return fromExtended(view.getUint16(8, true), view.getBigUint64(0, true));
}
export function bytesOf(x: Float): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  const { signExponent, significand } = toExtended(x);
  view.setBigUint64(0, significand, true);
  view.setUint16(8, signExponent, true);
  return bytes;
}

/**
 * One waiting x87 instruction: raises #MF for what is pending, collects the exceptions of its operation, and at the end (`settle`)
 * says whether the result is delivered. Memory is accessed before `settle`, so a fault finds nothing changed.
 */
export class X87Operation {
  readonly env: Environment;
  readonly #machine: Machine;
  readonly #view: DataView;
  #control: number;
  #stackFault = false;
  #c1: boolean | undefined;
  #condition = 0;
  #conditionMask = 0;

  constructor(machine: Machine) {
    waitForPending(machine);
    this.#machine = machine;
    this.#view = machine.context.view;
    this.#control = this.#view.getUint16(layout.fcw, true);
    this.env = new Environment({
      rounding: (this.#control >> 10) & 3,
      masks: this.#control & Exceptions.all,
      unit: "x87",
      exponentWrap: EXPONENT_WRAP,
    });
  }

  /** The format that precision control gives to results of ADD, SUB, MUL, DIV and SQRT. */
  get format(): Format {
    switch ((this.#control >> 8) & 3) {
      case 0:
        return extendedAs24;
      case 2:
        return extendedAs53;
      default:
        return extended;
    }
  }

  #physical(i: number): number {
    return ((this.#view.getUint16(layout.fsw, true) >> 11) + i) & 7;
  }
  isEmpty(i: number): boolean {
    return ((this.#view.getUint16(layout.ftw, true) >> (this.#physical(i) * 2)) & 3) === EMPTY;
  }
  /** The bytes of ST(i), live. */
  bytes(i: number): Uint8Array {
    return this.#machine.context.x87(this.#physical(i));
  }
  /** ST(i). An empty one is a stack underflow and reads as indefinite; ask `underflow` before it counts. */
  read(i: number): Float {
    return floatOf(this.bytes(i));
  }
  /** Notes a stack underflow if one of the registers is empty. */
  underflows(...registers: number[]): boolean {
    if (!registers.some((i) => this.isEmpty(i))) return false;
    this.env.raise(Exceptions.IE);
    this.#stackFault = true;
    this.#c1 = false;
    return true;
  }
  /** Notes a stack overflow if there is no room for one more. */
  overflows(): boolean {
    if (this.isEmpty(7)) return false;
    this.env.raise(Exceptions.IE);
    this.#stackFault = true;
    this.#c1 = true;
    return true;
  }

  setCondition(bits: number, mask: number = Status.C0 | Status.C2 | Status.C3): void {
    this.#condition = bits;
    this.#conditionMask = mask;
  }
  setC1(value: boolean): void {
    this.#c1 = value;
  }

  /** An unmasked exception forbids the computation itself. */
  get prevented(): boolean {
    return (this.env.raised & PRE_COMPUTATION & ~this.env.masks) !== 0;
  }
  /** An unmasked exception forbids a store to memory. */
  get storePrevented(): boolean {
    return this.prevented || (this.env.raised & (Exceptions.OE | Exceptions.UE) & ~this.env.masks) !== 0;
  }

  /** Enters exceptions and condition codes into the status word. */
  settle(): void {
    const raised = this.prevented ? this.env.raised & PRE_COMPUTATION : this.env.raised;
    let status = this.#view.getUint16(layout.fsw, true) & ~(this.#conditionMask | Status.C1);
    status |= raised | (this.#condition & this.#conditionMask) | (this.#stackFault ? Status.SF : 0);
    if (this.#c1 ?? (this.env.roundedUp && !this.prevented)) status |= Status.C1;
    setStatus(this.#machine.context, status);
    const { instruction } = this.#machine;
    this.#view.setBigUint64(layout.fip, BigInt(instruction.address), true);
    const memory = instruction.operands.find((operand) => operand.kind === "memory");
    if (memory) this.#view.setBigUint64(layout.fdp, BigInt(this.#machine.address(memory)), true);
  }

  // Changes of the stack, after `settle`

  write(i: number, value: Float | Uint8Array): void {
    const bytes = value instanceof Uint8Array ? value : bytesOf(value);
    const physical = this.#physical(i);
    this.#machine.context.x87(physical).set(bytes);
    this.#tag(physical, tagOf(bytes));
  }
  free(i: number): void {
    this.#tag(this.#physical(i), EMPTY);
  }
  #tag(physical: number, tag: number): void {
    const tags = this.#view.getUint16(layout.ftw, true) & ~(3 << (physical * 2));
    this.#view.setUint16(layout.ftw, tags | (tag << (physical * 2)), true);
  }
  rotate(by: 1 | -1): void {
    const status = this.#view.getUint16(layout.fsw, true);
    const top = ((status >> 11) + by) & 7;
    this.#view.setUint16(layout.fsw, (status & ~0x3800) | (top << 11), true);
  }
  pop(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.free(0);
      this.rotate(1);
    }
  }
  push(value: Float | Uint8Array): void {
    this.rotate(-1);
    this.write(0, value);
  }

  // Whole operations

  /** Result of `compute` to ST(target), unless a register that it reads is empty or an exception prevents it; then pops. */
  toRegister(target: number, reads: readonly number[], compute: () => Float, pops = 0): void {
    const result = this.underflows(...reads) ? indefinite : compute();
    const { prevented } = this;
    if (prevented) {
      this.#conditionMask = 0;
      this.#c1 = false;
    }
    this.settle();
    if (prevented) return;
    this.write(target, result);
    this.pop(pops);
  }
  /** Pushes what `load` gives; an unmasked DE does not prevent it (seen on Zen 5). */
  pushed(load: () => Float | Uint8Array): void {
    const value = load();
    const result = !this.#stackFault && this.overflows() ? indefiniteBytes : value;
    const isInvalid = (this.env.raised & Exceptions.IE & ~this.env.masks) !== 0;
    this.settle();
    if (!isInvalid) this.push(result);
  }
  /** Hands ST(0) to `convert` and its bytes to memory; `underflow` is stored for an empty register. */
  stored(store: (bytes: Uint8Array) => void, convert: () => Uint8Array, underflow: Uint8Array, pops: number): void {
    const bytes = this.underflows(0) ? underflow : convert();
    const prevented = this.storePrevented;
    if (!prevented) store(bytes);
    else if (!this.prevented) {
      // Nothing is rounded, then.
      this.env.raised &= ~Exceptions.PE;
      this.env.roundedUp = false;
    }
    this.settle();
    if (!prevented) this.pop(pops);
  }
}
