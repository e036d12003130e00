/** Moves the architectural state between a Context and an engine: one call each way, whatever the number of registers. */
import type { Context } from "../../context.ts";
import type { HostPointer, Libunicorn } from "./library.ts";
import { hostPointer } from "./library.ts";
import { RFLAGS_AT, STAGING_SIZE, stored, transfers, UC_X86_REG as R } from "../register-transfers.ts";

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
