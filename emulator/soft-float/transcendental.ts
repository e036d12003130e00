/**
 * The x87's transcendental instructions, computed to some 170 bits and rounded once. Precision control does not apply, and a
 * result that is not exact raises PE.
 */
import { compareMagnitudes } from "./arithmetic.ts";
import type { Environment } from "./environment.ts";
import { Exceptions } from "./environment.ts";
import {
  atanFixed,
  atanhFixed,
  cosineFixed,
  divideFixed,
  expMinusOneFixed,
  FRACTION_BITS,
  LN2,
  multiplyFixed,
  ONE,
  PI,
  sineFixed,
} from "./fixed-point.ts";
import type { Float, Sign } from "./float.ts";
import { bitLength, extended, infinity, topExponent, zero } from "./float.ts";
import { round } from "./round.ts";

/** Below 2^TINY the first term of a series is the function, but for the direction in which it misses. */
const TINY = -80;
const EXTRA = 128n;

/** `magnitude` in units of 2^-FRACTION_BITS, known to be inexact. */
const roundFixed = (env: Environment, sign: Sign, magnitude: bigint): Float =>
  round(env, extended, sign, magnitude, -FRACTION_BITS, true);
const roundSigned = (env: Environment, value: bigint): Float =>
  value < 0n ? roundFixed(env, 1, -value) : roundFixed(env, 0, value);

/** A result that is x but for a far smaller term, which makes the magnitude larger or smaller. */
function nearly(env: Environment, x: Float, larger: boolean): Float {
  const significand = x.significand << EXTRA;
  return round(env, extended, x.sign, larger ? significand : significand - 1n, x.exponent - Number(EXTRA), true);
}

/** A finite number above 2^(TINY - 64) as a fixed-point one, signed. */
function toFixed(x: Float): bigint {
  const shift = x.exponent + FRACTION_BITS;
  const magnitude = shift >= 0 ? x.significand << BigInt(shift) : x.significand >> BigInt(-shift);
  return x.sign ? -magnitude : magnitude;
}

/** π as the processors have it for argument reduction: 66 bits (SDM volume 1, 8.3.8), here as a multiple of 2^-64. */
const REDUCTION_PI = PI >> BigInt(FRACTION_BITS - 64);

interface Reduced {
  /** x = quadrant × π/2 + rest, |rest| ≤ π/4. */
  readonly quadrant: number;
  readonly rest: bigint;
}

function reduce(x: Float): Reduced {
  const halfPi = REDUCTION_PI << BigInt(FRACTION_BITS - 65);
  const value = toFixed(x);
  const twice = 2n * value + halfPi;
  let quotient = twice / (2n * halfPi);
  if (twice < 0n && quotient * 2n * halfPi !== twice) quotient--;
  return { quadrant: Number(quotient & 3n), rest: value - quotient * halfPi };
}

/** C2: the operand is beyond ±2^63 and was left alone. */
export type OutOfRange = "out of range";

function trigonometric(
  env: Environment,
  x: Float,
  ofZero: Float,
  ofTiny: (x: Float) => Float,
  compute: (reduced: Reduced) => Float,
): Float | OutOfRange {
  const special = env.propagate(x);
  if (special) return special;
  if (x.kind === "infinity") return env.invalid();
  if (x.kind === "zero") return ofZero;
  const top = topExponent(x);
  if (top >= 63) return "out of range";
  env.noteDenormals(x);
  return top < TINY ? ofTiny(x) : compute(reduce(x));
}

const one: Float = { kind: "finite", sign: 0, exponent: 0, significand: 1n, denormal: false };

function sineOf({ quadrant, rest }: Reduced): bigint {
  const magnitude = quadrant & 1 ? cosineFixed(rest) : sineFixed(rest);
  return quadrant & 2 ? -magnitude : magnitude;
}
const cosineOf = ({ quadrant, rest }: Reduced): bigint => sineOf({ quadrant: (quadrant + 1) & 3, rest });

