/**
 * Binary floating-point numbers taken apart, whatever their format: the common ground of x87, and of SSE where the
 * processor's own arithmetic (WebAssembly's) does not do.
 */

export type Sign = 0 | 1;

export interface Float {
  /** `unsupported` is an 80-bit encoding that no processor since the 80387 makes: pseudo-NaN, pseudo-infinity, unnormal. */
  readonly kind: "zero" | "finite" | "infinity" | "nan" | "unsupported";
  readonly sign: Sign;
  /** Of a finite number: its value is ±significand × 2^exponent, significand > 0, not necessarily normalized. */
  readonly exponent: number;
  /** Of a NaN: 64 bits as in the 80-bit format, integer bit set, quiet bit 62. */
  readonly significand: bigint;
  /** Came from a denormal encoding: an operation raises DE. */
  readonly denormal: boolean;
}

/** A set of representable numbers: `precision` bits, normal numbers from 2^minExponent up to below 2^(maxExponent + 1). */
export interface Format {
  readonly precision: number;
  readonly minExponent: number;
  readonly maxExponent: number;
}

export const half: Format = { precision: 11, minExponent: -14, maxExponent: 15 };
export const single: Format = { precision: 24, minExponent: -126, maxExponent: 127 };
export const double: Format = { precision: 53, minExponent: -1022, maxExponent: 1023 };
export const extended: Format = { precision: 64, minExponent: -16382, maxExponent: 16383 };
/** The 80-bit format under precision control: fewer bits, the same range. */
export const extendedAs24: Format = { ...extended, precision: 24 };
export const extendedAs53: Format = { ...extended, precision: 53 };

export const QUIET_BIT = 1n << 62n;
const INTEGER_BIT = 1n << 63n;
const MASK64 = (1n << 64n) - 1n;

export const finite = (sign: Sign, significand: bigint, exponent: number): Float => ({
  kind: "finite",
  sign,
  exponent,
  significand,
  denormal: false,
});
export const zero = (sign: Sign): Float => ({ kind: "zero", sign, exponent: 0, significand: 0n, denormal: false });
export const infinity = (sign: Sign): Float => ({
  kind: "infinity",
  sign,
  exponent: 0,
  significand: 0n,
  denormal: false,
});
export const nan = (sign: Sign, significand: bigint): Float => ({
  kind: "nan",
  sign,
  exponent: 0,
  significand,
  denormal: false,
});
/** "QNaN floating-point indefinite" (SDM volume 1, table 4-3): what a masked invalid operation gives. */
export const indefinite: Float = nan(1, INTEGER_BIT | QUIET_BIT);

export const isSignalling = (x: Float): boolean => x.kind === "nan" && (x.significand & QUIET_BIT) === 0n;
export const quieted = (x: Float): Float => nan(x.sign, x.significand | QUIET_BIT);
export const negated = (x: Float): Float => ({ ...x, sign: x.sign ? 0 : 1 });

/** Bits needed to write `n` ≥ 0. */
export function bitLength(n: bigint): number {
  let length = 0;
  while (n > MASK64) {
    const half = n >> 64n;
    length += 64;
    n = half;
  }
  const high = Number(n >> 32n);
  return length + (high ? 64 - Math.clz32(high) : 32 - Math.clz32(Number(n)));
}

/** The power of two of a finite number's first bit. */
export const topExponent = (x: Float): number => x.exponent + bitLength(x.significand) - 1;

/** The 80-bit format: sign and biased exponent in 16 bits, significand with an explicit integer bit. */
export function fromExtended(signExponent: number, significand: bigint): Float {
  const sign: Sign = signExponent & 0x8000 ? 1 : 0;
  const biased = signExponent & 0x7fff;
  if (biased === 0) {
    if (significand === 0n) return zero(sign);
    return { kind: "finite", sign, exponent: extended.minExponent - 63, significand, denormal: true };
  }
  if ((significand & INTEGER_BIT) === 0n) {
    return { kind: "unsupported", sign, exponent: 0, significand, denormal: false };
  }
  if (biased === 0x7fff) return significand === INTEGER_BIT ? infinity(sign) : nan(sign, significand);
  return finite(sign, significand, biased - 16383 - 63);
}

