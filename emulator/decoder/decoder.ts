/** Bytes → instructions. SDM volume 2, chapter 2. */
import type { CpuLevel } from "../cpu.ts";
import type { OperandForm, OpcodeMap, Width } from "../isa/form.ts";
import type { Form, Instruction, InstructionSpecification } from "../isa/instruction.ts";
import type { MemoryOperand, Operand, RegisterFile } from "../isa/operand.ts";
import { FormTable } from "./form-table.ts";
import { InstructionStream, readPrefixes, Rex, TooLong, type CodeReader, type Prefixes } from "./prefixes.ts";

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

/** One-byte opcodes that 64-bit mode does not have. */
const invalidIn64BitMode = new Set([
  0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x62, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea,
]); // prettier-ignore

const maps: readonly (OpcodeMap | undefined)[] = [undefined, "0F", "0F38", "0F3A"];

interface ModRm {
  readonly byte: number;
  readonly memory: ParsedMemory | undefined;
}
interface ParsedMemory {
  readonly base: number;
  readonly index: number;
  readonly scale: 0 | 1 | 2 | 3;
  readonly displacement: number;
  readonly ripRelative: boolean;
}

export class Decoder {
  readonly #table: FormTable;
  readonly #level: CpuLevel;

  constructor(specifications: readonly InstructionSpecification[], level: CpuLevel) {
    this.#table = new FormTable(specifications, level);
    this.#level = level;
  }

  /** Throws GuestFault where a byte that is needed cannot be fetched. */
  decode(reader: CodeReader, address: number): Decoded {
    const stream = new InstructionStream(reader, address);
    try {
      return this.#decode(stream);
    } catch (error) {
      if (error instanceof TooLong) return { outcome: "GP", address, length: 15, mnemonic: "" };
      throw error;
    }
  }

  #decode(stream: InstructionStream): Decoded {
    const { prefixes, opcode: first } = readPrefixes(stream);
    const fail = (outcome: Undecodable["outcome"], mnemonic = ""): Undecodable => ({
      outcome,
      address: stream.start,
      length: stream.position - stream.start,
      mnemonic,
    });
    let opcode = first;
    let map: OpcodeMap = "";
    const { vex } = prefixes;
    if (vex) {
      // LOCK, 66, F2, F3 and REX before VEX are errors; below level 3 there is no VEX.
      if (this.#level < 3 || prefixes.lock || prefixes.operandSize || prefixes.repeat || prefixes.hasRex)
        return fail("UD");
      const vexMap = maps[vex.map];
      if (vexMap === undefined) return fail("UD");
      map = vexMap;
    } else if (opcode === 0x0f) {
      map = "0F";
      opcode = stream.u8();
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? "0F38" : "0F3A";
        opcode = stream.u8();
      }
    }
    const candidates = this.#table.lookup(vex !== undefined, map, opcode);
    // ModRM is fetched once, when the first form that has one is tried.
    let modrm: ModRm | undefined;
    let known = false;
    for (const form of candidates) {
      if (!this.#prefixesMatch(form, prefixes)) continue;
      known = true;
      if (form.modrm) {
        modrm ??= readModRm(stream, prefixes);
        if (!modrmMatches(form, modrm)) continue;
      }
      const decoded = this.#operands(stream, form, prefixes, opcode, modrm) ?? fail("UD");
      const { mnemonic, definition } = form.specification;
      return definition.unimplemented ? fail("unsupported", mnemonic) : decoded;
    }
    // A reg field or operand kind that no form has is #UD; an opcode, or an opcode with that prefix, is one that is missing here.
    if (known || (map === "" && !vex && invalidIn64BitMode.has(opcode))) return fail("UD");
    return fail("unsupported");
  }