export function sine(env: Environment, x: Float): Float | OutOfRange {
  return trigonometric(
    env,
    x,
    zero(x.sign),
    (tiny) => nearly(env, tiny, false),
    (reduced) => roundSigned(env, sineOf(reduced)),
  );
}

export function cosine(env: Environment, x: Float): Float | OutOfRange {
  return trigonometric(
    env,
    x,
    one,
    () => nearly(env, one, false),
    (reduced) => roundSigned(env, cosineOf(reduced)),
  );
}

export function tangent(env: Environment, x: Float): Float | OutOfRange {
  return trigonometric(
    env,
    x,
    zero(x.sign),
    (tiny) => nearly(env, tiny, true),
    (reduced) => roundSigned(env, divideFixed(sineOf(reduced), cosineOf(reduced))),
  );
}

/** FPATAN: the angle of the point (x, y), in (−π, π]. */
export function arcTangent(env: Environment, y: Float, x: Float): Float {
  const special = env.propagate(y, x);
  if (special) return special;
  env.noteDenormals(y, x);
  const { sign } = y;
  if (y.kind === "infinity") {
    if (x.kind !== "infinity") return roundFixed(env, sign, PI >> 1n);
    return roundFixed(env, sign, x.sign ? (3n * PI) >> 2n : PI >> 2n);
  }
  if (x.kind === "infinity" || y.kind === "zero") return x.sign ? roundFixed(env, sign, PI) : zero(sign);
  if (x.kind === "zero") return roundFixed(env, sign, PI >> 1n);
  if (topExponent(y) - topExponent(x) < TINY && !x.sign) {
    const shift = 192 + bitLength(x.significand);
    const quotient = (y.significand << BigInt(shift)) / x.significand;
    return round(env, extended, sign, quotient - 1n, y.exponent - x.exponent - shift, true);
  }
  const steep = compareMagnitudes(y, x) > 0;
  const angle = steep ? (PI >> 1n) - atanFixed(fixedRatio(x, y)) : atanFixed(fixedRatio(y, x));
  return roundFixed(env, sign, x.sign ? PI - angle : angle);
}

/** |a| / |b| ≤ 1, as a fixed-point number. */
function fixedRatio(a: Float, b: Float): bigint {
  const shift = a.exponent - b.exponent + FRACTION_BITS;
  if (shift >= 0) return (a.significand << BigInt(shift)) / b.significand;
  return -shift > 2 * FRACTION_BITS ? 0n : a.significand / (b.significand << BigInt(-shift));
}

/** What is left undefined outside an instruction's domain: the operand stays, PE is raised (seen on Zen 5). */
function unchanged(env: Environment, x: Float): Float {
  env.raise(Exceptions.PE);
  return x;
}

/** F2XM1: 2^x − 1 for −1 ≤ x ≤ 1. */
export function twoToXMinusOne(env: Environment, x: Float): Float {
  const special = env.propagate(x);
  if (special) return special;
  if (x.kind === "infinity") return x.sign ? { ...one, sign: 1 } : x;
  if (x.kind === "zero") return x;
  env.noteDenormals(x);
  const top = topExponent(x);
  if (top < TINY) {
    const significand = (x.significand * LN2) >> 64n;
    return round(env, extended, x.sign, significand, x.exponent - FRACTION_BITS + 64, true);
  }
  if (top >= 0) {
    if (top > 0 || compareMagnitudes(x, one) !== 0) return unchanged(env, x);
    return x.sign ? { ...one, sign: 1, exponent: -1 } : one;
  }
  return roundSigned(env, expMinusOneFixed(multiplyFixed(toFixed(x), LN2)));
}

/** A logarithm as a multiple of a power of two. */
interface Logarithm {
  readonly value: bigint;
  readonly exponent: number;
  readonly exact: boolean;
}

