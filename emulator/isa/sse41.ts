/** SSE4.1: blends, lane moves, extensions, minima, rounding, dot products. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { add, multiply } from "../soft-float/arithmetic.ts";
import { Environment, Exceptions } from "../soft-float/environment.ts";
import type { Float } from "../soft-float/float.ts";
import { topExponent, zero } from "../soft-float/float.ts";
import { roundToIntegral } from "../soft-float/round.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import { exactEach, exactLanes, formatOf, unusualMode } from "./vector-exact.ts";
import { hasNaN } from "./vector-float.ts";
import { vector, vectorBinary, vectorUnary, zeroVector, type VectorOperation } from "./vector-lift.ts";

const feature = "SSE4.1";

const binary = (mnemonic: string, opcode: string, operation: VectorOperation): InstructionSpecification[] =>
  vectorBinary(mnemonic, `66 0F 38 ${opcode}`, operation, { feature });
const lanes = (mnemonic: string, opcode: string, name: string): InstructionSpecification[] =>
  binary(mnemonic, opcode, (b, x, y) => b.op(name, x, y));

export const sse41Integer = [
  lanes("PCMPEQQ", "29", "i64x2.eq"),
  lanes("PACKUSDW", "2B", "i16x8.narrow_i32x4_u"),
  lanes("PMINSB", "38", "i8x16.min_s"),
  lanes("PMINSD", "39", "i32x4.min_s"),
  lanes("PMINUW", "3A", "i16x8.min_u"),
  lanes("PMINUD", "3B", "i32x4.min_u"),
  lanes("PMAXSB", "3C", "i8x16.max_s"),
  lanes("PMAXSD", "3D", "i32x4.max_s"),
  lanes("PMAXUW", "3E", "i16x8.max_u"),
  lanes("PMAXUD", "3F", "i32x4.max_u"),
  lanes("PMULLD", "40", "i32x4.mul"),
].flat();

const evenLanes = (b: Builder, x: Node): Node => b.shuffle(x, x, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
export const PMULDQ = binary("PMULDQ", "28", (b, x, y) =>
  b.op("i64x2.extmul_low_i32x4_s", evenLanes(b, x), evenLanes(b, y)),
);

export const MOVNTDQA = instruction("MOVNTDQA", {
  forms: ["66 0F 38 2A /r xmm,m128"],
  feature,
  lift: (b, dst, src) => b.write(dst, vector(b, src)),
});

export const PTEST = instruction("PTEST", {
  forms: ["66 0F 38 17 /r xmm,xmm/m128"],
  feature,
  lift(b, left, right) {
    const y = vector(b, right);
    const x = b.read(left);
    const none = b.i32(0);
    b.flags.set({
      zf: b.eqz(b.op("v128.any_true", b.op("v128.and", x, y))),
      cf: b.eqz(b.op("v128.any_true", b.op("v128.andnot", y, x))),
      // Odd parity.
      pf: b.i32(1),
      of: none,
      sf: none,
      af: none,
    });
  },
});

/** The smallest word and where it is. */
export const PHMINPOSUW = vectorUnary(
  "PHMINPOSUW",
  "66 0F 38 41",
  (b, x) => {
    let smallest: Node | undefined;
    for (let i = 0; i < 8; i++) {
      const candidate = b.or(b.shl(b.lane("i16x8.extract_lane_u", i, x), 3), i);
      smallest = smallest ? b.select(b.ltU(candidate, smallest), candidate, smallest) : candidate;
    }
    if (!smallest) throw new Error("a vector has lanes");
    const result = b.or(b.shrU(smallest, 3), b.shl(b.and(smallest, 7), 16));
    return b.lane("i32x4.replace_lane", 0, zeroVector(b), result);
  },
  { feature, wide: "128" },
);

