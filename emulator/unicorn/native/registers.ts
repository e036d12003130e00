/** Moves the architectural state between a Context and an engine: one call each way, whatever the number of registers. */
import type { Context } from "../../context.ts";
import { layout } from "../../context-layout.ts";
import type { HostPointer, Libunicorn } from "./library.ts";
import { hostPointer } from "./library.ts";

/** `uc_x86_reg`. */
export const UC_X86_REG = {
  RAX: 35, RCX: 38, RDX: 40, RBX: 37, RSP: 44, RBP: 36, RSI: 43, RDI: 39, R8: 106,
  RIP: 41, RFLAGS: 253, FS_BASE: 250, GS_BASE: 251, MXCSR: 249,
  FPCW: 246, FPSW: 31, FPTAG: 247, FOP: 258, FIP: 254, FDP: 256, FP0: 82, XMM0: 122,
  CS: 11, DS: 17, ES: 28, FS: 32, GS: 33, SS: 49, CR4: 54, GDTR: 243,
} as const; // prettier-ignore

/** Where registers stand between engine and Context: the Context's own layout, and behind it RFLAGS in one piece. */
const RFLAGS_AT = layout.size;
const STAGING_SIZE = layout.size + 16;

const R = UC_X86_REG;
const legacyOrder = [R.RAX, R.RCX, R.RDX, R.RBX, R.RSP, R.RBP, R.RSI, R.RDI];

/** Pairs of register and offset. RIP stands first: it is read only, since libunicorn takes a write of it as a request to stop. */
const transfers: readonly (readonly [id: number, offset: number])[] = [
  [R.RIP, layout.rip],
  ...legacyOrder.map((id, index) => [id, layout.gpr + index * 8] as const),
  ...Array.from({ length: 8 }, (_, index) => [R.R8 + index, layout.gpr + (8 + index) * 8] as const),
  [R.RFLAGS, RFLAGS_AT],
  [R.FS_BASE, layout.fsBase],
  [R.GS_BASE, layout.gsBase],
  [R.MXCSR, layout.mxcsr],
  [R.FPCW, layout.fcw],
  [R.FPSW, layout.fsw],
  [R.FPTAG, layout.ftw],
  [R.FOP, layout.fop],
  [R.FIP, layout.fip],
  [R.FDP, layout.fdp],
  ...Array.from({ length: 8 }, (_, index) => [R.FP0 + index, layout.x87 + index * 16] as const),
  ...Array.from({ length: 16 }, (_, index) => [R.XMM0 + index, layout.xmm + index * 16] as const),
];

export class RegisterTransfer {
  readonly #library: Libunicorn;
  readonly #staging = new Uint8Array(STAGING_SIZE);
  readonly #view = new DataView(this.#staging.buffer);
  readonly #single = new Uint8Array(8);
  readonly #singleView = new DataView(this.#single.buffer);
  readonly #ids = Int32Array.from(transfers, ([id]) => id);
  readonly #pointers: BigUint64Array;

  constructor(library: Libunicorn) {
    this.#library = library;
    const base = hostPointer(this.#staging);
    this.#pointers = BigUint64Array.from(transfers, ([, offset]) => base + BigInt(offset));
  }

  /** Everything but RIP, which `uc_emu_start` takes. */
  load(engine: HostPointer, context: Context): void {
    this.#staging.set(context.bytes);
    this.#view.setUint32(RFLAGS_AT, context.rflags, true);
    this.#library.writeRegisters(engine, this.#ids.subarray(1), this.#pointers.subarray(1), transfers.length - 1);
  }

  /** EAX and ECX. */
  readCpuidInput(engine: HostPointer): readonly [leaf: number, subleaf: number] {
    this.#library.readRegister(engine, R.RAX, this.#single);
    const leaf = this.#singleView.getUint32(0, true);
    this.#library.readRegister(engine, R.RCX, this.#single);
    return [leaf, this.#singleView.getUint32(0, true)];
  }
  /** EAX, EBX, ECX, EDX; the upper halves become 0. */
  writeCpuidOutput(engine: HostPointer, values: readonly [number, number, number, number]): void {
    for (const [index, id] of [R.RAX, R.RBX, R.RCX, R.RDX].entries()) {
      this.#singleView.setBigUint64(0, BigInt(values[index] >>> 0), true);
      this.#library.writeRegister(engine, id, this.#single);
    }
  }

  store(engine: HostPointer, context: Context): void {
    this.#library.readRegisters(engine, this.#ids, this.#pointers, transfers.length);
    const bytes = context.bytes;
    for (const [from, to] of stored) bytes.set(this.#staging.subarray(from, to), from);
    context.rflags = this.#view.getUint32(RFLAGS_AT, true);
  }
}

/** What an engine tells; the rest of a Context (debug registers, upper YMM halves) stays as it is. */
const stored: readonly (readonly [from: number, to: number])[] = [
  [layout.gpr, layout.zero],
  [layout.mxcsr, layout.dr],
  [layout.x87, layout.ymmHigh],
];