function log2(significand: bigint, exponent: number): Logarithm {
  const length = bitLength(significand);
  let unit = 1n << BigInt(length - 1);
  let power = exponent + length - 1;
  // Keep the significand near 1, between √½ and √2 or so: 181/128 is close to √2.
  if (significand * 128n > unit * 181n) {
    unit <<= 1n;
    power++;
  }
  const z = divideFixed(significand - unit, significand + unit);
  const value = divideFixed(2n * atanhFixed(z), LN2) + (BigInt(power) << BigInt(FRACTION_BITS));
  return { value, exponent: -FRACTION_BITS, exact: significand === unit };
}

/** y × logarithm, where neither the logarithm nor y is special. */
function scaledLogarithm(env: Environment, y: Float, { value, exponent, exact }: Logarithm): Float {
  const negative = value < 0n;
  const sign: Sign = negative === (y.sign === 1) ? 0 : 1;
  if (value === 0n) return zero(y.sign);
  if (y.kind === "infinity") return infinity(sign);
  if (y.kind === "zero") return zero(sign);
  const product = y.significand * (negative ? -value : value);
  const result = round(env, extended, sign, product, y.exponent + exponent, !exact);
  // The result counts as inexact even where the logarithm was an integer.
  env.raise(topExponent(result) < extended.minExponent ? Exceptions.PE | Exceptions.UE : Exceptions.PE);
  return result;
}

/** FYL2X: y × log2 x. */
export function yLog2X(env: Environment, y: Float, x: Float): Float {
  const special = env.propagate(y, x);
  if (special) return special;
  if (x.sign && x.kind !== "zero") return env.invalid();
  if (x.kind === "zero") {
    if (y.kind === "zero") return env.invalid();
    if (y.kind === "finite") env.raise(Exceptions.ZE);
    return infinity(y.sign ? 0 : 1);
  }
  if (x.kind === "infinity") {
    if (y.kind === "zero") return env.invalid();
    env.noteDenormals(y);
    return infinity(y.sign);
  }
  const logarithm = log2(x.significand, x.exponent);
  if (logarithm.value === 0n && y.kind === "infinity") return env.invalid();
  env.noteDenormals(y, x);
  return scaledLogarithm(env, y, logarithm);
}

/** FYL2XP1: y × log2(x + 1), meant for |x| < 1 − √½. */
export function yLog2XPlus1(env: Environment, y: Float, x: Float): Float {
  const special = env.propagate(y, x);
  if (special) return special;
  if (x.kind === "zero") {
    if (y.kind === "infinity") return env.invalid();
    env.noteDenormals(y);
    return zero(x.sign === y.sign ? 0 : 1);
  }
  if (x.kind === "infinity") return x.sign || y.kind === "zero" ? env.invalid() : infinity(y.sign);
  env.noteDenormals(y, x);
  if (y.kind !== "finite") return { ...y, sign: x.sign === y.sign ? 0 : 1 };
  if (x.sign && topExponent(x) >= 0) return unchanged(env, x);
  const top = topExponent(x);
  if (top < TINY) {
    const value = (x.significand << BigInt(2 * FRACTION_BITS)) / LN2;
    return scaledLogarithm(env, y, {
      value: x.sign ? -value : value,
      exponent: x.exponent - FRACTION_BITS,
      exact: false,
    });
  }
  if (top > FRACTION_BITS) return scaledLogarithm(env, y, { ...log2(x.significand, x.exponent), exact: false });
  // The series below would converge slowly here.
  if (top >= -3) return scaledLogarithm(env, y, { ...log2(toFixed(x) + ONE, -FRACTION_BITS), exact: false });
  const fixed = toFixed(x);
  const value = divideFixed(2n * atanhFixed(divideFixed(fixed, 2n * ONE + fixed)), LN2);
  return scaledLogarithm(env, y, { value, exponent: -FRACTION_BITS, exact: false });
}
