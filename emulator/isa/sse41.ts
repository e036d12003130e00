/** SSE4.1: blends, lane moves, extensions, minima, rounding, dot products. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { add, multiply } from "../soft-float/arithmetic.ts";
import { Environment, Exceptions } from "../soft-float/environment.ts";
import type { Float } from "../soft-float/float.ts";
import { topExponent, zero } from "../soft-float/float.ts";
import { roundToIntegral } from "../soft-float/round.ts";
import { instruction, type InstructionDefinition, type InstructionSpecification } from "./instruction.ts";
import { denormalsAreZero, exactEach, exactLanes, formatOf, type LaneReader } from "./vector-exact.ts";
import { leaveFor, StickyFlags, type Outcome } from "./sticky-flags.ts";
import { lanesOf, precisions, writeLanes } from "./vector-float.ts";
import { encodings, halves, onDestination, vectorBinary, vectorUnary, writeHalves, zeroVector, type Meaning, type VectorOperation } from "./vector-lift.ts"; // prettier-ignore

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

/** Flags of x AND y, and of NOT x AND y; of all bits or of the sign bits of lanes (`lanes`). */
function test(mask?: (b: Builder, x: Node) => Node): NonNullable<InstructionDefinition["lift"]> {
  return (b, left, right) => {
    const y = halves(b, right);
    const x = halves(b, left);
    const isZero = (operation: (x: Node, y: Node) => Node): Node => {
      const bits = y.map((_, half) => operation(x[half], y[half])).reduce((low, high) => b.op("v128.or", low, high));
      return b.eqz(b.op("v128.any_true", mask ? mask(b, bits) : bits));
    };
    const none = b.i32(0);
    b.flags.set({
      zf: isZero((x, y) => b.op("v128.and", x, y)),
      cf: isZero((x, y) => b.op("v128.andnot", y, x)),
      // Odd parity.
      pf: b.i32(1),
      of: none,
      sf: none,
      af: none,
    });
  };
}
export const PTEST = encodings(
  "PTEST",
  { legacy: "66 0F 38 17 /r", operands: "xmm,xmm/m128", vex: "AVX", feature },
  { lift: test() },
);
const testSigns = (mnemonic: string, opcode: string, bit: (b: Builder) => Node): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [`VEX.128.66.0F38.W0 ${opcode} /r xmm,xmm/m128`, `VEX.256.66.0F38.W0 ${opcode} /r ymm,ymm/m256`],
    feature: "AVX",
    lift: test((b, x) => b.op("v128.and", x, bit(b))),
  });
export const VTESTPS = testSigns("VTESTPS", "0E", (b) => b.op("i32x4.splat", b.i32(-(2 ** 31))));
export const VTESTPD = testSigns("VTESTPD", "0F", (b) => b.op("i64x2.splat", b.i64(-(1n << 63n))));

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
  { feature, vex: "128" },
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

/** Elements of `bytes` bytes of x, or of y where their bit is set. */
export function blended(b: Builder, x: Node, y: Node, bits: number, bytes: 2 | 4 | 8): Node {
  return b.shuffle(
    x,
    y,
    Array.from({ length: 16 }, (_, i) => i + ((bits >> Math.floor(i / bytes)) & 1 ? 16 : 0)),
  );
}
function blend(mnemonic: string, opcode: string, bytes: 2 | 4 | 8, vex: "AVX" | "AVX2"): InstructionSpecification[] {
  return vectorBinary(
    mnemonic,
    `66 0F 3A ${opcode}`,
    // Words have eight bits for either half, the others go on with the next bits.
    (b, x, y, immediate, half) => blended(b, x, y, bytes === 2 ? immediate : immediate >> ((half * 16) / bytes), bytes),
    { feature, immediate: true, vex },
  );
}
export const blends = [
  blend("BLENDPS", "0C", 4, "AVX"),
  blend("BLENDPD", "0D", 8, "AVX"),
  blend("PBLENDW", "0E", 2, "AVX2"),
].flat();

/** By sign bits: of XMM0, or of a fourth operand where the encoding has VEX. */
function blendVariable(
  mnemonic: string,
  legacyOpcode: string,
  vexOpcode: string,
  lanes: "i8x16" | "i32x4" | "i64x2",
): InstructionSpecification[] {
  const lift: NonNullable<InstructionDefinition["lift"]> = (b, dst, first, second, mask) => {
    const y = halves(b, second);
    const x = halves(b, first);
    const signs = halves(b, mask).map((part) => b.op(`${lanes}.lt_s`, part, zeroVector(b)));
    writeHalves(b, dst, signs.map((sign, half) => b.op("v128.bitselect", y[half], x[half], sign))); // prettier-ignore
  };
  const vexForm = (length: 128 | 256, register: string): string =>
    `VEX.${length}.66.0F3A.W0 ${vexOpcode} /r is4 ${register},${register}.v,${register}/m${length},${register}.is4`;
  const wide = vexForm(256, "ymm");
  return [
    instruction(mnemonic, {
      forms: [`66 0F 38 ${legacyOpcode} /r xmm,xmm/m128,xmm.0`],
      feature,
      lift: (b, dst, src, mask) => lift(b, dst, dst, src, mask),
    }),
    instruction(`V${mnemonic}`, {
      forms: lanes === "i8x16" ? [vexForm(128, "xmm")] : [vexForm(128, "xmm"), wide],
      feature: "AVX",
      lift,
    }),
    ...(lanes === "i8x16" ? [instruction(`V${mnemonic}`, { forms: [wide], feature: "AVX2", lift })] : []),
  ];
}
export const PBLENDVB = blendVariable("PBLENDVB", "10", "4C", "i8x16");
export const BLENDVPS = blendVariable("BLENDVPS", "14", "4A", "i32x4");
export const BLENDVPD = blendVariable("BLENDVPD", "15", "4B", "i64x2");

