/** The operations of IEEE 754 as x86 does them: one rounding each, SDM volume 1, 4.8 and 8.5. */
import type { Environment } from "./environment.ts";
import { Exceptions, Rounding } from "./environment.ts";
import type { Float, Format, Sign } from "./float.ts";
import { bitLength, finite, infinity, negated, topExponent, zero } from "./float.ts";
import { round } from "./round.ts";

export function add(env: Environment, format: Format, a: Float, b: Float): Float {
  const special = env.propagate(a, b);
  if (special) return special;
  return sum(env, format, a, b, a, b);
}

export function subtract(env: Environment, format: Format, a: Float, b: Float): Float {
  const special = env.propagate(a, b);
  if (special) return special;
  return sum(env, format, a, negated(b), a, b);
}

/** a + b of numbers; the operands as they came (before a negation, a multiplication) tell about denormals. */
function sum(env: Environment, format: Format, a: Float, b: Float, first: Float, second: Float): Float {
  if (a.kind === "infinity" && b.kind === "infinity" && a.sign !== b.sign) return env.invalid();
  env.noteDenormals(first, second);
  if (a.kind === "infinity") return a;
  if (b.kind === "infinity") return b;
  if (a.kind === "zero" && b.kind === "zero") return a.sign === b.sign ? zero(a.sign) : zeroOfSum(env);
  if (a.kind === "zero") return round(env, format, b.sign, b.significand, b.exponent);
  if (b.kind === "zero") return round(env, format, a.sign, a.significand, a.exponent);
  const [upper, lower] = a.exponent >= b.exponent ? [a, b] : [b, a];
  const gap = upper.exponent - lower.exponent;
  const exact = gap <= FAR;
  const exponent = exact ? lower.exponent : upper.exponent - FAR;
  const x = upper.significand << BigInt(exact ? gap : FAR);
  // Too far away to be added, a number still decides the rounding: one unit, far below any bit that is kept.
  const y = exact ? lower.significand : 1n;
  const total = (upper.sign ? -x : x) + (lower.sign ? -y : y);
  if (total === 0n) return zeroOfSum(env);
  return total < 0n ? round(env, format, 1, -total, exponent) : round(env, format, 0, total, exponent);
}

/** Larger than the longest significand here (a product: 128 bits) and the longest precision together. */
const FAR = 256;

const zeroOfSum = (env: Environment): Float => zero(env.rounding === Rounding.down ? 1 : 0);

const xor = (a: Float, b: Float): Sign => (a.sign === b.sign ? 0 : 1);

export function multiply(env: Environment, format: Format, a: Float, b: Float): Float {
  const special = env.propagate(a, b);
  if (special) return special;
  const sign = xor(a, b);
  if ((a.kind === "infinity" && b.kind === "zero") || (a.kind === "zero" && b.kind === "infinity"))
    return env.invalid();
  env.noteDenormals(a, b);
  if (a.kind === "infinity" || b.kind === "infinity") return infinity(sign);
  if (a.kind === "zero" || b.kind === "zero") return zero(sign);
  return round(env, format, sign, a.significand * b.significand, a.exponent + b.exponent);
}

export interface FusedSigns {
  /** The product counts with the other sign. */
  readonly negateProduct: boolean;
  readonly negateAddend: boolean;
}

/** ±a × b ± c, rounded once. Of several NaNs the first survives, its sign as it was. */
export function multiplyAdd(
  env: Environment,
  format: Format,
  [a, b, c]: readonly [Float, Float, Float],
  { negateProduct, negateAddend }: FusedSigns,
): Float {
  const special = env.propagateFirst([a, b, c]);
  if (special) return special;
  if ((a.kind === "infinity" && b.kind === "zero") || (a.kind === "zero" && b.kind === "infinity"))
    return env.invalid();
  const magnitude: Float =
    a.kind === "infinity" || b.kind === "infinity"
      ? infinity(xor(a, b))
      : a.kind === "zero" || b.kind === "zero"
        ? zero(xor(a, b))
        : finite(xor(a, b), a.significand * b.significand, a.exponent + b.exponent);
  const product = { ...magnitude, denormal: a.denormal || b.denormal };
  return sum(env, format, negateProduct ? negated(product) : product, negateAddend ? negated(c) : c, product, c);
}

export function divide(env: Environment, format: Format, a: Float, b: Float): Float {
  const special = env.propagate(a, b);
  if (special) return special;
  const sign = xor(a, b);
  if (a.kind === b.kind && a.kind !== "finite") return env.invalid();
  if (b.kind === "zero" && a.kind === "finite") {
    env.raise(Exceptions.ZE);
    return infinity(sign);
  }
  env.noteDenormals(a, b);
  if (a.kind === "infinity" || b.kind === "zero") return infinity(sign);
  if (b.kind === "infinity" || a.kind === "zero") return zero(sign);
  const shift = Math.max(0, format.precision + 3 + bitLength(b.significand) - bitLength(a.significand));
  const dividend = a.significand << BigInt(shift);
  const quotient = dividend / b.significand;
  const sticky = quotient * b.significand !== dividend;
  return round(env, format, sign, quotient, a.exponent - shift - b.exponent, sticky);
}

export function squareRoot(env: Environment, format: Format, a: Float): Float {
  const special = env.propagate(a);
  if (special) return special;
  if (a.kind === "zero") return a;
  if (a.sign) return env.invalid();
  if (a.kind === "infinity") return a;
  env.noteDenormals(a);
  let shift = Math.max(0, 2 * (format.precision + 2) - bitLength(a.significand));
  if ((a.exponent - shift) & 1) shift++;
  const radicand = a.significand << BigInt(shift);
  const root = integerSquareRoot(radicand);
  return round(env, format, 0, root, (a.exponent - shift) / 2, root * root !== radicand);
}

/** ⌊√n⌋ by Newton's iteration from above. */
export function integerSquareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

export type Relation = "less" | "equal" | "greater" | "unordered";

/** `quiet` comparisons (FUCOM, UCOMISD) raise IE for signalling NaNs only. */
export function compare(env: Environment, a: Float, b: Float, quiet: boolean): Relation {
  if (a.kind === "unsupported" || b.kind === "unsupported" || a.kind === "nan" || b.kind === "nan") {
    if (!quiet) env.raise(Exceptions.IE);
    else env.propagate(a, b);
    return "unordered";
  }
  env.noteDenormals(a, b);
  const order = compareNumbers(a, b);
  return order < 0 ? "less" : order > 0 ? "greater" : "equal";
}

/** The sign of a − b; neither is a NaN. */
function compareNumbers(a: Float, b: Float): number {
  if (a.kind === "zero" && b.kind === "zero") return 0;
  if (a.kind === "zero") return b.sign ? 1 : -1;
  if (b.kind === "zero") return a.sign ? -1 : 1;
  if (a.sign !== b.sign) return a.sign ? -1 : 1;
  const magnitude = compareMagnitudes(a, b);
  return a.sign ? -magnitude : magnitude;
}

/** The sign of |a| − |b|; both are finite or infinite. */
export function compareMagnitudes(a: Float, b: Float): number {
  if (a.kind === "infinity" || b.kind === "infinity")
    return Number(a.kind === "infinity") - Number(b.kind === "infinity");
  const tops = topExponent(a) - topExponent(b);
  if (tops !== 0) return tops;
  const gap = a.exponent - b.exponent;
  const x = gap > 0 ? a.significand << BigInt(gap) : a.significand;
  const y = gap < 0 ? b.significand << BigInt(-gap) : b.significand;
  return x < y ? -1 : x > y ? 1 : 0;
}
