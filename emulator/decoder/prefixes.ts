/** The bytes of an instruction being decoded, from its first on. */
export interface CodeReader {
  /** Throws GuestFault (execute) where no code can be fetched. */
  byteAt(address: number): number;
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
  #reader: CodeReader | undefined;
  start = 0;
  position = 0;

  begin(reader: CodeReader, start: number): void {
    this.#reader = reader;
    this.start = this.position = start;
  }
  u8(): number {
    if (this.position - this.start >= MAX_INSTRUCTION_LENGTH) throw new TooLong();
    return (this.#reader as CodeReader).byteAt(this.position++);
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

/** Everything before the opcode. */
export class Prefixes {
  operandSize = false;
  addressSize = false;
  lock = false;
  /** The last of F2 and F3. */
  repeat: "F2" | "F3" | undefined;
  segment: "fs" | "gs" | undefined;
  /** REX, or the same bits of a VEX prefix; 0 without. */
  rex = 0;
  hasRex = false;
  vex: Vex | undefined;

  /** Reads prefixes and returns the first opcode byte (for VEX, the opcode in its map). */
  read(stream: InstructionStream): number {
    this.operandSize = this.addressSize = this.lock = this.hasRex = false;
    this.repeat = this.segment = this.vex = undefined;
    this.rex = 0;
    for (;;) {
      const byte = stream.u8();
      if ((byte & 0xf0) === 0x40) {
        this.rex = byte & 15;
        this.hasRex = true;
      } else if (this.#isLegacyPrefix(byte)) {
        // REX counts only directly before the opcode.
        this.rex = 0;
        this.hasRex = false;
      } else if (byte === 0xc4 || byte === 0xc5) {
        this.#readVex(stream, byte);
        return stream.u8();
      } else return byte;
    }
  }

  #isLegacyPrefix(byte: number): boolean {
    switch (byte) {
      case 0x66:
        this.operandSize = true;
        return true;
      case 0x67:
        this.addressSize = true;
        return true;
      case 0xf0:
        this.lock = true;
        return true;
      case 0xf2:
        this.repeat = "F2";
        return true;
      case 0xf3:
        this.repeat = "F3";
        return true;
      case 0x64:
        this.segment = "fs";
        return true;
      case 0x65:
        this.segment = "gs";
        return true;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        // ES, CS, SS, DS: without effect in 64-bit mode, and they do not undo FS or GS.
        return true;
      default:
        return false;
    }
  }

  #readVex(stream: InstructionStream, byte: number): void {
    const first = stream.u8();
    const last = byte === 0xc5 ? first : stream.u8();
    this.rex = byte === 0xc5 ? (~first >> 5) & Rex.R : ((~first >> 5) & 7) | ((last >> 4) & Rex.W);
    this.vex = {
      length: last & 4 ? 256 : 128,
      w: byte === 0xc4 && last & 0x80 ? 1 : 0,
      vvvv: (~last >> 3) & 15,
      map: byte === 0xc5 ? 1 : first & 31,
      prefix: vexPrefixes[last & 3],
    };
  }
}
