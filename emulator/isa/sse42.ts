/** SSE4.2: string comparisons, CRC32, PCMPGTQ. */
import { Flag } from "../context.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";
import { vectorView, writeVector } from "./vector-exact.ts";
import { encodings, vectorBinary } from "./vector-lift.ts";

const feature = "SSE4.2";

export const PCMPGTQ = vectorBinary("PCMPGTQ", "66 0F 38 37", (b, x, y) => b.op("i64x2.gt_s", x, y), { feature });

/** The polynomial 0x11EDC6F41, bits reflected. */
const CASTAGNOLI = 0x82f6_3b78;
export const CRC32 = instruction("CRC32", {
  forms: ["F2 0F 38 F0 /r r32,rm8", "F2 REX.W 0F 38 F0 /r r64,rm8", "F2 0F 38 F1 /r r32,rm"],
  feature,
  execute(machine, dst, src) {
    let crc = Number(machine.read(dst) & 0xffff_ffffn);
    const value = machine.read(src);
    for (let bit = 0; bit < src.width; bit += 8) {
      crc ^= Number((value >> BigInt(bit)) & 0xffn);
      for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? CASTAGNOLI : 0);
    }
    machine.write(dst, BigInt(crc >>> 0));
  },
});

// PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: SDM volume 1, 4.1

interface Strings {
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** Valid elements of each. */
  readonly lengths: readonly [number, number];
  readonly count: 8 | 16;
}

function elements(machine: Machine, operand: Operand, format: number): number[] {
  const view = vectorView(machine, operand);
  switch (format & 3) {
    case 0:
      return Array.from({ length: 16 }, (_, i) => view.getUint8(i));
    case 1:
      return Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2, true));
    case 2:
      return Array.from({ length: 16 }, (_, i) => view.getInt8(i));
    default:
      return Array.from({ length: 8 }, (_, i) => view.getInt16(i * 2, true));
  }
}
/** |EAX| or |EDX|, or RAX and RDX with REX.W, at most as many as there are elements. */
function explicitLength(machine: Machine, register: 0 | 2, count: number): number {
  const wide = machine.instruction.operandSize === 64;
  const value = BigInt.asIntN(wide ? 64 : 32, machine.context.get(register));
  const magnitude = value < 0n ? -value : value;
  return magnitude > BigInt(count) ? count : Number(magnitude);
}
function implicitLength(values: readonly number[]): number {
  const end = values.indexOf(0);
  return end < 0 ? values.length : end;
}

/** One bit an element of the second string. Where elements are invalid, the SDM's table 4-7 says what counts. */
function aggregate({ first, second, lengths, count }: Strings, mode: number): number {
  const [firstLength, secondLength] = lengths;
  let result = 0;
  for (let j = 0; j < count; j++) {
    const isValid = j < secondLength;
    let holds: boolean;
    switch (mode) {
      case 0: // equal any
        holds = isValid && first.slice(0, firstLength).includes(second[j]);
        break;
      case 1: // ranges
        holds = false;
        for (let i = 0; i + 1 < firstLength; i += 2)
          holds ||= isValid && first[i] <= second[j] && second[j] <= first[i + 1];
        break;
      case 2: // equal each
        holds = j < firstLength && isValid ? first[j] === second[j] : !(j < firstLength) && !isValid;
        break;
      default: // equal ordered
        holds = true;
        for (let i = 0; i < firstLength && i + j < count; i++)
          holds &&= i + j < secondLength && first[i] === second[i + j];
    }
    if (holds) result |= 1 << j;
  }
  return result;
}

function compareStrings(
  machine: Machine,
  a: Operand,
  b: Operand,
  control: number,
  isExplicit: boolean,
): { result: number; count: 8 | 16 } {
  const first = elements(machine, a, control);
  const second = elements(machine, b, control);
  const count = control & 1 ? 8 : 16;
  const lengths = isExplicit
    ? ([explicitLength(machine, 0, count), explicitLength(machine, 2, count)] as const)
    : ([implicitLength(first), implicitLength(second)] as const);
  let result = aggregate({ first, second, lengths, count }, (control >> 2) & 3);
  const all = (1 << count) - 1;
  // Polarity: negate all, or only those of valid elements.
  if (control & 0x10) result ^= control & 0x20 ? (1 << lengths[1]) - 1 : all;
  const { context } = machine;
  let flags = context.rflags & ~(Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF);
  if (result) flags |= Flag.CF;
  if (lengths[1] < count) flags |= Flag.ZF;
  if (lengths[0] < count) flags |= Flag.SF;
  if (result & 1) flags |= Flag.OF;
  context.rflags = flags;
  return { result, count };
}
const comparison = (
  mnemonic: string,
  opcode: string,
  execute: (machine: Machine, a: Operand, b: Operand, control: number) => void,
): InstructionSpecification[] =>
  encodings(
    mnemonic,
    { legacy: `66 0F 3A ${opcode} /r ib`, operands: "xmm,xmm/m128,imm8", vex: "128", feature },
    { execute: (machine, a, b, immediate) => execute(machine, a, b, Number(machine.read(immediate))) },
  );
const toIndex = (mnemonic: string, opcode: string, isExplicit: boolean): InstructionSpecification[] =>
  comparison(mnemonic, opcode, (machine, a, b, control) => {
    const { result, count } = compareStrings(machine, a, b, control, isExplicit);
    const index = result === 0 ? count : control & 0x40 ? 31 - Math.clz32(result) : 31 - Math.clz32(result & -result);
    machine.context.set(1, BigInt(index));
  });
const XMM0: Operand = { kind: "register", file: "xmm", register: 0, width: 128, high: false };
const toMask = (mnemonic: string, opcode: string, isExplicit: boolean): InstructionSpecification[] =>
  comparison(mnemonic, opcode, (machine, a, b, control) => {
    const { result, count } = compareStrings(machine, a, b, control, isExplicit);
    const mask = new Uint8Array(16);
    if (control & 0x40) {
      const bytes = 16 / count;
      for (let i = 0; i < 16; i++) mask[i] = (result >> Math.floor(i / bytes)) & 1 ? 0xff : 0;
    } else {
      mask[0] = result & 0xff;
      mask[1] = result >> 8;
    }
    writeVector(machine, XMM0, mask);
  });
export const PCMPESTRM = toMask("PCMPESTRM", "60", true);
export const PCMPESTRI = toIndex("PCMPESTRI", "61", true);
export const PCMPISTRM = toMask("PCMPISTRM", "62", false);
export const PCMPISTRI = toIndex("PCMPISTRI", "63", false);
