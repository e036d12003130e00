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

  /** Instructions from the start of `bytes` on; bytes that are none end the list as `db`. */
  disassemble(bytes: Uint8Array, address: number, count: number): DisassembledInstruction[] {
    const found: DisassembledInstruction[] = this.#capstone
      .disasm(bytes, { address, count })
      .map((one) => ({ address: Number(one.address), bytes: new Uint8Array(one.bytes), text: `${one.mnemonic} ${one.opStr}`.trim() })); // prettier-ignore
    if (found.length === 0 && bytes.length > 0) {
      const hex = [...bytes.subarray(0, 8)].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`);
      found.push({ address, bytes: bytes.subarray(0, 8), text: `db ${hex.join(", ")}` });
    }
    return found;
  }
}