/** Sums of absolute differences of four bytes of y, at eight places of x. */
export const MPSADBW = vectorBinary(
  "MPSADBW",
  "66 0F 3A 42",
  (b, x, y, immediate, half) => {
    const selector = immediate >> (half * 3);
    const [first, block] = [(selector & 4) === 0 ? 0 : 4, (selector & 3) * 4];
    let sum: Node | undefined;
    for (let i = 0; i < 4; i++) {
      const window = b.shuffle(
        x,
        x,
        Array.from({ length: 16 }, (_, k) => (first + i + k) & 15),
      );
      const fixed = b.shuffle(y, y, new Array<number>(16).fill(block + i));
      const difference = b.op(
        "i16x8.sub",
        b.op("i16x8.extend_low_i8x16_u", window),
        b.op("i16x8.extend_low_i8x16_u", fixed),
      );
      const absolute = b.op("i16x8.abs", difference);
      sum = sum ? b.op("i16x8.add", sum, absolute) : absolute;
    }
    return sum ?? zeroVector(b);
  },
  { feature, immediate: true },
);

// Blends

function blend(mnemonic: string, opcode: string, bytes: 2 | 4 | 8, wide: "AVX" | "AVX2"): InstructionSpecification[] {
  return vectorBinary(
    mnemonic,
    `66 0F 3A ${opcode}`,
    (b, x, y, immediate, half) => {
      // Words have eight bits for either half, the others go on with the next bits.
      const bits = bytes === 2 ? immediate : immediate >> ((half * 16) / bytes);
      return b.shuffle(
        x,
        y,
        Array.from({ length: 16 }, (_, i) => i + ((bits >> Math.floor(i / bytes)) & 1 ? 16 : 0)),
      );
    },
    { feature, immediate: true, wide },
  );
}
export const blends = [
  blend("BLENDPS", "0C", 4, "AVX"),
  blend("BLENDPD", "0D", 8, "AVX"),
  blend("PBLENDW", "0E", 2, "AVX2"),
].flat();

/** By the sign bits of XMM0. */
function blendVariable(mnemonic: string, opcode: string, lane: "i8x16" | "i32x4" | "i64x2"): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`66 0F 38 ${opcode} /r xmm,xmm/m128,xmm.0`],
    feature,
    lift(b, dst, src, mask) {
      const y = vector(b, src);
      const signs = b.op(`${lane}.lt_s`, b.read(mask), zeroVector(b));
      b.write(dst, b.op("v128.bitselect", y, b.read(dst), signs));
    },
  });
}
export const PBLENDVB = blendVariable("PBLENDVB", "10", "i8x16");
export const BLENDVPS = blendVariable("BLENDVPS", "14", "i32x4");
export const BLENDVPD = blendVariable("BLENDVPD", "15", "i64x2");

// Extensions

function extend(
  name: string,
  opcode: string,
  bits: 16 | 32 | 64,
  sign: "s" | "u",
  steps: readonly string[],
): InstructionSpecification {
  return instruction(`PMOV${sign === "s" ? "SX" : "ZX"}${name}`, {
    forms: [`66 0F 38 ${opcode} /r xmm,xmm/m${bits}`],
    feature,
    lift: (b, dst, src) =>
      b.write(
        dst,
        steps.reduce((x, step) => b.op(`${step}_${sign}`, x), b.read(src, "v128")),
      ),
  });
}
const [bytesToWords, wordsToDoubles, doublesToQuads] = [
  "i16x8.extend_low_i8x16",
  "i32x4.extend_low_i16x8",
  "i64x2.extend_low_i32x4",
] as const;
export const extensions = (["s", "u"] as const).flatMap((sign) => {
  const row = sign === "s" ? "2" : "3";
  return [
    extend("BW", `${row}0`, 64, sign, [bytesToWords]),
    extend("BD", `${row}1`, 32, sign, [bytesToWords, wordsToDoubles]),
    extend("BQ", `${row}2`, 16, sign, [bytesToWords, wordsToDoubles, doublesToQuads]),
    extend("WD", `${row}3`, 64, sign, [wordsToDoubles]),
    extend("WQ", `${row}4`, 32, sign, [wordsToDoubles, doublesToQuads]),
    extend("DQ", `${row}5`, 64, sign, [doublesToQuads]),
  ];
});

// Lanes in and out

