/** F16C: singles and halves (IEEE 754 binary16). Neither DAZ nor FTZ touches a half. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { Exceptions, Rounding } from "../soft-float/environment.ts";
import { fromHalf, half, single, toHalf, toSingle } from "../soft-float/float.ts";
import { convert } from "../soft-float/round.ts";
import { instruction } from "./instruction.ts";
import { leaveFor, StickyFlags, type Outcome } from "./sticky-flags.ts";
import { ExactOperation, vectorView, writeVector } from "./vector-exact.ts";
import { halves, integers32, writeHalves, zeroVector } from "./vector-lift.ts";

const EXPONENT_DIFFERENCE = 127 - 15;
const FRACTION_DIFFERENCE = 23 - 10;
const HALF_INFINITY = 0x7c00;
const LARGEST_HALF = 65504;
const SMALLEST_NORMAL_HALF = 2 ** -14;
const { OE, UE, PE } = Exceptions;

/** Halves in the low 16 bits of each lane. */
function widen(b: Builder, x: Node): Node {
  const magnitude = b.op("v128.and", x, integers32(b, 0x7fff));
  const sign = b.op("i32x4.shl", b.op("v128.xor", x, magnitude), b.i32(16));
  const shifted = b.op("i32x4.shl", magnitude, b.i32(FRACTION_DIFFERENCE));
  // Normalizes denormals as well.
  const scaled = b.op("f32x4.mul", shifted, b.op("f32x4.splat", b.f32(2 ** EXPONENT_DIFFERENCE)));
  const isSpecial = b.op("i32x4.ge_s", magnitude, integers32(b, HALF_INFINITY));
  const exponent = b.op("v128.and", isSpecial, integers32(b, 0x7f80_0000));
  return b.op("v128.or", b.op("v128.or", scaled, exponent), sign);
}

export const VCVTPH2PS = instruction("VCVTPH2PS", {
  forms: ["VEX.128.66.0F38.W0 13 /r xmm,xmm/m64", "VEX.256.66.0F38.W0 13 /r ymm,xmm/m128"],
  feature: "F16C",
  lift(b, dst, src) {
    const x = b.read(src, "v128");
    const results = [widen(b, b.op("i32x4.extend_low_i16x8_u", x))];
    if (dst.width === 256) results.push(widen(b, b.op("i32x4.extend_high_i16x8_u", x)));
    leaveFor(b, [new StickyFlags(b, "f32x4").nan(results)]);
    writeHalves(b, dst, results);
  },
  execute(machine, dst, src) {
    const operation = new ExactOperation(machine);
    const source = vectorView(machine, src);
    const target = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < dst.width / 32; i++) {
      const x = { ...fromHalf(source.getUint16(i * 2, true)), denormal: false };
      target.setUint32(i * 4, toSingle(convert(operation.env, single, x)), true);
    }
    operation.deliver();
    writeVector(machine, dst, new Uint8Array(target.buffer));
  },
});

/** The rounding that the immediate asks for; undefined is that of MXCSR. */
const roundingOf = (immediate: number): number | undefined => (immediate & 4 ? undefined : immediate & 3);

