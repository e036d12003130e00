/** SSE2: integers in vector registers, shuffles, logic. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { InstructionSpecification } from "./instruction.ts";
import { enterMmx, low64, mmx, readMmx, writeMmx, type MmxUse } from "./mmx-lift.ts";
import type { Operand } from "./operand.ts";
import {
  encodings,
  halves,
  vector,
  vectorBinary,
  vectorUnary,
  writeHalves,
  zeroVector,
  type VectorOperation,
  type VectorOptions,
} from "./vector-lift.ts";

/** `66 0F opcode`: dst = operation(dst, src). */
const binary = (
  mnemonic: string,
  opcode: string,
  operation: VectorOperation,
  prefix = "66",
  options: VectorOptions = { mmx: "low" },
): InstructionSpecification[] => vectorBinary(mnemonic, `${prefix} 0F ${opcode}`, operation, options);
const AVX = { vex: "AVX" } as const;
const lanes = (mnemonic: string, opcode: string, name: string, mmx: MmxUse = "low"): InstructionSpecification[] =>
  binary(mnemonic, opcode, (b, x, y) => b.op(name, x, y), "66", { mmx });

export const packedArithmetic = [
  lanes("PADDB", "FC", "i8x16.add"),
  lanes("PADDW", "FD", "i16x8.add"),
  lanes("PADDD", "FE", "i32x4.add"),
  lanes("PADDQ", "D4", "i64x2.add"),
  lanes("PSUBB", "F8", "i8x16.sub"),
  lanes("PSUBW", "F9", "i16x8.sub"),
  lanes("PSUBD", "FA", "i32x4.sub"),
  lanes("PSUBQ", "FB", "i64x2.sub"),
  lanes("PADDSB", "EC", "i8x16.add_sat_s"),
  lanes("PADDSW", "ED", "i16x8.add_sat_s"),
  lanes("PADDUSB", "DC", "i8x16.add_sat_u"),
  lanes("PADDUSW", "DD", "i16x8.add_sat_u"),
  lanes("PSUBSB", "E8", "i8x16.sub_sat_s"),
  lanes("PSUBSW", "E9", "i16x8.sub_sat_s"),
  lanes("PSUBUSB", "D8", "i8x16.sub_sat_u"),
  lanes("PSUBUSW", "D9", "i16x8.sub_sat_u"),
  lanes("PAVGB", "E0", "i8x16.avgr_u"),
  lanes("PAVGW", "E3", "i16x8.avgr_u"),
  lanes("PMINUB", "DA", "i8x16.min_u"),
  lanes("PMAXUB", "DE", "i8x16.max_u"),
  lanes("PMINSW", "EA", "i16x8.min_s"),
  lanes("PMAXSW", "EE", "i16x8.max_s"),
  lanes("PMULLW", "D5", "i16x8.mul"),
  lanes("PMADDWD", "F5", "i32x4.dot_i16x8_s"),
  lanes("PCMPEQB", "74", "i8x16.eq"),
  lanes("PCMPEQW", "75", "i16x8.eq"),
  lanes("PCMPEQD", "76", "i32x4.eq"),
  lanes("PCMPGTB", "64", "i8x16.gt_s"),
  lanes("PCMPGTW", "65", "i16x8.gt_s"),
  lanes("PCMPGTD", "66", "i32x4.gt_s"),
  lanes("PACKSSWB", "63", "i8x16.narrow_i16x8_s", "both"),
  lanes("PACKSSDW", "6B", "i16x8.narrow_i32x4_s", "both"),
  lanes("PACKUSWB", "67", "i8x16.narrow_i16x8_u", "both"),
];

/** Bytes 2, 3, 6, 7, … of each 32-bit lane of two vectors: the upper halves of products. */
const upperHalves = [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31];
const multiplyHigh = (mnemonic: string, opcode: string, sign: "s" | "u"): InstructionSpecification[] =>
  binary(mnemonic, opcode, (b, x, y) =>
    b.shuffle(b.op(`i32x4.extmul_low_i16x8_${sign}`, x, y), b.op(`i32x4.extmul_high_i16x8_${sign}`, x, y), upperHalves),
  );
export const PMULHW = multiplyHigh("PMULHW", "E5", "s");
export const PMULHUW = multiplyHigh("PMULHUW", "E4", "u");