function extract(mnemonic: string, form: string, laneOperation: string, lanesCount: number): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    feature,
    constantImmediate: true,
    lift: (b, dst, src, lane) => b.write(dst, b.lane(laneOperation, b.number(lane) & (lanesCount - 1), b.read(src))),
  });
}
export const PEXTRB = extract("PEXTRB", "66 0F 3A 14 /r ib r32/m8,xmm,imm8", "i8x16.extract_lane_u", 16);
export const PEXTRW_MEMORY = extract("PEXTRW", "66 0F 3A 15 /r ib r32/m16,xmm,imm8", "i16x8.extract_lane_u", 8);
export const PEXTRD = extract("PEXTRD", "66 W0 0F 3A 16 /r ib rm32,xmm,imm8", "i32x4.extract_lane", 4);
export const PEXTRQ = extract("PEXTRQ", "66 REX.W 0F 3A 16 /r ib rm64,xmm,imm8", "i64x2.extract_lane", 2);
export const EXTRACTPS = extract("EXTRACTPS", "66 0F 3A 17 /r ib rm32,xmm,imm8", "i32x4.extract_lane", 4);

function insert(mnemonic: string, form: string, laneOperation: string, lanesCount: number): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    feature,
    constantImmediate: true,
    lift(b, dst, src, lane) {
      const value = b.read(src);
      b.write(dst, b.lane(laneOperation, b.number(lane) & (lanesCount - 1), b.read(dst), value));
    },
  });
}
export const PINSRB = insert("PINSRB", "66 0F 3A 20 /r ib xmm,r32/m8,imm8", "i8x16.replace_lane", 16);
export const PINSRD = insert("PINSRD", "66 W0 0F 3A 22 /r ib xmm,rm32,imm8", "i32x4.replace_lane", 4);
export const PINSRQ = insert("PINSRQ", "66 REX.W 0F 3A 22 /r ib xmm,rm64,imm8", "i64x2.replace_lane", 2);

/** One lane of the source, or 32 bits of memory, to one lane; any lanes cleared. */
export const INSERTPS = instruction("INSERTPS", {
  forms: ["66 0F 3A 21 /r ib xmm,xmm/m32,imm8"],
  feature,
  constantImmediate: true,
  lift(b, dst, src, selector) {
    const bits = b.number(selector) & 0xff;
    const value =
      src.kind === "memory" ? b.read(src, "i32") : b.lane("i32x4.extract_lane", bits >> 6, b.read(src, "v128"));
    const inserted = b.lane("i32x4.replace_lane", (bits >> 4) & 3, b.read(dst), value);
    const order = Array.from({ length: 16 }, (_, i) => ((bits >> (i >> 2)) & 1 ? 16 : i));
    b.write(dst, b.shuffle(inserted, zeroVector(b), order));
  },
});

// Rounding to integers

const roundings = ["nearest", "floor", "ceil", "trunc"] as const;
/** Bit 2 takes the mode of MXCSR, bit 3 keeps PE quiet. */
function exactRounding(selector: number): (env: Environment, x: Float) => Float {
  return (env, x) => {
    const rounding = selector & 4 ? env.rounding : selector & 3;
    const { masks, unit, exponentWrap } = env;
    const inner = new Environment({ rounding, masks, unit, exponentWrap });
    // DE is not among what these raise.
    const result = roundToIntegral(inner, x.denormal ? { ...x, denormal: false } : x);
    env.raise(selector & 8 ? inner.raised & ~Exceptions.PE : inner.raised);
    return result;
  };
}
function roundPacked(mnemonic: string, opcode: string, shape: "f32x4" | "f64x2"): InstructionSpecification {
  const lane = shape === "f32x4" ? "f32" : "f64";
  return instruction(mnemonic, {
    forms: [`66 0F 3A ${opcode} /r ib xmm,xmm/m128,imm8`],
    feature,
    constantImmediate: true,
    lift(b, dst, src, selector) {
      const bits = b.number(selector) & 15;
      const result = b.op(`${shape}.${bits & 4 ? "nearest" : roundings[bits & 3]}`, vector(b, src));
      b.fallback(b.or(unusualMode(b), hasNaN(b, shape, result)));
      b.write(dst, result);
    },
    execute: (machine, dst, src, selector) =>
      exactLanes(
        machine,
        dst,
        [src],
        { from: lane, to: lane, count: lane === "f32" ? 4 : 2 },
        exactRounding(Number(machine.read(selector))),
      ),
  });
}
function roundScalar(mnemonic: string, opcode: string, type: "f32" | "f64"): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`66 0F 3A ${opcode} /r ib xmm,xmm/m${type === "f32" ? 32 : 64},imm8`],
    feature,
    constantImmediate: true,
    lift(b, dst, src, selector) {
      const bits = b.number(selector) & 15;
      const result = b.op(`${type}.${bits & 4 ? "nearest" : roundings[bits & 3]}`, b.read(src, type));
      b.fallback(b.or(unusualMode(b), hasNaN(b, type, result)));
      b.write(dst, result);
    },
    execute: (machine, dst, src, selector) =>
      exactLanes(
        machine,
        dst,
        [src],
        { from: type, to: type, count: 1 },
        exactRounding(Number(machine.read(selector))),
      ),
  });
}
export const rounds = [
  roundPacked("ROUNDPS", "08", "f32x4"),
  roundPacked("ROUNDPD", "09", "f64x2"),
  roundScalar("ROUNDSS", "0A", "f32"),
  roundScalar("ROUNDSD", "0B", "f64"),
];

