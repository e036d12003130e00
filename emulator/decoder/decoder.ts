/** Bytes → instructions. SDM volume 2, chapter 2. */
import type { CpuLevel } from "../cpu.ts";
import type { OperandForm, Width } from "../isa/form.ts";
import type { Form, Instruction, InstructionSpecification } from "../isa/instruction.ts";
import type { MemoryOperand, Operand, RegisterFile } from "../isa/operand.ts";
import { FormTable, OpcodeMapNumber } from "./form-table.ts";
import { ModRm } from "./modrm.ts";
import { InstructionStream, Prefixes, Rex, TooLong, type CodeReader } from "./prefixes.ts";

/** Bytes that are no instruction this CPU has: `#UD`/`#GP` where hardware raises it, `unsupported` where hardware would execute them. */
export interface Undecodable {
  readonly outcome: "UD" | "GP" | "unsupported";
  readonly address: number;
  readonly length: number;
  /** Empty where the bytes are in no table. */
  readonly mnemonic: string;
}

export type Decoded = Instruction | Undecodable;

export function isInstruction(decoded: Decoded): decoded is Instruction {
  return "form" in decoded;
}

/** Decodes an instruction at a time; what it needs meanwhile is kept for the next. */
export class Decoder {
  readonly #table: FormTable;
  readonly #level: CpuLevel;
  readonly #stream = new InstructionStream();
  readonly #prefixes = new Prefixes();
  readonly #modrm = new ModRm();
  #opcode = 0;
  /** In the order of the encoding. */
  readonly #immediates: (number | bigint)[] = [];
  #nextImmediate = 0;

  constructor(specifications: readonly InstructionSpecification[], level: CpuLevel) {
    this.#table = new FormTable(specifications, level);
    this.#level = level;
  }

  /** Throws GuestFault where a byte that is needed cannot be fetched. */
  decode(reader: CodeReader, address: number): Decoded {
    this.#stream.begin(reader, address);
    try {
      return this.#decode();
    } catch (error) {
      if (error instanceof TooLong) return { outcome: "GP", address, length: 15, mnemonic: "" };
      throw error;
    }
  }

