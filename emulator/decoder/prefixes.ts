/** The bytes of an instruction being decoded, from its first on. */
export interface CodeReader {
  /** Throws GuestFault (execute) where no code can be fetched. */
  byteAt(address: number): number;
}

/** Everything before the opcode. */
export interface Prefixes {
  operandSize: boolean;
  addressSize: boolean;
  lock: boolean;
  /** The last of F2 and F3. */
  repeat: "F2" | "F3" | undefined;
  segment: "fs" | "gs" | undefined;
  /** REX, or the same bits of a VEX prefix; 0 without. */
  rex: number;
  hasRex: boolean;
  vex: Vex | undefined;
}

export interface Vex {
  readonly length: 128 | 256;
  readonly w: 0 | 1;
  readonly vvvv: number;
  readonly map: number;
  readonly prefix: "NP" | "66" | "F2" | "F3";
}

export const Rex = { B: 1, X: 2, R: 4, W: 8 } as const;

/** An instruction is no longer than this; one that would be raises #GP. */
export const MAX_INSTRUCTION_LENGTH = 15;

export class TooLong extends Error {
  override readonly name = "TooLong";
}

/** Reads the bytes of one instruction in order. */
export class InstructionStream {
  readonly #reader: CodeReader;
  readonly start: number;
  position: number;

  constructor(reader: CodeReader, start: number) {
    this.#reader = reader;
    this.start = this.position = start;
  }
  u8(): number {
    if (this.position - this.start >= MAX_INSTRUCTION_LENGTH) throw new TooLong();
    return this.#reader.byteAt(this.position++);
  }
  s8(): number {
    return (this.u8() << 24) >> 24;
  }
  s16(): number {
    const low = this.u8();
    return ((low | (this.u8() << 8)) << 16) >> 16;
  }
  s32(): number {
    const low = this.u8() | (this.u8() << 8) | (this.u8() << 16);
    return low | (this.u8() << 24);
  }
  s64(): bigint {
    const low = this.s32() >>> 0;
    return (BigInt(this.s32()) << 32n) | BigInt(low);
  }
}

const vexPrefixes = ["NP", "66", "F3", "F2"] as const;

/** Reads prefixes and returns them with the first opcode byte (for VEX, with the opcode in its map). */
export function readPrefixes(stream: InstructionStream): { readonly prefixes: Prefixes; readonly opcode: number } {
  const prefixes: Prefixes = {
    operandSize: false,
    addressSize: false,
    lock: false,
    repeat: undefined,
    segment: undefined,
    rex: 0,
    hasRex: false,
    vex: undefined,
  };
  for (;;) {
    const byte = stream.u8();
    let isLegacyPrefix = true;
    switch (byte) {
      case 0x66:
        prefixes.operandSize = true;
        break;
      case 0x67:
        prefixes.addressSize = true;
        break;
      case 0xf0:
        prefixes.lock = true;
        break;
      case 0xf2:
        prefixes.repeat = "F2";
        break;
      case 0xf3:
        prefixes.repeat = "F3";
        break;
      case 0x64:
        prefixes.segment = "fs";
        break;
      case 0x65:
        prefixes.segment = "gs";
        break;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        // ES, CS, SS, DS: without effect in 64-bit mode, and they do not undo FS or GS.
        break;
      default:
        isLegacyPrefix = false;
    }
    if (isLegacyPrefix) {
      // REX counts only directly before the opcode.
      prefixes.rex = 0;
      prefixes.hasRex = false;
    } else if ((byte & 0xf0) === 0x40) {
      prefixes.rex = byte & 15;
      prefixes.hasRex = true;
    } else if (byte === 0xc4 || byte === 0xc5) {
      readVex(stream, byte, prefixes);
      return { prefixes, opcode: stream.u8() };
    } else {
      return { prefixes, opcode: byte };
    }
  }
}

function readVex(stream: InstructionStream, byte: number, prefixes: Prefixes): void {
  const first = stream.u8();
  const last = byte === 0xc5 ? first : stream.u8();
  prefixes.rex = byte === 0xc5 ? (~first >> 5) & Rex.R : ((~first >> 5) & 7) | ((last >> 4) & Rex.W);
  prefixes.vex = {
    length: last & 4 ? 256 : 128,
    w: byte === 0xc4 && last & 0x80 ? 1 : 0,
    vvvv: (~last >> 3) & 15,
    map: byte === 0xc5 ? 1 : first & 31,
    prefix: vexPrefixes[last & 3],
  };
}
