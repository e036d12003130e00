/** Bytes of instructions of a form: registers and immediates at random, memory as the caller wants it. */
import type { EncodingForm, OperandForm } from "../../emulator/isa/form.ts";
import type { Random } from "./random.ts";

export interface MemoryEncoding {
  /** Register number; -1 none, "rip" relative to the next instruction. */
  readonly base: number | "rip";
  /** -1: none. */
  readonly index: number;
  readonly scale: number;
  readonly displacement: number;
}

export interface Encoding {
  readonly bytes: Uint8Array;
  readonly usesMemory: boolean;
  readonly operandSize: 16 | 32 | 64;
}

export interface EncodingChoice {
  /** Undefined: ModRM.rm is a register. */
  readonly memory?: MemoryEncoding | undefined;
  /** Legacy prefixes besides those of the form. */
  readonly prefixes?: readonly number[];
  /** Where a branch leads, from the instruction's start. */
  readonly target?: number;
  /** The address of a moffs operand. */
  readonly moffs?: number;
  /** RSP and RBX may be operands, too. */
  readonly anyRegister?: boolean;
  /** Values for immediates, in their order; the others are random. */
  readonly immediates?: readonly number[];
}

export const RBX = 3;
export const RSP = 4;
const immediateBytes = { ib: 1, cb: 1, is4: 1, iw: 2, id: 4, cd: 4, io: 8 } as const;

const operandOf = (form: EncodingForm, kind: OperandForm["kind"]): OperandForm | undefined =>
  form.operands.find((operand) => operand.kind === kind);
const fileOf = (operand: OperandForm | undefined): string | undefined =>
  operand && "file" in operand ? operand.file : undefined;

function registerFor(operand: OperandForm | undefined, random: Random, any: boolean): number {
  const file = fileOf(operand);
  if (file === "segment") return random.below(6);
  for (;;) {
    const register = random.below(16);
    if (any || file !== "gpr" || (register !== RSP && register !== RBX)) return register;
  }
}

const little = (value: number | bigint, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Number((BigInt(value) >> BigInt(i * 8)) & 0xffn));

/** ModRM, SIB and displacement. */
function memoryBytes(reg: number, { base, index, scale, displacement }: MemoryEncoding): number[] {
  const field = (reg & 7) << 3;
  if (base === "rip") return [field | 5, ...little(displacement, 4)];
  if (base < 0) return [field | 4, (scale << 6) | ((index < 0 ? 4 : index & 7) << 3) | 5, ...little(displacement, 4)];
  const short = displacement >= -128 && displacement < 128;
  const mode = short ? 0x40 : 0x80;
  const sib = index >= 0 || (base & 7) === RSP ? [(scale << 6) | ((index < 0 ? 4 : index & 7) << 3) | (base & 7)] : [];
  return [mode | field | (sib.length ? 4 : base & 7), ...sib, ...little(displacement, short ? 1 : 4)];
}

/** REX.W where no form says what it is to be. */
function wideBit({ operandSize }: EncodingForm, size: number, random: Random): number {
  if (operandSize === "default64") return 0;
  return operandSize === "force64" ? random.below(2) : size === 64 ? 1 : 0;
}

const elsewhere = ["implicitMemory", "moffs", "relative"] as const;

/** With a register, or with memory at [RBX + displacement]; undefined where the form has other operands. */
export function encode(
  form: EncodingForm,
  random: Random,
  displacement: number,
  memory: boolean,
): Encoding | undefined {
  if (form.addressSize || elsewhere.some((kind) => operandOf(form, kind))) return undefined;
  return encodeForm(form, random, { memory: memory ? { base: RBX, index: -1, scale: 0, displacement } : undefined });
}