  #fail(outcome: Undecodable["outcome"], mnemonic = ""): Undecodable {
    const { start, position } = this.#stream;
    return { outcome, address: start, length: position - start, mnemonic };
  }

  #decode(): Decoded {
    const stream = this.#stream;
    const prefixes = this.#prefixes;
    let opcode = prefixes.read(stream);
    let map: number = OpcodeMapNumber.oneByte;
    const { vex } = prefixes;
    if (vex) {
      // LOCK, 66, F2, F3 and REX before VEX are errors; below level 3 there is no VEX.
      if (this.#level < 3 || prefixes.lock || prefixes.operandSize || prefixes.repeat || prefixes.hasRex)
        return this.#fail("UD");
      map = vex.map;
      if (map < OpcodeMapNumber["0F"] || map > OpcodeMapNumber["0F3A"]) return this.#fail("UD");
    } else if (opcode === 0x0f) {
      map = OpcodeMapNumber["0F"];
      opcode = stream.u8();
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? OpcodeMapNumber["0F38"] : OpcodeMapNumber["0F3A"];
        opcode = stream.u8();
      }
    }
    this.#opcode = opcode;
    const candidates = this.#table.lookup(vex !== undefined, map, opcode);
    // ModRM is fetched once, when the first form that has one is tried.
    let fetched = false;
    for (let i = 0; i < candidates.length; i++) {
      const form = candidates[i];
      if (!prefixesMatch(form, prefixes)) continue;
      if (form.modrm) {
        if (!fetched) this.#modrm.read(stream, prefixes, form.ignoresMod);
        fetched = true;
        if (!this.#modrm.matches(form)) continue;
      }
      const decoded = this.#finish(form);
      if (!decoded) return this.#fail("UD");
      const { mnemonic, definition } = form.specification;
      return definition.unimplemented ? this.#fail("unsupported", mnemonic) : decoded;
    }
    return this.#fail("UD");
  }

  /** Undefined where hardware raises #UD. */
  #finish(form: Form): Instruction | undefined {
    const stream = this.#stream;
    const prefixes = this.#prefixes;
    const size = operandSize(form, prefixes);
    const addressSize = prefixes.addressSize ? 32 : 64;
    this.#nextImmediate = 0;
    this.#immediates.length = 0;
    if (form.immediates.length) this.#readImmediates(form, size, addressSize);
    const next = stream.position;
    const operands: Operand[] = [];
    for (let i = 0; i < form.operands.length; i++) {
      const operand = this.#operand(form.operands[i], form.vsib, size, next);
      if (!operand) return undefined;
      operands.push(operand);
    }
    if (prefixes.lock && !(form.specification.definition.lock && operands[0]?.kind === "memory")) return undefined;
    // Of destination, indices and mask no two may be the same register.
    if (form.vsib && !areDistinct(operands)) return undefined;
    const { vex } = prefixes;
    // Without a vvvv operand the field must be 1111.
    if (vex?.vvvv && !form.operands.some((operand) => operand.kind === "vvvv")) return undefined;
    return {
      form,
      address: stream.start,
      length: next - stream.start,
      operands,
      operandSize: size,
      addressSize,
      lock: prefixes.lock,
      repeat: form.mandatory === prefixes.repeat ? undefined : prefixes.repeat,
      vectorLength: vex ? vex.length : 128,
    };
  }

  #readImmediates(form: Form, size: 16 | 32 | 64, addressSize: 32 | 64): void {
    const stream = this.#stream;
    for (const encoding of form.immediates)
      switch (encoding) {
        case "ib":
        case "cb":
        case "is4":
          this.#immediates.push(stream.s8());
          break;
        case "iw":
          this.#immediates.push(stream.s16());
          break;
        case "id":
        case "cd":
          this.#immediates.push(stream.s32());
          break;
        case "iz":
          this.#immediates.push(size === 16 ? stream.s16() : stream.s32());
          break;
        case "iv":
          this.#immediates.push(size === 64 ? stream.s64() : size === 16 ? stream.s16() : stream.s32());
          break;
        case "io":
          this.#immediates.push(stream.s64());
          break;
        case "moffs":
          this.#immediates.push(addressSize === 64 ? stream.s64() : stream.s32() >>> 0);
          break;
      }
  }

  #operand(form: OperandForm, vsib: boolean, size: number, next: number): Operand | undefined {
    const { rex, hasRex } = this.#prefixes;
    switch (form.kind) {
      case "rm": {
        const modrm = this.#modrm;
        if (modrm.isMemory) return this.#memoryOperand(bits(form.memoryWidth, size), vsib, next);
        const register = (modrm.byte & 7) | (rex & Rex.B ? 8 : 0);
        return registerOperand(form.file, register, bits(form.width, size), hasRex);
      }
      case "reg": {
        const register = ((this.#modrm.byte >> 3) & 7) | (rex & Rex.R ? 8 : 0);
        return registerOperand(form.file, register, bits(form.width, size), hasRex);
      }
      case "immediate":
        return immediateOperand(this.#immediates[this.#nextImmediate++], bits(form.width, size));
      case "relative":
        return immediateOperand(next + Number(this.#immediates[this.#nextImmediate++]), 64);
      case "opcode": {
        const register = (this.#opcode & 7) | (rex & Rex.B ? 8 : 0);
        return registerOperand(form.file, register, bits(form.width, size), hasRex);
      }
      case "fixed":
        return registerOperand(form.file, form.register, bits(form.width, size), true);
      case "one":
        return immediateOperand(1, 8);
      case "implicitMemory":
        return this.#plainMemory(form.base, 0, bits(form.width, size), form.segmented);
      case "vvvv":
        return registerOperand(form.file, this.#prefixes.vex?.vvvv ?? 0, bits(form.width, size), true);
      case "vectorIndex": {
        const { vectorIndex } = this.#modrm;
        return vectorIndex < 0 ? undefined : registerOperand(form.file, vectorIndex, bits(form.width, size), true);
      }
      case "is4": {
        const register = (Number(this.#immediates[this.#nextImmediate++]) & 0xf0) >> 4;
        return registerOperand(form.file, register, bits(form.width, size), true);
      }
      case "moffs": {
        const address = BigInt.asIntN(64, BigInt(this.#immediates[this.#nextImmediate++]));
        return this.#plainMemory(-1, Number(address), bits(form.width, size), true);
      }
    }
  }

  #memoryOperand(width: number, vsib: boolean, next: number): MemoryOperand {
    const { base, index, scale, displacement, ripRelative } = this.#modrm;
    return {
      kind: "memory",
      width,
      base,
      index: vsib ? -1 : index,
      scale,
      displacement: ripRelative ? displacement + next : displacement,
      segment: this.#prefixes.segment,
      addressWidth: this.#prefixes.addressSize ? 32 : 64,
      deferred: false,
    };
  }
  #plainMemory(base: number, displacement: number, width: number, segmented: boolean): MemoryOperand {
    return {
      kind: "memory",
      width,
      base,
      index: -1,
      scale: 0,
      displacement,
      segment: segmented ? this.#prefixes.segment : undefined,
      addressWidth: this.#prefixes.addressSize ? 32 : 64,
      deferred: false,
    };
  }
}

function prefixesMatch(form: Form, prefixes: Prefixes): boolean {
  const { vex } = prefixes;
  if (form.vex && vex) {
    if (form.mandatory !== vex.prefix) return false;
    if (form.vex.length !== undefined && form.vex.length !== vex.length) return false;
    if (form.vex.w !== undefined && form.vex.w !== vex.w) return false;
  } else
    switch (form.mandatory) {
      case undefined:
        break;
      case "NP":
        if (prefixes.operandSize || prefixes.repeat) return false;
        break;
      case "66":
        if (!prefixes.operandSize || prefixes.repeat) return false;
        break;
      case "F2":
      case "F3":
        if (prefixes.repeat !== form.mandatory) return false;
        break;
    }
  if (form.rexW !== undefined && form.rexW !== (prefixes.rex & Rex.W ? 1 : 0)) return false;
  if (form.withoutRepeat && prefixes.repeat) return false;
  if (form.withoutRexB && prefixes.rex & Rex.B) return false;
  if (form.addressSize === 32 && !prefixes.addressSize) return false;
  return typeof form.operandSize !== "number" || form.operandSize === operandSize(form, prefixes);
}

function operandSize(form: Form, prefixes: Prefixes): 16 | 32 | 64 {
  const prefix66 = prefixes.operandSize && form.mandatory !== "66";
  if (form.operandSize === "force64" || prefixes.rex & Rex.W) return 64;
  if (form.operandSize === "default64") return prefix66 ? 16 : 64;
  return prefix66 ? 16 : 32;
}

function bits(width: Width, size: number): number {
  return width === "operand" ? size : width;
}

function areDistinct(operands: readonly Operand[]): boolean {
  const registers = operands.flatMap((operand) => (operand.kind === "register" ? [operand.register] : []));
  return new Set(registers).size === registers.length;
}

function immediateOperand(value: number | bigint, width: number): Operand {
  return { kind: "immediate", width, value: BigInt(value), deferred: false };
}

function registerOperand(file: RegisterFile, register: number, width: number, hasRex: boolean): Operand | undefined {
  if (file === "segment" && (register & 7) > 5) return undefined;
  const high = file === "gpr" && width === 8 && register >= 4 && register < 8 && !hasRex;
  if (high) register -= 4;
  else if (file === "mmx" || file === "st" || file === "segment") register &= 7;
  return { kind: "register", file, register, width, high };
}