/** Lanes 0 and 2 of 32 bits, next to each other. */
const evenLanes = (b: Builder, x: Node): Node => b.shuffle(x, x, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
export const PMULUDQ = binary("PMULUDQ", "F4", (b, x, y) =>
  b.op("i64x2.extmul_low_i32x4_u", evenLanes(b, x), evenLanes(b, y)),
);

export const PSADBW = binary("PSADBW", "F6", (b, x, y) => {
  const difference = b.op("i8x16.sub", b.op("i8x16.max_u", x, y), b.op("i8x16.min_u", x, y));
  const words = b.op("i16x8.extadd_pairwise_i8x16_u", difference);
  const doubles = b.op("i32x4.extadd_pairwise_i16x8_u", words);
  const sums = b.op("i64x2.add", doubles, b.op("i64x2.shr_u", doubles, b.i32(32)));
  return b.op("v128.and", sums, b.op("i64x2.splat", b.i64(0xffff_ffffn)));
});

// Logic: one operation, three names for it

const logic = (
  name: string,
  opcode: string,
  integerOpcode: string,
  operation: (b: Builder, x: Node, y: Node) => Node,
) => [
  ...binary(`${name}PS`, opcode, operation, "NP", AVX),
  ...binary(`${name}PD`, opcode, operation, "66", AVX),
  ...binary(`P${name}`, integerOpcode, operation),
];
export const packedLogic = [
  ...logic("AND", "54", "DB", (b, x, y) => b.op("v128.and", x, y)),
  ...logic("ANDN", "55", "DF", (b, x, y) => b.op("v128.andnot", y, x)),
  ...logic("OR", "56", "EB", (b, x, y) => b.op("v128.or", x, y)),
  ...logic("XOR", "57", "EF", (b, x, y) => b.op("v128.xor", x, y)),
];

// Interleaving

/** Elements of `bytes` bytes of dst and src in turn, from the lower or upper halves. */
function interleave(
  mnemonic: string,
  opcode: string,
  bytes: number,
  high: boolean,
  prefix = "66",
  options: VectorOptions = { mmx: high ? "high" : "low", mmxMemory: high ? 64 : 32 },
): InstructionSpecification[] {
  const order: number[] = [];
  for (let element = 0; element < 8 / bytes; element++)
    for (const source of [0, 16])
      for (let byte = 0; byte < bytes; byte++) order.push(source + (high ? 8 : 0) + element * bytes + byte);
  return binary(mnemonic, opcode, (b, x, y) => b.shuffle(x, y, order), prefix, options);
}
export const unpack = [
  interleave("PUNPCKLBW", "60", 1, false),
  interleave("PUNPCKLWD", "61", 2, false),
  interleave("PUNPCKLDQ", "62", 4, false),
  interleave("PUNPCKLQDQ", "6C", 8, false, "66", {}),
  interleave("PUNPCKHBW", "68", 1, true),
  interleave("PUNPCKHWD", "69", 2, true),
  interleave("PUNPCKHDQ", "6A", 4, true),
  interleave("PUNPCKHQDQ", "6D", 8, true, "66", {}),
  interleave("UNPCKLPS", "14", 4, false, "NP", AVX),
  interleave("UNPCKHPS", "15", 4, true, "NP", AVX),
  interleave("UNPCKLPD", "14", 8, false, "66", AVX),
  interleave("UNPCKHPD", "15", 8, true, "66", AVX),
];

// Shuffles by an immediate

/** Of the source alone: the bytes that each byte of the result comes from. */
const shuffled = (
  mnemonic: string,
  encoding: string,
  order: (selector: number) => number[],
): InstructionSpecification[] =>
  vectorUnary(mnemonic, encoding, (b, y, selector) => b.shuffle(y, y, order(selector)), { immediate: true });
const field = (selector: number, index: number): number => (selector >> (index * 2)) & 3;
const bytesOf = (element: number, size: number): number[] => Array.from({ length: size }, (_, i) => element * size + i);
export const PSHUFD = shuffled("PSHUFD", "66 0F 70", (s) => [0, 1, 2, 3].flatMap((i) => bytesOf(field(s, i), 4)));
export const PSHUFLW = shuffled("PSHUFLW", "F2 0F 70", (s) => [
  ...[0, 1, 2, 3].flatMap((i) => bytesOf(field(s, i), 2)),
  ...[4, 5, 6, 7].flatMap((i) => bytesOf(i, 2)),
]);
export const PSHUFHW = shuffled("PSHUFHW", "F3 0F 70", (s) => [
  ...[0, 1, 2, 3].flatMap((i) => bytesOf(i, 2)),
  ...[0, 1, 2, 3].flatMap((i) => bytesOf(4 + field(s, i), 2)),
]);
export const SHUFPS = vectorBinary(
  "SHUFPS",
  "NP 0F C6",
  (b, x, y, s) =>
    b.shuffle(x, y, [
      ...[0, 1].flatMap((i) => bytesOf(field(s, i), 4)),
      ...[2, 3].flatMap((i) => bytesOf(4 + field(s, i), 4)),
    ]),
  { immediate: true, vex: "AVX" },
);
export const SHUFPD = vectorBinary(
  "SHUFPD",
  "66 0F C6",
  (b, x, y, s, half) => {
    const bits = s >> (half * 2);
    return b.shuffle(x, y, [...bytesOf(bits & 1, 8), ...bytesOf(2 + ((bits >> 1) & 1), 8)]);
  },
  { immediate: true, vex: "AVX" },
);

// Shifts

/** Counts that reach the width give 0, or copies of the sign. `count` is i64. */
function shifted(
  b: Builder,
  x: Node,
  count: Node,
  lane: "i16x8" | "i32x4" | "i64x2",
  direction: "shl" | "shr_u" | "shr_s",
): Node {
  const width = { i16x8: 16, i32x4: 32, i64x2: 64 }[lane];
  const tooFar = b.geU(count, width);
  if (direction === "shr_s") return b.op(`${lane}.shr_s`, x, b.select(tooFar, b.i32(width - 1), b.wrap(count)));
  return b.select(tooFar, zeroVector(b), b.op(`${lane}.${direction}`, x, b.wrap(count)));
}
type ShiftLane = "i16x8" | "i32x4" | "i64x2";
function packedShift(
  mnemonic: string,
  opcode: string,
  group: string,
  lane: ShiftLane,
  direction: "shl" | "shr_u" | "shr_s",
): InstructionSpecification[] {
  const byImmediate = (b: Builder, count: Operand): Node => b.and(b.read(count, "i64"), 0xff);
  const shift = (b: Builder, x: Node, count: Node): Node => shifted(b, x, count, lane, direction);
  const mmxShift = (b: Builder, dst: Operand, count: Node): void => {
    const x = b.op("i64x2.splat", readMmx(b, dst));
    enterMmx(b);
    writeMmx(b, dst, low64(b, shift(b, x, count)));
  };
  return [
    mmx(mnemonic, [`NP 0F ${opcode} /r mm,mm/m64`], {}, (b, dst, src) => mmxShift(b, dst, readMmx(b, src))),
    mmx(mnemonic, [`NP 0F ${group} ib mm.rm,imm8`], {}, (b, dst, count) => mmxShift(b, dst, byImmediate(b, count))),
    ...encodings(
      mnemonic,
      {
        legacy: `66 0F ${opcode} /r`,
        operands: "xmm,xmm.v,xmm/m128",
        wideOperands: "ymm,ymm.v,xmm/m128",
        vex: "AVX2",
      },
      {
        lift(b, dst, src, counts) {
          const count = b.lane("i64x2.extract_lane", 0, vector(b, counts));
          writeHalves(b, dst, halves(b, src).map((x) => shift(b, x, count))); // prettier-ignore
        },
      },
    ),
    ...encodings(
      mnemonic,
      { legacy: `66 0F ${group} ib`, operands: "xmm.v,xmm.rm,imm8", vex: "AVX2" },
      {
        lift: (b, dst, src, count) =>
          writeHalves(b, dst, halves(b, src).map((x) => shift(b, x, byImmediate(b, count)))), // prettier-ignore
      },
    ),
  ];
}
export const packedShifts = [
  packedShift("PSRLW", "D1", "71 /2", "i16x8", "shr_u"),
  packedShift("PSRAW", "E1", "71 /4", "i16x8", "shr_s"),
  packedShift("PSLLW", "F1", "71 /6", "i16x8", "shl"),
  packedShift("PSRLD", "D2", "72 /2", "i32x4", "shr_u"),
  packedShift("PSRAD", "E2", "72 /4", "i32x4", "shr_s"),
  packedShift("PSLLD", "F2", "72 /6", "i32x4", "shl"),
  packedShift("PSRLQ", "D3", "73 /2", "i64x2", "shr_u"),
  packedShift("PSLLQ", "F3", "73 /6", "i64x2", "shl"),
].flat();

function byteShift(mnemonic: string, extension: number, left: boolean): InstructionSpecification[] {
  const shift = (b: Builder, x: Node, count: Operand): Node => {
    const n = Math.min(b.number(count) & 0xff, 16);
    const order = Array.from({ length: 16 }, (_, i) => {
      const from = left ? i - n : i + n;
      return from >= 0 && from < 16 ? from : 16;
    });
    return b.shuffle(x, zeroVector(b), order);
  };
  return encodings(
    mnemonic,
    { legacy: `66 0F 73 /${extension} ib`, operands: "xmm.v,xmm.rm,imm8", vex: "AVX2" },
    {
      constantImmediate: true,
      lift: (b, dst, src, count) => writeHalves(b, dst, halves(b, src).map((x) => shift(b, x, count))), // prettier-ignore
    },
  );
}
export const PSRLDQ = byteShift("PSRLDQ", 3, false);
export const PSLLDQ = byteShift("PSLLDQ", 7, true);

// Words in and out

export const PINSRW = encodings(
  "PINSRW",
  { legacy: "66 0F C4 /r ib", operands: "xmm,xmm.v,r32/m16,imm8", vex: "128" },
  {
    constantImmediate: true,
    lift(b, dst, rest, src, lane) {
      const value = b.read(src, "i32");
      b.write(dst, b.lane("i16x8.replace_lane", b.number(lane) & 7, b.read(rest), value));
    },
  },
);
export const PEXTRW = encodings(
  "PEXTRW",
  { legacy: "66 0F C5 /r ib", operands: "r32,xmm.rm,imm8", vex: "128" },
  {
    constantImmediate: true,
    lift: (b, dst, src, lane) => b.write(dst, b.lane("i16x8.extract_lane_u", b.number(lane) & 7, b.read(src))),
  },
);