/** Four singles, no NaN, as halves in the low 16 bits of each lane. */
function narrow(b: Builder, x: Node, rounding: number): Node {
  const isNegative = b.op("i32x4.shr_s", x, b.i32(31));
  const magnitude = b.op("v128.and", x, integers32(b, 0x7fff_ffff));
  /** Lanes of ones where the magnitude grows. */
  const away =
    rounding === Rounding.down ? isNegative : rounding === Rounding.up ? b.op("v128.not", isNegative) : zeroVector(b);
  const unit = 1 << FRACTION_DIFFERENCE;
  const lastBit = b.op("v128.and", b.op("i32x4.shr_u", magnitude, b.i32(FRACTION_DIFFERENCE)), integers32(b, 1));
  const bias =
    rounding === Rounding.nearest
      ? b.op("i32x4.add", lastBit, integers32(b, unit / 2 - 1))
      : b.op("v128.and", away, integers32(b, unit - 1));
  const rebased = b.op("i32x4.sub", b.op("i32x4.add", magnitude, bias), integers32(b, EXPONENT_DIFFERENCE << 23));
  const cut = b.op("i32x4.shr_u", rebased, b.i32(FRACTION_DIFFERENCE));
  const isInfinite = b.op("i32x4.eq", magnitude, integers32(b, 0x7f80_0000));
  // Finite numbers overflow to infinity, or to the largest half.
  const toInfinity = rounding === Rounding.nearest ? integers32(b, -1) : b.op("v128.or", away, isInfinite);
  const normal = b.op("i32x4.min_u", cut, b.op("i32x4.sub", integers32(b, HALF_INFINITY - 1), toInfinity));
  const round = (["nearest", "floor", "ceil", "trunc"] as const)[rounding];
  const inUnits = b.op("f32x4.mul", x, b.op("f32x4.splat", b.f32(2 ** 24)));
  const denormal = b.op("i32x4.trunc_sat_f32x4_s", b.op("f32x4.abs", b.op(`f32x4.${round}`, inUnits)));
  const isNormal = b.op("i32x4.ge_s", magnitude, integers32(b, (EXPONENT_DIFFERENCE + 1) << 23));
  const sign = b.op("v128.and", isNegative, integers32(b, 0x8000));
  return b.op("v128.or", b.op("v128.bitselect", normal, denormal, isNormal), sign);
}

function toHalves(b: Builder, sources: readonly Node[], results: readonly Node[]): Outcome {
  const flags = new StickyFlags(b, "f32x4");
  const { lanes } = flags;
  const differs = (): Node => flags.differ(sources, results.map((x) => widen(b, x))); // prettier-ignore
  const isBeyond = (relation: "lt" | "gt", limit: number) => (x: Node) =>
    lanes.op(relation, lanes.op("abs", x), lanes.constant(limit));
  const outOfRange = (x: Node): Node => lanes.and(lanes.isFinite(x), isBeyond("gt", LARGEST_HALF)(x));
  const isTiny = (x: Node): Node => lanes.and(lanes.isNotZero(x), isBeyond("lt", SMALLEST_NORMAL_HALF)(x));
  return {
    checks: [
      flags.nan(sources),
      ...flags.denormal(sources),
      { flags: OE | PE, suspect: () => lanes.any(sources.map(outOfRange)) },
      { flags: UE | PE, suspect: () => lanes.any(sources.map(isTiny)), confirm: differs },
    ],
    inexact: differs,
  };
}

export const VCVTPS2PH = instruction("VCVTPS2PH", {
  forms: ["VEX.128.66.0F3A.W0 1D /r ib xmm/m64,xmm,imm8", "VEX.256.66.0F3A.W0 1D /r ib xmm/m128,ymm,imm8"],
  feature: "F16C",
  constantImmediate: true,
  lift(b, dst, src, immediate) {
    const sources = halves(b, src);
    const rounding = roundingOf(b.number(immediate)) ?? Rounding.nearest;
    const results = sources.map((x) => narrow(b, x, rounding));
    const { checks, inexact } = toHalves(b, sources, results);
    leaveFor(b, checks, inexact);
    const [low, high] = results;
    b.write(dst, b.op("i16x8.narrow_i32x4_u", low, high ?? zeroVector(b)));
  },
  execute(machine, dst, src, immediate) {
    const operation = new ExactOperation(machine, roundingOf(Number(machine.read(immediate))), false);
    const source = vectorView(machine, src);
    const target = new DataView(new ArrayBuffer(16));
    const count = src.width / 32;
    for (let i = 0; i < count; i++)
      target.setUint16(i * 2, toHalf(convert(operation.env, half, operation.operand(source, "f32", i))), true);
    if (dst.kind === "memory") machine.space.probe(machine.address(dst), count * 2, "write");
    operation.deliver();
    if (dst.kind === "memory") machine.space.write(machine.address(dst), new Uint8Array(target.buffer, 0, count * 2));
    else writeVector(machine, dst, new Uint8Array(target.buffer));
  },
});
