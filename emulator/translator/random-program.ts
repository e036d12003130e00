/**
 * Random x86-64 programs for tests: basic blocks of integer instructions with forward and backward branches (any graph,
 * irreducible ones too), calls of leaf functions, and memory operands of every alignment.
 *
 * R15 holds the address of the data, R14 counts down at each backward branch and ends the program, RSP is a stack.
 * The others are free. The program ends with SYSCALL.
 */
export interface RandomProgram {
  readonly bytes: Uint8Array;
  /** Offsets of instructions' ends do not matter; the entry is offset 0. */
  readonly fuel: number;
}

export interface ProgramOptions {
  readonly blocks: number;
  readonly instructions: number;
  readonly fuel: number;
  /** Bytes from R15 on that memory operands may touch. */
  readonly dataSize: number;
  /** One memory operand in so many has an index that may lead outside of the data; 0 for none. */
  readonly wildEvery: number;
}

export function randomNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Register numbers that programs may change. */
const free = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13] as const;
const fuelRegister = 14;
const dataRegister = 15;

class Assembler {
  readonly bytes: number[] = [];
  readonly #fixups: { readonly at: number; readonly label: number }[] = [];
  readonly #labels = new Map<number, number>();
  readonly #random: () => number;
  readonly #options: ProgramOptions;

