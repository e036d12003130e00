/** AVX and AVX2: one element to all, elements and halves to other places. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Feature } from "./feature.ts";
import { instruction, type InstructionDefinition, type InstructionSpecification } from "./instruction.ts";
import { blended } from "./sse41.ts";
import { bothLengths, halves, writeHalves, zeroVector } from "./vector-lift.ts";

type Lift = NonNullable<InstructionDefinition["lift"]>;

const byImmediate = (mnemonic: string, feature: Feature, forms: string[], lift: Lift): InstructionSpecification =>
  instruction(mnemonic, { forms, feature, constantImmediate: true, lift });
const bytesOf = (element: number, size: number): number[] => Array.from({ length: size }, (_, i) => element * size + i);

// Broadcasts

type Lanes = "i8x16" | "i16x8" | "i32x4" | "i64x2";

const broadcast =
  (lanes: Lanes): Lift =>
  (b, dst, src) => {
    const size = 16 / Number(lanes.split("x")[1]);
    const fromRegister = (x: Node): Node => b.shuffle(x, x, new Array(16 / size).fill(bytesOf(0, size)).flat());
    const all = src.kind === "register" ? fromRegister(b.read(src)) : b.op(`${lanes}.splat`, b.read(src));
    writeHalves(b, dst, [all, all]);
  };
const broadcastForms = (opcode: string, source: string): string[] => [
  `VEX.128.66.0F38.W0 ${opcode} /r xmm,${source}`,
  `VEX.256.66.0F38.W0 ${opcode} /r ymm,${source}`,
];
export const broadcasts = [
  instruction("VBROADCASTSS", { forms: broadcastForms("18", "m32"), feature: "AVX", lift: broadcast("i32x4") }),
  instruction("VBROADCASTSS", { forms: broadcastForms("18", "xmm.rm"), feature: "AVX2", lift: broadcast("i32x4") }),
  instruction("VBROADCASTSD", { forms: ["VEX.256.66.0F38.W0 19 /r ymm,m64"], feature: "AVX", lift: broadcast("i64x2") }), // prettier-ignore
  instruction("VBROADCASTSD", { forms: ["VEX.256.66.0F38.W0 19 /r ymm,xmm.rm"], feature: "AVX2", lift: broadcast("i64x2") }), // prettier-ignore
  ...(
    [
      ["VPBROADCASTB", "78", 8, "i8x16"],
      ["VPBROADCASTW", "79", 16, "i16x8"],
      ["VPBROADCASTD", "58", 32, "i32x4"],
      ["VPBROADCASTQ", "59", 64, "i64x2"],
    ] as const
  ).map(([mnemonic, opcode, bits, lanes]) =>
    instruction(mnemonic, {
      forms: broadcastForms(opcode, `xmm/m${bits}`),
      feature: "AVX2",
      lift: broadcast(lanes),
    }),
  ),
];

// Halves. The floating-point instructions are AVX, the same for integers AVX2

function halfMoves(suffix: "F128" | "I128", feature: Feature, opcodes: readonly string[]): InstructionSpecification[] {
  const [broadcastOpcode, insert, extract, permute] = opcodes;
  return [
    instruction(`VBROADCAST${suffix}`, {
      forms: [`VEX.256.66.0F38.W0 ${broadcastOpcode} /r ymm,m128`],
      feature,
      lift(b, dst, src) {
        const half = b.read(src);
        writeHalves(b, dst, [half, half]);
      },
    }),
    byImmediate(`VINSERT${suffix}`, feature, [`VEX.256.66.0F3A.W0 ${insert} /r ib ymm,ymm.v,xmm/m128,imm8`], (b, dst, rest, src, selector) => {
      const half = b.read(src);
      const [low, high] = halves(b, rest);
      writeHalves(b, dst, b.number(selector) & 1 ? [low, half] : [half, high]);
    }), // prettier-ignore
    byImmediate(`VEXTRACT${suffix}`, feature, [`VEX.256.66.0F3A.W0 ${extract} /r ib xmm/m128,ymm,imm8`], (b, dst, src, selector) =>
      b.write(dst, halves(b, src)[b.number(selector) & 1]),
    ), // prettier-ignore
    byImmediate(`VPERM2${suffix}`, feature, [`VEX.256.66.0F3A.W0 ${permute} /r ib ymm,ymm.v,ymm/m256,imm8`], (b, dst, first, second, selector) => {
      const y = halves(b, second);
      const all = [...halves(b, first), ...y];
      const chosen = (bits: number): Node => (bits & 8 ? zeroVector(b) : all[bits & 3]);
      const bits = b.number(selector);
      writeHalves(b, dst, [chosen(bits), chosen(bits >> 4)]);
    }), // prettier-ignore
  ];
}
export const halfInstructions = [
  halfMoves("F128", "AVX", ["1A", "18", "19", "06"]),
  halfMoves("I128", "AVX2", ["5A", "38", "39", "46"]),
].flat();

// Elements within a half

/** Two bits, or one, for each element of a half; every half of doublewords by the same, of quadwords by bits of its own. */
const orderOf = (selector: number, half: number, size: 4 | 8): number[] =>
  size === 4
    ? [0, 1, 2, 3].flatMap((i) => bytesOf((selector >> (i * 2)) & 3, 4))
    : [0, 1].flatMap((i) => bytesOf((selector >> (half * 2 + i)) & 1, 8));