  #prefixesMatch(form: Form, prefixes: Prefixes): boolean {
    const { vex } = prefixes;
    if (form.vex && vex) {
      if (form.mandatory !== vex.prefix) return false;
      if (form.vex.length !== undefined && form.vex.length !== vex.length) return false;
      if (form.vex.w !== undefined && form.vex.w !== vex.w) return false;
    } else
      switch (form.mandatory) {
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
        case undefined:
          break;
      }
    if (form.rexW !== undefined && form.rexW !== (prefixes.rex & Rex.W ? 1 : 0)) return false;
    if (form.withoutRexB && prefixes.rex & Rex.B) return false;
    if (form.addressSize === 32 && !prefixes.addressSize) return false;
    return typeof form.operandSize !== "number" || form.operandSize === operandSize(form, prefixes);
  }

  /** Undefined where hardware raises #UD. */
  #operands(
    stream: InstructionStream,
    form: Form,
    prefixes: Prefixes,
    opcode: number,
    modrm: ModRm | undefined,
  ): Instruction | undefined {
    const size = operandSize(form, prefixes);
    const addressSize = prefixes.addressSize ? 32 : 64;
    const immediates: bigint[] = [];
    for (const encoding of form.immediates)
      switch (encoding) {
        case "ib":
        case "cb":
        case "is4":
          immediates.push(BigInt(stream.s8()));
          break;
        case "iw":
          immediates.push(BigInt(stream.s16()));
          break;
        case "id":
        case "cd":
          immediates.push(BigInt(stream.s32()));
          break;
        case "iz":
          immediates.push(BigInt(size === 16 ? stream.s16() : stream.s32()));
          break;
        case "iv":
          immediates.push(size === 64 ? stream.s64() : BigInt(size === 16 ? stream.s16() : stream.s32()));
          break;
        case "io":
          immediates.push(stream.s64());
          break;
        case "moffs":
          immediates.push(addressSize === 64 ? stream.s64() : BigInt(stream.s32() >>> 0));
          break;
      }
    const next = stream.position;
    const rex = prefixes.rex;
    const reg = modrm ? ((modrm.byte >> 3) & 7) | (rex & Rex.R ? 8 : 0) : 0;
    const rm = modrm ? (modrm.byte & 7) | (rex & Rex.B ? 8 : 0) : 0;
    const bits = (width: Width): number => (width === "operand" ? size : width);
    const operands: Operand[] = [];
    let nextImmediate = 0;
    for (const operand of form.operands) {
      const decoded = ((): Operand | undefined => {
        switch (operand.kind) {
          case "rm":
            if (modrm?.memory) return memoryOperand(modrm.memory, bits(operand.memoryWidth), prefixes, next);
            return registerOperand(operand.file, rm, bits(operand.width), prefixes.hasRex);
          case "reg":
            return registerOperand(operand.file, reg, bits(operand.width), prefixes.hasRex);
          case "opcode": {
            const number = (opcode & 7) | (rex & Rex.B ? 8 : 0);
            return registerOperand(operand.file, number, bits(operand.width), prefixes.hasRex);
          }
          case "vvvv":
            return registerOperand(operand.file, prefixes.vex?.vvvv ?? 0, bits(operand.width), true);
          case "is4":
            return registerOperand(
              operand.file,
              Number(immediates[nextImmediate++] & 0xf0n) >> 4,
              bits(operand.width),
              true,
            );
          case "fixed":
            return registerOperand(operand.file, operand.register, bits(operand.width), true);
          case "implicitMemory":
            return implicitMemory(operand, bits(operand.width), prefixes);
          case "immediate":
            return {
              kind: "immediate",
              width: bits(operand.width),
              value: immediates[nextImmediate++],
              deferred: false,
            };
          case "one":
            return { kind: "immediate", width: 8, value: 1n, deferred: false };
          case "relative": {
            const target = BigInt.asIntN(64, BigInt(next) + immediates[nextImmediate++]);
            return { kind: "immediate", width: 64, value: target, deferred: false };
          }
          case "moffs":
            return absoluteMemory(immediates[nextImmediate++], bits(operand.width), prefixes);
        }
      })();
      if (!decoded) return undefined;
      operands.push(decoded);
    }
    if (prefixes.lock && !(form.specification.definition.lock && operands[0]?.kind === "memory")) return undefined;
    // Without a vvvv operand the field must be 1111.
    if (prefixes.vex && prefixes.vex.vvvv && !form.operands.some((operand) => operand.kind === "vvvv"))
      return undefined;
    return {
      form,
      address: stream.start,
      length: next - stream.start,
      operands,
      operandSize: size,
      addressSize,
      lock: prefixes.lock,
      repeat: form.mandatory === prefixes.repeat ? undefined : prefixes.repeat,
      vectorLength: prefixes.vex?.length ?? 128,
    };
  }
}