  constructor(random: () => number, options: ProgramOptions) {
    this.#random = random;
    this.#options = options;
  }
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  emit(...bytes: number[]): void {
    this.bytes.push(...bytes);
  }
  label(label: number): void {
    this.#labels.set(label, this.bytes.length);
  }
  /** A 32-bit displacement to `label` that ends the instruction. */
  relative(label: number): void {
    this.#fixups.push({ at: this.bytes.length, label });
    this.emit(0, 0, 0, 0);
  }
  immediate(size: number): void {
    const small = this.below(3) === 0;
    for (let index = 0; index < size; index++) this.emit(small && index > 0 ? 0 : this.below(256));
  }
  finish(): Uint8Array {
    const bytes = Uint8Array.from(this.bytes);
    const view = new DataView(bytes.buffer);
    for (const { at, label } of this.#fixups) view.setInt32(at, this.#labels.get(label)! - (at + 4), true);
    return bytes;
  }

  /** Prefixes, opcode and ModRM of an instruction with a register and a register-or-memory operand. */
  modrm(size: number, opcode: readonly number[], register: number, memory: boolean, extension = false): void {
    const rm = this.pick(free);
    const wild = memory && this.#options.wildEvery > 0 && this.below(this.#options.wildEvery) === 0;
    const index = this.pick(free);
    const base = memory ? dataRegister : rm;
    const byteRegister = size === 1 && (register >= 4 || (!memory && base >= 4));
    const rex =
      0x40 |
      (size === 8 ? 8 : 0) |
      (!extension && register >= 8 ? 4 : 0) |
      (wild && index >= 8 ? 2 : 0) |
      (base >= 8 ? 1 : 0);
    if (size === 2) this.emit(0x66);
    if (rex !== 0x40 || byteRegister) this.emit(rex);
    this.emit(...opcode);
    const field = (register & 7) << 3;
    if (!memory) {
      this.emit(0xc0 | field | (rm & 7));
      return;
    }
    const displacement = this.below(this.#options.dataSize - 16) & (this.below(2) ? ~7 : ~0);
    if (wild) this.emit(0x84 | field, ((index & 7) << 3) | (base & 7));
    else this.emit(0x80 | field | (base & 7));
    this.emit(displacement & 255, (displacement >> 8) & 255, (displacement >> 16) & 255, 0);
  }

  /** One instruction that does not branch. */
  instruction(): void {
    const size = this.pick([8, 8, 8, 4, 4, 4, 2, 1]);
    const wide = size === 1 ? 0 : 1;
    const register = this.pick(free);
    const memory = this.below(3) === 0;
    switch (this.below(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
        // ADD OR ADC SBB AND SUB XOR CMP in both directions.
        this.modrm(size, [(this.below(8) << 3) | (this.below(2) << 1) | wide], register, memory);
        return;
      case 4:
      case 5:
        this.modrm(size, [0x80 | wide], this.below(8), memory, true);
        this.immediate(Math.min(size, 4));
        return;
      case 6:
      case 7:
      case 8:
        this.modrm(size, [0x88 | (this.below(2) << 1) | wide], register, memory); // MOV
        return;
      case 9:
        this.modrm(size, [0x84 | wide], register, memory); // TEST
        return;
      case 10:
        this.modrm(size, [0xfe | wide], this.below(2), memory, true); // INC DEC
        return;
      case 11:
        this.modrm(size, [0xf6 | wide], 2 + this.below(2), memory, true); // NOT NEG
        return;
      case 12:
        this.modrm(size, [0xc0 | wide], this.pick([0, 1, 4, 5, 7]), memory, true); // shifts by an immediate
        this.emit(this.below(64));
        return;
      case 13:
        this.modrm(size, [0xd2 | wide], this.pick([0, 1, 4, 5, 7]), memory, true); // shifts by CL
        return;
      case 14:
        this.modrm(size === 1 ? 4 : size, [0x0f, 0xaf], register, memory); // IMUL
        return;
      case 15:
        this.modrm(1, [0x0f, 0x90 | this.below(16)], 0, memory, true); // SETcc
        return;
      case 16:
      case 17:
        this.modrm(size === 1 ? 4 : size, [0x0f, 0x40 | this.below(16)], register, memory); // CMOVcc
        return;
      case 18:
        this.modrm(size === 8 ? 8 : 4, [0x0f, this.pick([0xb7, 0xbf])], register, memory); // MOVZX MOVSX of words
        return;
      case 19:
        this.modrm(8, [0x63], register, memory); // MOVSXD
        return;
      case 20:
        this.modrm(size === 8 ? 8 : 4, [0x8d], register, true); // LEA
        return;
      case 21:
        this.modrm(size === 1 ? 4 : size, [0x0f, 0xa3 | (this.below(4) << 3)], register, false); // BT BTS BTR BTC
        return;
      case 22:
        this.modrm(size, [0x86 | wide], register, memory); // XCHG
        return;
      case 23:
        this.modrm(size, [0x0f, this.pick([0xb0, 0xc0]) | wide], register, memory); // CMPXCHG XADD
        return;
      case 24: {
        const pushed = this.pick(free);
        const popped = this.pick(free);
        this.emit(...(pushed >= 8 ? [0x41] : []), 0x50 | (pushed & 7));
        this.instruction();
        this.emit(...(popped >= 8 ? [0x41] : []), 0x58 | (popped & 7));
        return;
      }
      case 25:
        this.modrm(size === 8 ? 8 : 4, [0xf7], 4 + this.below(2), memory, true); // MUL IMUL
        return;
    }
  }
}

export function randomProgram(seed: number, options: ProgramOptions): RandomProgram {
  const random = randomNumbers(seed);
  const code = new Assembler(random, options);
  const { blocks } = options;
  const functions = 2;
  const end = 1000;
  for (let block = 0; block < blocks; block++) {
    code.label(block);
    for (let count = code.below(options.instructions + 1); count > 0; count--) code.instruction();
    const target = code.below(blocks);
    const condition = code.below(16);
    const other = code.below(blocks);
    switch (code.below(6)) {
      case 0: // falls into the next block
        break;
      case 1: // forward, without touching flags
        code.emit(0x0f, 0x80 | condition);
        code.relative(block + 1 + code.below(blocks - block));
        break;
      case 2:
        code.emit(0xe8);
        code.relative(end + 1 + code.below(functions));
        break;
      case 3:
        // Flags of before the decrement would be lost, so this tests LEA and JRCXZ's relative: MOV, LEA, TEST.
        code.emit(0x41, 0xff, 0xc8 | (fuelRegister & 7)); // DEC R14D
        code.emit(0x0f, 0x84);
        code.relative(end);
        code.emit(0xe9);
        code.relative(target);
        break;
      default:
        code.emit(0x41, 0xff, 0xc8 | (fuelRegister & 7));
        code.emit(0x0f, 0x84);
        code.relative(end);
        if (code.below(2)) code.instruction();
        code.emit(0x0f, 0x80 | condition);
        code.relative(target);
        if (code.below(2)) {
          code.emit(0xe9);
          code.relative(other);
        }
        break;
    }
  }
  code.label(blocks);
  code.label(end);
  code.emit(0x0f, 0x05);
  for (let index = 1; index <= functions; index++) {
    code.label(end + index);
    for (let count = 1 + code.below(4); count > 0; count--) code.instruction();
    code.emit(0xc3);
  }
  return { bytes: code.finish(), fuel: options.fuel };
}