export interface ExtendedBits {
  readonly signExponent: number;
  readonly significand: bigint;
}

/** Exact: `x` must be representable (what `round` to `extended` returned, or anything read from a format). */
export function toExtended(x: Float): ExtendedBits {
  const signBit = x.sign << 15;
  switch (x.kind) {
    case "zero":
      return { signExponent: signBit, significand: 0n };
    case "infinity":
      return { signExponent: signBit | 0x7fff, significand: INTEGER_BIT };
    case "nan":
      return { signExponent: signBit | 0x7fff, significand: x.significand };
    case "finite": {
      const top = topExponent(x);
      const lsb = Math.max(top, extended.minExponent) - 63;
      const biased = top < extended.minExponent ? 0 : top + 16383;
      return { signExponent: signBit | biased, significand: shifted(x.significand, x.exponent - lsb) };
    }
    case "unsupported":
      throw new RangeError("an unsupported encoding is no number");
  }
}

function shifted(n: bigint, left: number): bigint {
  return left >= 0 ? n << BigInt(left) : n >> BigInt(-left);
}

function fromInterchange(bits: bigint, format: Format, exponentBits: number): Float {
  const fractionBits = BigInt(format.precision - 1);
  const fraction = bits & ((1n << fractionBits) - 1n);
  const upper = Number(bits >> fractionBits);
  const ones = (1 << exponentBits) - 1;
  const biased = upper & ones;
  const sign: Sign = upper >> exponentBits ? 1 : 0;
  const lsb = format.minExponent - format.precision + 1;
  if (biased === 0) {
    return fraction === 0n
      ? zero(sign)
      : { kind: "finite", sign, exponent: lsb, significand: fraction, denormal: true };
  }
  if (biased === ones) {
    return fraction === 0n ? infinity(sign) : nan(sign, INTEGER_BIT | (fraction << (63n - fractionBits)));
  }
  return finite(sign, fraction | (1n << fractionBits), lsb + biased - 1);
}

function toInterchange(x: Float, format: Format, exponentBits: number): bigint {
  const fractionBits = BigInt(format.precision - 1);
  const ones = (1n << BigInt(exponentBits)) - 1n;
  const signBit = BigInt(x.sign) << (BigInt(exponentBits) + fractionBits);
  switch (x.kind) {
    case "zero":
      return signBit;
    case "infinity":
      return signBit | (ones << fractionBits);
    case "nan":
      return signBit | (ones << fractionBits) | ((x.significand & (INTEGER_BIT - 1n)) >> (63n - fractionBits));
    case "finite": {
      const top = topExponent(x);
      const lsb = Math.max(top, format.minExponent) - format.precision + 1;
      const significand = shifted(x.significand, x.exponent - lsb);
      // A normal number's leading bit adds one to the exponent field.
      return signBit + (BigInt(Math.max(top, format.minExponent) - format.minExponent) << fractionBits) + significand;
    }
    case "unsupported":
      throw new RangeError("an unsupported encoding is no number");
  }
}

export const fromHalf = (bits: number): Float => fromInterchange(BigInt(bits), half, 5);
export const fromSingle = (bits: number): Float => fromInterchange(BigInt(bits >>> 0), single, 8);
export const fromDouble = (bits: bigint): Float => fromInterchange(bits, double, 11);
/** Exact for finite numbers (see `toExtended`); a NaN loses its low bits. */
export const toHalf = (x: Float): number => Number(toInterchange(x, half, 5));
export const toSingle = (x: Float): number => Number(toInterchange(x, single, 8));
export const toDouble = (x: Float): bigint => toInterchange(x, double, 11);

export function fromInteger(value: bigint): Float {
  if (value === 0n) return zero(0);
  return value < 0n ? finite(1, -value, 0) : finite(0, value, 0);
}
