/** Rounding an exact (or long enough) result to a format, with overflow and underflow as x86 defines them. */
import type { Environment } from "./environment.ts";
import { cutBits, Exceptions, roundsAway, Rounding } from "./environment.ts";
import type { Float, Format, Sign } from "./float.ts";
import { bitLength, finite, infinity, topExponent, zero } from "./float.ts";

/**
 * Rounds ±significand × 2^exponent, significand > 0, to `format`. `sticky` says that the exact magnitude is a little larger
 * than given, by less than a unit of `significand`; it then has at least two more bits than the format.
 *
 * Tininess is detected after rounding. A masked underflow raises UE only where the result is inexact too. An unmasked one changes
 * the exponent by the environment's wrap; where even that does not bring it into the range (FSCALE) the result is the masked one.
 */
export function round(
  env: Environment,
  format: Format,
  sign: Sign,
  significand: bigint,
  exponent: number,
  sticky = false,
): Float {
  const top = exponent + bitLength(significand) - 1;
  const lsb = top - format.precision + 1;
  const normal = roundAt(env, sign, significand, exponent, lsb, sticky);
  const tiny = top < format.minExponent && topOf(normal.quotient, lsb) < format.minExponent;
  if (tiny) {
    if (!env.isMasked(Exceptions.UE) && (!env.exponentWrap || top + env.exponentWrap >= format.minExponent)) {
      env.raise(Exceptions.UE);
      settle(env, normal);
      return finite(sign, normal.quotient, lsb + env.exponentWrap);
    }
    if (env.flushToZero) {
      env.raise(Exceptions.UE | Exceptions.PE);
      env.roundedUp = false;
      return zero(sign);
    }
    const unit = format.minExponent - format.precision + 1;
    const denormal = roundAt(env, sign, significand, exponent, unit, sticky);
    if (denormal.inexact) env.raise(Exceptions.UE);
    settle(env, denormal);
    if (denormal.quotient === 0n) return zero(sign);
    return { kind: "finite", sign, exponent: unit, significand: denormal.quotient, denormal: false };
  }
  if (topOf(normal.quotient, lsb) > format.maxExponent) {
    env.raise(Exceptions.OE);
    if (!env.isMasked(Exceptions.OE) && (!env.exponentWrap || top - env.exponentWrap <= format.maxExponent)) {
      settle(env, normal);
      return finite(sign, normal.quotient, lsb - env.exponentWrap);
    }
    env.raise(Exceptions.PE);
    const toInfinity = env.rounding === Rounding.nearest || env.rounding === (sign ? Rounding.down : Rounding.up);
    env.roundedUp = toInfinity;
    if (toInfinity) return infinity(sign);
    return finite(sign, (1n << BigInt(format.precision)) - 1n, format.maxExponent - format.precision + 1);
  }
  settle(env, normal);
  return finite(sign, normal.quotient, lsb);
}

interface Cut {
  readonly quotient: bigint;
  readonly inexact: boolean;
  readonly up: boolean;
}

function roundAt(
  env: Environment,
  sign: Sign,
  significand: bigint,
  exponent: number,
  lsb: number,
  sticky: boolean,
): Cut {
  const { quotient, cut } = cutBits(significand, lsb - exponent, sticky);
  const up = roundsAway(env.rounding, sign, (quotient & 1n) === 1n, cut);
  return { quotient: up ? quotient + 1n : quotient, inexact: cut !== "none", up };
}

const topOf = (quotient: bigint, lsb: number): number => lsb + bitLength(quotient) - 1;

function settle(env: Environment, cut: Cut): void {
  if (cut.inexact) env.raise(Exceptions.PE);
  env.roundedUp = cut.up;
}

/** Rounds a number that one format holds to another; NaNs are quieted. The x87's stores do not raise DE, SSE's conversions do. */
export function convert(env: Environment, format: Format, x: Float): Float {
  const special = env.propagate(x);
  if (special) return special;
  if (x.kind !== "finite") return x;
  if (env.unit === "sse") env.noteDenormals(x);
  return round(env, format, x.sign, x.significand, x.exponent);
}

/** `x` rounded to an integer in the environment's rounding mode (FRNDINT, ROUNDSD). */
export function roundToIntegral(env: Environment, x: Float): Float {
  const special = env.propagate(x);
  if (special) return special;
  if (x.kind !== "finite") return x;
  env.noteDenormals(x);
  const cut = roundAt(env, x.sign, x.significand, x.exponent, Math.max(0, x.exponent), false);
  settle(env, cut);
  return cut.quotient === 0n ? zero(x.sign) : finite(x.sign, cut.quotient, Math.max(0, x.exponent));
}

/**
 * `x` as a two's complement integer of `bits` bits. Out of range, infinite or NaN: IE and undefined (the caller's integer
 * indefinite). DE is not raised by conversions to integers.
 */
export function toInteger(env: Environment, x: Float, bits: number): bigint | undefined {
  if (x.kind === "zero") return 0n;
  if (x.kind !== "finite" || topExponent(x) >= bits) {
    env.raise(Exceptions.IE);
    return undefined;
  }
  const cut = roundAt(env, x.sign, x.significand, x.exponent, 0, false);
  const value = x.sign ? -cut.quotient : cut.quotient;
  const limit = 1n << BigInt(bits - 1);
  if (value >= limit || value < -limit) {
    env.raise(Exceptions.IE);
    return undefined;
  }
  settle(env, cut);
  return value;
}