// Extensions

function extend(
  name: string,
  opcode: string,
  bits: 16 | 32 | 64,
  sign: "s" | "u",
  steps: readonly string[],
): InstructionSpecification[] {
  const extended = (b: Builder, x: Node): Node => steps.reduce((value, step) => b.op(`${step}_${sign}`, value), x);
  return encodings(
    `PMOV${sign === "s" ? "SX" : "ZX"}${name}`,
    {
      legacy: `66 0F 38 ${opcode} /r`,
      operands: `xmm,xmm/m${bits}`,
      wideOperands: `ymm,xmm/m${bits * 2}`,
      vex: "AVX2",
      feature,
    },
    {
      lift(b, dst, src) {
        const x = b.read(src, "v128");
        if (dst.width !== 256) b.write(dst, extended(b, x));
        else {
          const half = b.shuffle(
            x,
            x,
            Array.from({ length: 16 }, (_, i) => (i + bits / 8) & 15),
          );
          b.write256(dst, extended(b, x), extended(b, half));
        }
      },
    },
  );
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
  ].flat();
});

// Lanes in and out

function extract(
  mnemonic: string,
  legacy: string,
  operands: string,
  laneOperation: string,
  lanesCount: number,
): InstructionSpecification[] {
  return encodings(
    mnemonic,
    { legacy, operands: `${operands},imm8`, vex: "128", feature },
    {
      constantImmediate: true,
      lift: (b, dst, src, lane) => b.write(dst, b.lane(laneOperation, b.number(lane) & (lanesCount - 1), b.read(src))),
    },
  );
}
export const extracts = [
  extract("PEXTRB", "66 0F 3A 14 /r ib", "r32/m8,xmm", "i8x16.extract_lane_u", 16),
  extract("PEXTRW", "66 0F 3A 15 /r ib", "r32/m16,xmm", "i16x8.extract_lane_u", 8),
  extract("PEXTRD", "66 W0 0F 3A 16 /r ib", "rm32,xmm", "i32x4.extract_lane", 4),
  extract("PEXTRQ", "66 REX.W 0F 3A 16 /r ib", "rm64,xmm", "i64x2.extract_lane", 2),
  extract("EXTRACTPS", "66 0F 3A 17 /r ib", "rm32,xmm", "i32x4.extract_lane", 4),
].flat();

function insert(
  mnemonic: string,
  legacy: string,
  source: string,
  laneOperation: string,
  lanesCount: number,
): InstructionSpecification[] {
  return encodings(
    mnemonic,
    { legacy, operands: `xmm,xmm.v,${source},imm8`, vex: "128", feature },
    {
      constantImmediate: true,
      lift(b, dst, rest, src, lane) {
        const value = b.read(src);
        b.write(dst, b.lane(laneOperation, b.number(lane) & (lanesCount - 1), b.read(rest), value));
      },
    },
  );
}
export const inserts = [
  insert("PINSRB", "66 0F 3A 20 /r ib", "r32/m8", "i8x16.replace_lane", 16),
  insert("PINSRD", "66 W0 0F 3A 22 /r ib", "rm32", "i32x4.replace_lane", 4),
  insert("PINSRQ", "66 REX.W 0F 3A 22 /r ib", "rm64", "i64x2.replace_lane", 2),
].flat();

