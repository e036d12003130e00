/** FPREM, FPREM1, FSCALE, FXTRACT: operations on exponents and remainders, exact but at the ends of the range. */
import type { Environment } from "./environment.ts";
import { Exceptions } from "./environment.ts";
import type { Float } from "./float.ts";
import { extended, finite, fromInteger, infinity, topExponent, zero } from "./float.ts";
import { round } from "./round.ts";

export interface Remainder {
  readonly result: Float;
  /** The quotient's low three bits; undefined where the reduction is partial (C2 set) or did not take place. */
  readonly quotient: number | undefined;
  readonly partial: boolean;
}

/** `nearest`: the quotient is rounded to nearest even (FPREM1), else towards zero (FPREM). */
export function remainder(env: Environment, a: Float, b: Float, nearest: boolean): Remainder {
  const special = env.propagate(a, b);
  if (special) return { result: special, quotient: undefined, partial: false };
  if (a.kind === "infinity" || b.kind === "zero") {
    return { result: env.invalid(), quotient: undefined, partial: false };
  }
  env.noteDenormals(a, b);
  if (a.kind === "zero") return { result: a, quotient: 0, partial: false };
  if (b.kind === "infinity") {
    return { result: round(env, extended, a.sign, a.significand, a.exponent), quotient: 0, partial: false };
  }
  const distance = topExponent(a) - topExponent(b);
  // A quotient of 64 bits and more takes several steps, each of 32 to 63 bits.
  const partial = distance >= 64;
  const lift = partial ? distance - ((distance & 31) | 32) : 0;
  const gap = a.exponent - b.exponent - lift;
  const dividend = gap > 0 ? a.significand << BigInt(gap) : a.significand;
  const divisor = gap < 0 ? b.significand << BigInt(-gap) : b.significand;
  const exponent = Math.min(a.exponent, b.exponent + lift);
  let quotient = dividend / divisor;
  let rest = dividend - quotient * divisor;
  let sign = a.sign;
  if (nearest && !partial) {
    const twice = rest * 2n;
    if (twice > divisor || (twice === divisor && (quotient & 1n) === 1n)) {
      quotient++;
      rest = divisor - rest;
      sign = sign ? 0 : 1;
    }
  }
  const result = rest === 0n ? zero(a.sign) : round(env, extended, sign, rest, exponent);
  return { result, quotient: partial ? undefined : Number(quotient & 7n), partial };
}

/** a × 2^trunc(b). Precision control does not apply. */
export function scale(env: Environment, a: Float, b: Float): Float {
  const special = env.propagate(a, b);
  if (special) return special;
  if (b.kind === "infinity") {
    if (a.kind === (b.sign ? "infinity" : "zero")) return env.invalid();
    env.noteDenormals(a);
    return b.sign ? zero(a.sign) : infinity(a.sign);
  }
  env.noteDenormals(a, b);
  if (a.kind !== "finite") return a;
  // Beyond this a shift overflows or underflows whatever the operand.
  const LIMIT = 0x10000;
  let shift = 0;
  if (b.kind === "finite") {
    const top = topExponent(b);
    if (top >= 16) shift = LIMIT;
    else if (top >= 0)
      shift = Number(b.exponent >= 0 ? b.significand << BigInt(b.exponent) : b.significand >> BigInt(-b.exponent));
    if (b.sign) shift = -shift;
  }
  return round(env, extended, a.sign, a.significand, a.exponent + shift);
}

/** Splits `a` into exponent and significand, both as numbers. */
export function extract(env: Environment, a: Float): { readonly exponent: Float; readonly significand: Float } {
  const special = env.propagate(a);
  if (special) return { exponent: special, significand: special };
  if (a.kind === "zero") {
    env.raise(Exceptions.ZE);
    return { exponent: infinity(1), significand: a };
  }
  if (a.kind === "infinity") return { exponent: infinity(0), significand: a };
  env.noteDenormals(a);
  const top = topExponent(a);
  return {
    exponent: fromInteger(BigInt(top)),
    significand: finite(a.sign, a.significand, a.exponent - top),
  };
}