// Dot products: each product and each sum is rounded

function dotProduct(mnemonic: string, opcode: string, shape: "f32x4" | "f64x2"): InstructionSpecification {
  const lane = shape === "f32x4" ? "f32" : "f64";
  const count = shape === "f32x4" ? 4 : 2;
  const bytes = 16 / count;
  const swapped = (b: Builder, x: Node, distance: number): Node =>
    b.shuffle(
      x,
      x,
      Array.from({ length: 16 }, (_, i) => i ^ distance),
    );
  const chosen = (bits: number): Uint8Array =>
    Uint8Array.from({ length: 16 }, (_, i) => ((bits >> Math.floor(i / bytes)) & 1 ? 0xff : 0));
  return instruction(mnemonic, {
    forms: [`66 0F 3A ${opcode} /r ib xmm,xmm/m128,imm8`],
    feature,
    constantImmediate: true,
    lift(b, dst, src, selector) {
      const bits = b.number(selector);
      const y = vector(b, src);
      const products = b.op("v128.and", b.op(`${shape}.mul`, b.read(dst), y), b.v128(chosen(bits >> 4)));
      let sum = b.op(`${shape}.add`, products, swapped(b, products, bytes));
      if (count === 4) sum = b.op(`${shape}.add`, sum, swapped(b, sum, 8));
      b.fallback(b.or(unusualMode(b), hasNaN(b, shape, sum)));
      b.write(dst, b.op("v128.and", sum, b.v128(chosen(bits))));
    },
    execute(machine, dst, src, selector) {
      const bits = Number(machine.read(selector));
      const format = formatOf(lane);
      // A denormal product is a denormal operand of the sum.
      const intermediate = (x: Float): Float =>
        x.kind === "finite" && topExponent(x) < format.minExponent ? { ...x, denormal: true } : x;
      // An unmasked exception ends the instruction before the next step raises more.
      const added = (env: Environment, x: Float, y: Float): Float =>
        env.raised & ~env.masks ? zero(0) : add(env, format, x, y);
      exactEach(machine, dst, [dst, src], { from: lane, to: lane, count }, (env, read, i) => {
        const product = (k: number): Float =>
          (bits >> (4 + k)) & 1 ? multiply(env, format, read(0, k), read(1, k)) : zero(0);
        const sum = (k: number): Float => {
          const [first, second] = [product(k), product(k + 1)];
          return added(env, intermediate(first), intermediate(second));
        };
        const total = count === 4 ? added(env, intermediate(sum(0)), intermediate(sum(2))) : sum(0);
        return (bits >> i) & 1 ? total : zero(0);
      });
    },
  });
}
export const DPPS = dotProduct("DPPS", "40", "f32x4");
export const DPPD = dotProduct("DPPD", "41", "f64x2");