/** One lane of the source, or 32 bits of memory, to one lane; any lanes cleared. */
export const INSERTPS = encodings(
  "INSERTPS",
  { legacy: "66 0F 3A 21 /r ib", operands: "xmm,xmm.v,xmm/m32,imm8", vex: "128", feature },
  {
    constantImmediate: true,
    lift(b, dst, rest, src, selector) {
      const bits = b.number(selector) & 0xff;
      const value =
        src.kind === "memory" ? b.read(src, "i32") : b.lane("i32x4.extract_lane", bits >> 6, b.read(src, "v128"));
      const inserted = b.lane("i32x4.replace_lane", (bits >> 4) & 3, b.read(rest), value);
      const order = Array.from({ length: 16 }, (_, i) => ((bits >> (i >> 2)) & 1 ? 16 : i));
      b.write(dst, b.shuffle(inserted, zeroVector(b), order));
    },
  },
);

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
const roundOpcodes = { PS: "08", PD: "09", SS: "0A", SD: "0B" } as const;
export const rounds = precisions.flatMap((precision) => {
  const { suffix, shape, lane, count, source, vex } = precision;
  const round: Meaning = {
    constantImmediate: true,
    lift(b, dst, rest, src, selector) {
      const bits = b.number(selector) & 15;
      const operation = `${shape}.${bits & 4 ? "nearest" : roundings[bits & 3]}`;
      const x = lanesOf(b, precision, src);
      const results = x.map((one) => b.op(operation, one));
      const flags = new StickyFlags(b, shape);
      // Denormal numbers raise nothing here, but are zeroes with DAZ.
      leaveFor(b, [flags.nan(results), ...flags.denormal(x)], bits & 8 ? undefined : () => flags.differ(x, results));
      writeLanes(b, precision, dst, rest, results);
    },
    execute: (machine, dst, rest, src, selector) =>
      exactLanes(
        machine,
        dst,
        [src],
        { from: lane, to: lane, count, rest },
        exactRounding(Number(machine.read(selector))),
      ),
  };
  const legacy = `66 0F 3A ${roundOpcodes[suffix]} /r ib`;
  return vex === "LIG"
    ? encodings(`ROUND${suffix}`, { legacy, operands: `xmm,xmm.v,${source},imm8`, vex, feature }, round)
    : encodings(`ROUND${suffix}`, { legacy, operands: `xmm,${source},imm8`, vex, feature }, onDestination(round));
});

// Dot products: each product and each sum is rounded

function dotProduct(
  mnemonic: string,
  opcode: string,
  shape: "f32x4" | "f64x2",
  vex: "AVX" | "128",
): InstructionSpecification[] {
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
  return encodings(
    mnemonic,
    { legacy: `66 0F 3A ${opcode} /r ib`, operands: "xmm,xmm.v,xmm/m128,imm8", vex, feature },
    {
      constantImmediate: true,
      lift(b, dst, first, second, selector) {
        const bits = b.number(selector);
        const y = halves(b, second);
        const x = halves(b, first);
        const flags = new StickyFlags(b, shape);
        const multiplicands = [x, y].map((operand) => operand.map((half) => b.op("v128.and", half, b.v128(chosen(bits >> 4))))); // prettier-ignore
        const products = y.map((_, half) => b.op(`${shape}.mul`, multiplicands[0][half], multiplicands[1][half]));
        const steps: Outcome[] = [flags.multiply(multiplicands[0], multiplicands[1], products)];
        let sums: readonly Node[] = products;
        for (let distance = bytes; distance < 16; distance *= 2) {
          const others = sums.map((sum) => swapped(b, sum, distance));
          const next = sums.map((sum, half) => b.op(`${shape}.add`, sum, others[half]));
          steps.push(flags.add(sums, others, next));
          sums = next;
        }
        leaveFor(b, steps.flatMap(({ checks }) => checks), () => steps.flatMap(({ inexact }) => inexact?.() ?? []).reduce(b.or)); // prettier-ignore
        writeHalves(b, dst, sums.map((sum) => b.op("v128.and", sum, b.v128(chosen(bits))))); // prettier-ignore
      },
      execute(machine, dst, first, second, selector) {
        const bits = Number(machine.read(selector));
        const format = formatOf(lane);
        // A denormal product is a denormal operand of the sum.
        const intermediate = (x: Float): Float => {
          if (x.kind !== "finite" || topExponent(x) >= format.minExponent) return x;
          return denormalsAreZero(machine) ? zero(x.sign) : { ...x, denormal: true };
        };
        // A step is made in all lanes; an unmasked exception ends the instruction before the next one raises more.
        const pairsAdded = (env: Environment, terms: readonly Float[]): Float[] => {
          const ends = (env.raised & ~env.masks) !== 0;
          // What earlier steps raised stays, whatever a later one does.
          if (!ends) machine.context.mxcsr |= env.raised;
          return Array.from({ length: terms.length / 2 }, (_, k) =>
            ends ? zero(0) : add(env, format, intermediate(terms[2 * k]), intermediate(terms[2 * k + 1])),
          );
        };
        const totalsOf = (env: Environment, read: LaneReader): readonly Float[] => {
          const products = Array.from({ length: count * (dst.width === 256 ? 2 : 1) }, (_, k) =>
            (bits >> (4 + (k % count))) & 1 ? multiply(env, format, read(0, k), read(1, k)) : zero(0),
          );
          const sums = pairsAdded(env, products);
          return count === 4 ? pairsAdded(env, sums) : sums;
        };
        let totals: readonly Float[] | undefined;
        exactEach(machine, dst, [first, second], { from: lane, to: lane, count }, (env, read, i, half) => {
          totals ??= totalsOf(env, read);
          return (bits >> i) & 1 ? totals[half] : zero(0);
        });
      },
    },
  );
}
export const DPPS = dotProduct("DPPS", "40", "f32x4", "AVX");
export const DPPD = dotProduct("DPPD", "41", "f64x2", "128");
