import { Capstone, Const, loadCapstone } from "capstone-wasm";

export interface DisassembledInstruction {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Capstone, for display. Intel syntax. */
export class Disassembler {
  readonly #capstone: Capstone;
  private constructor() {
    this.#capstone = new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64);
  }

  static async load(): Promise<Disassembler> {
    await loadCapstone();
    return new Disassembler();
  }

  /** Instructions from the start of `bytes` on, up to bytes that are none; where the first are none, they are the one entry, as `db`. */
  disassemble(bytes: Uint8Array, address: number, count: number): DisassembledInstruction[] {
    if (bytes.length === 0) return [];
    try {
      return this.#capstone
        .disasm(bytes, { address, count })
        .map((one) => ({ address: Number(one.address), bytes: new Uint8Array(one.bytes), text: `${one.mnemonic} ${one.opStr}`.trim() })); // prettier-ignore
    } catch {
      // The library throws where it finds no instruction at all, with the code of success.
      const start = bytes.subarray(0, 8);
      const hex = [...start].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`);
      return [{ address, bytes: start, text: `db ${hex.join(", ")}` }];
    }
  }
}
