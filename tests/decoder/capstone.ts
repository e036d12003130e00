/** Our decoder beside Capstone: the same lengths, the same mnemonics. */
import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { Decoder, isInstruction } from "../../emulator/decoder/decoder.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { reasonFor } from "./known-differences.ts";

export interface Difference {
  readonly address: number;
  readonly bytes: string;
  /** Mnemonic and length, or why there is no instruction. */
  readonly ours: string;
  readonly theirs: string;
}

interface TheirInstruction {
  readonly address: number | bigint;
  readonly size: number;
  readonly mnemonic: string;
}

export interface Sweep {
  readonly instructions: number;
  readonly differences: readonly Difference[];
  /** Differences that known-differences.ts explains, by reason. */
  readonly explained: ReadonlyMap<string, number>;
}

const CHUNK = 0x8000;
const LONGEST = 15;
const prefixWords = /^(?:(?:lock|rep|repe|repne|repz|repnz|bnd|notrack|xacquire|xrelease|data16) )+/;

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

export class CapstoneComparison {
  readonly #capstone: Capstone;
  readonly #decoder = new Decoder(instructions, 3);
  #instructions = 0;
  readonly #differences: Difference[] = [];
  readonly #explained = new Map<string, number>();

  private constructor() {
    this.#capstone = new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64);
  }
  static async load(): Promise<CapstoneComparison> {
    await loadCapstone();
    return new CapstoneComparison();
  }

  /** What was compared since the last call. */
  take(): Sweep {
    const sweep = {
      instructions: this.#instructions,
      differences: this.#differences.splice(0),
      explained: new Map(this.#explained),
    };
    this.#instructions = 0;
    this.#explained.clear();
    return sweep;
  }

  /** From the first byte to the last, instruction after instruction; where Capstone finds none, a byte further on. */
  sweep(code: Uint8Array, address: number): void {
    const padded = new Uint8Array(code.length + LONGEST);
    padded.set(code);
    for (let at = 0; at < code.length;) {
      const end = Math.min(at + CHUNK, code.length);
      // An instruction that begins before the end may go on behind it.
      for (const theirs of this.#disassemble(padded.subarray(at, end + LONGEST), at)) {
        if (at >= end) break;
        this.#compare(padded, at, address, theirs);
        at += theirs.size;
      }
      if (at < end) this.#compare(padded, at++, address, undefined);
    }
  }
  /** The one instruction that `bytes` begin with. */
  one(bytes: Uint8Array): void {
    const padded = new Uint8Array(LONGEST);
    padded.set(bytes);
    this.#compare(padded, 0, 0, this.#disassemble(padded, 0, 1)[0]);
  }

  #disassemble(bytes: Uint8Array, address: number, count?: number): readonly TheirInstruction[] {
    try {
      return this.#capstone.disasm(bytes, { address, ...(count !== undefined && { count }) });
    } catch {
      // The library throws where it finds no instruction at all.
      return [];
    }
  }

  #compare(padded: Uint8Array, at: number, base: number, theirs: TheirInstruction | undefined): void {
    this.#instructions++;
    const decoded = this.#decoder.decode({ byteAt: (address) => padded[address] ?? 0 }, at);
    const mnemonic = isInstruction(decoded) ? decoded.form.specification.mnemonic : decoded.mnemonic;
    const isOurs = isInstruction(decoded) || decoded.outcome === "unsupported";
    const bytes = padded.subarray(at, at + LONGEST);
    const theirMnemonic = theirs?.mnemonic.replace(prefixWords, "").toUpperCase();
    if (isOurs ? mnemonic === theirMnemonic && decoded.length === theirs?.size : !theirs) return;
    const ours = isOurs ? `${mnemonic} ${decoded.length}` : `#${decoded.outcome}`;
    const difference = {
      address: base + at,
      bytes: hex(bytes.subarray(0, Math.max(theirs?.size ?? 1, decoded.length))),
      ours,
      theirs: theirs ? `${theirMnemonic} ${theirs.size}` : "none",
    };
    const reason = reasonFor({
      bytes,
      ours: isOurs ? { mnemonic, length: decoded.length } : undefined,
      theirs: theirs && { mnemonic: theirMnemonic ?? "", length: theirs.size },
    });
    if (reason === undefined) this.#differences.push(difference);
    else this.#explained.set(reason, (this.#explained.get(reason) ?? 0) + 1);
  }
}