function operandSize(form: Form, prefixes: Prefixes): 16 | 32 | 64 {
  const prefix66 = prefixes.operandSize && form.mandatory !== "66";
  if (form.operandSize === "force64" || prefixes.rex & Rex.W) return 64;
  if (form.operandSize === "default64") return prefix66 ? 16 : 64;
  return prefix66 ? 16 : 32;
}

function modrmMatches(form: Form, modrm: ModRm): boolean {
  if (form.fixedModrm !== undefined) return (form.stackRegister ? modrm.byte & 0xf8 : modrm.byte) === form.fixedModrm;
  if (form.extension !== undefined && form.extension !== ((modrm.byte >> 3) & 7)) return false;
  return form.accepts === "both" || (form.accepts === "memory") === (modrm.memory !== undefined);
}

function readModRm(stream: InstructionStream, prefixes: Prefixes): ModRm {
  const byte = stream.u8();
  const mod = byte >> 6;
  if (mod === 3) return { byte, memory: undefined };
  const { rex } = prefixes;
  let base = byte & 7;
  let index = -1;
  let scale: 0 | 1 | 2 | 3 = 0;
  if (base === 4) {
    const sib = stream.u8();
    scale = (sib >> 6) as 0 | 1 | 2 | 3;
    index = ((sib >> 3) & 7) | (rex & Rex.X ? 8 : 0);
    if (index === 4) index = -1;
    base = sib & 7;
    if (base === 5 && mod === 0)
      return { byte, memory: { base: -1, index, scale, displacement: stream.s32(), ripRelative: false } };
  } else if (base === 5 && mod === 0) {
    return { byte, memory: { base: -1, index, scale, displacement: stream.s32(), ripRelative: true } };
  }
  base |= rex & Rex.B ? 8 : 0;
  const displacement = mod === 0 ? 0 : mod === 1 ? stream.s8() : stream.s32();
  return { byte, memory: { base, index, scale, displacement, ripRelative: false } };
}

function memoryOperand(parsed: ParsedMemory, width: number, prefixes: Prefixes, next: number): MemoryOperand {
  return {
    kind: "memory",
    width,
    base: parsed.base,
    index: parsed.index,
    scale: parsed.scale,
    displacement: parsed.displacement + (parsed.ripRelative ? next : 0),
    segment: prefixes.segment,
    addressWidth: prefixes.addressSize ? 32 : 64,
    deferred: false,
  };
}

function implicitMemory(
  operand: OperandForm & { kind: "implicitMemory" },
  width: number,
  prefixes: Prefixes,
): MemoryOperand {
  return {
    kind: "memory",
    width,
    base: operand.base,
    index: -1,
    scale: 0,
    displacement: 0,
    segment: operand.segmented ? prefixes.segment : undefined,
    addressWidth: prefixes.addressSize ? 32 : 64,
    deferred: false,
  };
}

function absoluteMemory(address: bigint, width: number, prefixes: Prefixes): MemoryOperand {
  return {
    kind: "memory",
    width,
    base: -1,
    index: -1,
    scale: 0,
    displacement: Number(BigInt.asIntN(64, address)),
    segment: prefixes.segment,
    addressWidth: prefixes.addressSize ? 32 : 64,
    deferred: false,
  };
}

function registerOperand(file: RegisterFile, register: number, width: number, hasRex: boolean): Operand | undefined {
  if (file === "segment" && (register & 7) > 5) return undefined;
  const high = file === "gpr" && width === 8 && register >= 4 && register < 8 && !hasRex;
  if (high) register -= 4;
  else if (file === "mmx" || file === "st" || file === "segment") register &= 7;
  return { kind: "register", file, register, width, high };
}