/** Undefined where the form does not have a memory or register operand as the choice wants it. */
export function encodeForm(form: EncodingForm, random: Random, choice: EncodingChoice): Encoding | undefined {
  const { memory, prefixes = [], immediates = [], anyRegister = false } = choice;
  const rmOperand = operandOf(form, "rm");
  const accepts = rmOperand?.kind === "rm" ? rmOperand.accepts : "register";
  if (memory ? accepts === "register" || form.fixedModrm !== undefined : accepts === "memory") return undefined;
  const size =
    typeof form.operandSize === "number"
      ? form.operandSize
      : form.operandSize === undefined
        ? random.pick([16, 32, 64] as const)
        : form.operandSize === "default64"
          ? random.pick([16, 64, 64, 64] as const)
          : 64;
  const reg = form.extension ?? registerFor(operandOf(form, "reg"), random, anyRegister);
  const register = form.registerInOpcode ? registerFor(operandOf(form, "opcode"), random, anyRegister) : registerFor(rmOperand, random, anyRegister); // prettier-ignore
  const base = memory && memory.base !== "rip" && memory.base > 7;
  const index = memory && memory.index > 7;
  const high = memory ? base === true : register > 7;
  const wide = form.rexW ?? (form.mandatory ? random.below(2) : wideBit(form, size, random));
  const bytes: number[] = [...prefixes];
  if (form.addressSize) bytes.push(0x67);
  if (form.vex) {
    const vvvv = operandOf(form, "vvvv") ? registerFor(operandOf(form, "vvvv"), random, anyRegister) : 0;
    const length = form.vex.length === 256 ? 1 : form.vex.length === 128 ? 0 : random.below(2);
    const map = { "": 0, "0F": 1, "0F38": 2, "0F3A": 3 }[form.map];
    const pp = { NP: 0, "66": 1, F3: 2, F2: 3 }[form.mandatory ?? "NP"];
    const last = ((~vvvv & 15) << 3) | (length << 2) | pp;
    const w = form.vex.w ?? random.below(2);
    if (map === 1 && !w && !high && !index && random.below(2)) bytes.push(0xc5, (reg > 7 ? 0 : 0x80) | last);
    else bytes.push(0xc4, (reg > 7 ? 0 : 0x80) | (index ? 0 : 0x40) | (high ? 0 : 0x20) | map, (w << 7) | last);
  } else {
    if (form.mandatory === "66" || (form.mandatory === undefined && size === 16)) bytes.push(0x66);
    if (form.mandatory === "F2" || form.mandatory === "F3") bytes.push(parseInt(form.mandatory, 16));
    let rex = 0x40 | (wide << 3);
    if (form.modrm && form.extension === undefined && reg > 7) rex |= 4;
    if (index) rex |= 2;
    if (high) rex |= 1;
    if (form.withoutRexB) rex &= ~1;
    if (rex !== 0x40 || random.below(2)) bytes.push(rex);
    if (form.map !== "") bytes.push(0x0f);
    if (form.map === "0F38") bytes.push(0x38);
    if (form.map === "0F3A") bytes.push(0x3a);
  }
  bytes.push(form.opcode + (form.registerInOpcode ? register & 7 : 0));
  if (form.fixedModrm !== undefined) bytes.push(form.fixedModrm + (form.stackRegister ? register & 7 : 0));
  else if (form.modrm && memory) {
    const rest = form.immediates.reduce((sum, encoding) => sum + lengthOf(encoding, size, prefixes), 0);
    const at = bytes.length + 5 + rest;
    bytes.push(...memoryBytes(reg, memory.base === "rip" ? { ...memory, displacement: memory.displacement - at } : memory)); // prettier-ignore
  } else if (form.modrm) bytes.push(0xc0 | ((reg & 7) << 3) | (register & 7));
  form.immediates.forEach((encoding, i) => {
    const count = lengthOf(encoding, size, prefixes);
    let value = encoding === "moffs" ? choice.moffs : immediates[i];
    if ((encoding === "cb" || encoding === "cd") && choice.target !== undefined)
      value = choice.target - (bytes.length + count);
    bytes.push(...little(value ?? random.bits(64), count));
  });
  return { bytes: Uint8Array.from(bytes), usesMemory: memory !== undefined, operandSize: size };
}

function lengthOf(encoding: EncodingForm["immediates"][number], size: number, prefixes: readonly number[]): number {
  if (encoding === "iz") return size === 16 ? 2 : 4;
  if (encoding === "iv") return size / 8;
  if (encoding === "moffs") return prefixes.includes(0x67) ? 4 : 8;
  return immediateBytes[encoding];
}