const permuteByImmediate =
  (size: 4 | 8): Lift =>
  (b, dst, src, selector) =>
    writeHalves(b, dst, halves(b, src).map((x, half) => b.shuffle(x, x, orderOf(b.number(selector), half, size)))); // prettier-ignore

/** Byte numbers for a swizzle: those of the doublewords that the low bits of `indices` count. */
function bytesOfDoublewords(b: Builder, indices: Node, mask: number): Node {
  const element = b.op("v128.and", indices, b.op("i32x4.splat", b.i32(mask)));
  const first = b.op("i32x4.mul", element, b.op("i32x4.splat", b.i32(0x0404_0404)));
  return b.op("i32x4.add", first, b.op("i32x4.splat", b.i32(0x0302_0100)));
}
/** Bit 1 of each quadword chooses one of the two of `x`. */
function chosenQuadword(b: Builder, x: Node, selector: Node): Node {
  const isUpper = b.op("i64x2.shr_s", b.op("i64x2.shl", selector, b.i32(62)), b.i32(63));
  const both = (i: number): Node => b.shuffle(x, x, [...bytesOf(i, 8), ...bytesOf(i, 8)]);
  return b.op("v128.bitselect", both(1), both(0), isUpper);
}
const permuteByVector =
  (permuted: (b: Builder, x: Node, selector: Node) => Node): Lift =>
  (b, dst, src, selector) => {
    const selectors = halves(b, selector);
    writeHalves(b, dst, halves(b, src).map((x, half) => permuted(b, x, selectors[half]))); // prettier-ignore
  };
export const VPERMILPS = [
  byImmediate("VPERMILPS", "AVX", bothLengths("0F3A.W0 04 /r ib xmm,xmm/m128,imm8"), permuteByImmediate(4)),
  instruction("VPERMILPS", {
    forms: bothLengths("0F38.W0 0C /r xmm,xmm.v,xmm/m128"),
    feature: "AVX",
    lift: permuteByVector((b, x, selector) => b.op("i8x16.swizzle", x, bytesOfDoublewords(b, selector, 3))),
  }),
];
export const VPERMILPD = [
  byImmediate("VPERMILPD", "AVX", bothLengths("0F3A.W0 05 /r ib xmm,xmm/m128,imm8"), permuteByImmediate(8)),
  instruction("VPERMILPD", {
    forms: bothLengths("0F38.W0 0D /r xmm,xmm.v,xmm/m128"),
    feature: "AVX",
    lift: permuteByVector(chosenQuadword),
  }),
];

// Elements across halves

const permuteQuadwords: Lift = (b, dst, src, selector) => {
  const [low, high] = halves(b, src);
  const from = (i: number): number[] => bytesOf((b.number(selector) >> (i * 2)) & 3, 8);
  writeHalves(b, dst, [b.shuffle(low, high, [...from(0), ...from(1)]), b.shuffle(low, high, [...from(2), ...from(3)])]);
};
const permuteDoublewords: Lift = (b, dst, indices, src) => {
  const [low, high] = halves(b, src);
  const results = halves(b, indices).map((half) => {
    const bytes = bytesOfDoublewords(b, half, 7);
    // A swizzle gives 0 for what is not in its half.
    const fromHigh = b.op("i8x16.swizzle", high, b.op("i8x16.sub", bytes, b.op("i8x16.splat", b.i32(16))));
    return b.op("v128.or", b.op("i8x16.swizzle", low, bytes), fromHigh);
  });
  writeHalves(b, dst, results);
};
export const acrossHalves = [
  byImmediate("VPERMQ", "AVX2", ["VEX.256.66.0F3A.W1 00 /r ib ymm,ymm/m256,imm8"], permuteQuadwords),
  byImmediate("VPERMPD", "AVX2", ["VEX.256.66.0F3A.W1 01 /r ib ymm,ymm/m256,imm8"], permuteQuadwords),
  instruction("VPERMD", { forms: ["VEX.256.66.0F38.W0 36 /r ymm,ymm.v,ymm/m256"], feature: "AVX2", lift: permuteDoublewords }), // prettier-ignore
  instruction("VPERMPS", { forms: ["VEX.256.66.0F38.W0 16 /r ymm,ymm.v,ymm/m256"], feature: "AVX2", lift: permuteDoublewords }), // prettier-ignore
];

export const VPBLENDD = byImmediate(
  "VPBLENDD",
  "AVX2",
  bothLengths("0F3A.W0 02 /r ib xmm,xmm.v,xmm/m128,imm8"),
  (b, dst, first, second, selector) => {
    const y = halves(b, second);
    const x = halves(b, first);
    writeHalves(b, dst, y.map((_, half) => blended(b, x[half], y[half], b.number(selector) >> (half * 4), 4))); // prettier-ignore
  },
);
