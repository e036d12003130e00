/** Registers that programs read and write though nothing here goes by them: the system's, which user mode does not see. */
import type { Context } from "../context.ts";

interface Held {
  readonly size: number;
  readonly initial: number;
}
const plain = (size: number, initial = 0): Held => ({ size, initial });
const segment = plain(2);
/** `uc_x86_mmr`: selector, base, limit, flags. */
const table = plain(24);

/** By number of `uc_x86_reg`: CS DS ES FS GS SS, CR0 CR2 CR3 CR4 CR8, IDTR GDTR LDTR TR, FCS FDS. */
const held = new Map<number, Held>([
  ...[11, 17, 28, 32, 33, 49].map((id) => [id, segment] as const),
  [50, plain(8, 0x11)],
  ...[52, 53, 58].map((id) => [id, plain(8)] as const),
  // OSFXSR, FSGSBASE, OSXSAVE.
  [54, plain(8, 0x5_0200)],
  ...[242, 243, 244, 245].map((id) => [id, table] as const),
  ...[255, 257].map((id) => [id, plain(2)] as const),
]);

const MSR = 248;
const modelSpecific = { fsBase: 0xc000_0100, gsBase: 0xc000_0101 } as const;

export class HeldRegisters {
  readonly #values = new Map<number, Uint8Array>();
  /** By number of the model-specific register. */
  readonly #msrs = new Map<number, bigint>();

  clone(): HeldRegisters {
    const copy = new HeldRegisters();
    copy.restore(this);
    return copy;
  }
  restore(from: HeldRegisters): void {
    this.#values.clear();
    this.#msrs.clear();
    for (const [id, value] of from.#values) this.#values.set(id, value.slice());
    for (const [number, value] of from.#msrs) this.#msrs.set(number, value);
  }

  /** Undefined for a register that is not here. MSR reads number 0: unicorn.js has no way to say which. */
  read(id: number): Uint8Array | undefined {
    if (id === MSR) {
      const view = new DataView(new ArrayBuffer(16));
      view.setBigUint64(8, this.#msrs.get(0) ?? 0n, true);
      return new Uint8Array(view.buffer);
    }
    const register = held.get(id);
    if (!register) return undefined;
    const value = this.#values.get(id);
    if (value) return value.slice();
    const initial = new Uint8Array(register.size);
    for (let i = 0, rest = register.initial; rest; i++, rest >>>= 8) initial[i] = rest & 0xff;
    return initial;
  }
  /** False for a register that is not here. MSR is {number u32 at 0, value u64 at 8}; FS's and GS's base are the context's. */
  write(context: Context, id: number, bytes: Uint8Array): boolean {
    if (id === MSR) {
      const value = new Uint8Array(16);
      value.set(bytes.subarray(0, 16));
      const view = new DataView(value.buffer);
      this.#writeMsr(context, view.getUint32(0, true), view.getBigUint64(8, true));
      return true;
    }
    const register = held.get(id);
    if (!register) return false;
    const value = new Uint8Array(register.size);
    value.set(bytes.subarray(0, register.size));
    this.#values.set(id, value);
    return true;
  }
  #writeMsr(context: Context, number: number, value: bigint): void {
    if (number === modelSpecific.fsBase) context.fsBase = Number(value);
    else if (number === modelSpecific.gsBase) context.gsBase = Number(value);
    else this.#msrs.set(number, value);
  }
}
