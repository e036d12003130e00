/** Elementary functions on integers that stand for multiples of 2^-FRACTION_BITS; errors are a few dozen units. */
import { integerSquareRoot } from "./arithmetic.ts";

/** An argument of 2^-80 still has 176 significant bits. */
export const FRACTION_BITS = 256;
const BITS = BigInt(FRACTION_BITS);
export const ONE = 1n << BITS;

export const multiplyFixed = (a: bigint, b: bigint): bigint => (a * b) >> BITS;
export const divideFixed = (a: bigint, b: bigint): bigint => (a << BITS) / b;

/** Σ z^(2k+1) / (2k+1), the signs alternating where `alternate`: atan or atanh. Quick for |z| < 1/4. */
function oddPowers(z: bigint, alternate: boolean): bigint {
  const square = multiplyFixed(z, z);
  let power = z;
  let total = 0n;
  for (let k = 1n; power !== 0n && power !== -1n; k += 2n) {
    total += alternate && (k & 2n) === 2n ? -(power / k) : power / k;
    power = multiplyFixed(power, square);
  }
  return total;
}

export const atanhFixed = (z: bigint): bigint => oddPowers(z, false);

/** For 0 ≤ z ≤ 1: atan z = 2 atan(z / (1 + √(1 + z²))), three times, then the series. */
export function atanFixed(z: bigint): bigint {
  for (let i = 0; i < 3; i++) {
    const root = integerSquareRoot((ONE << BITS) + z * z);
    z = divideFixed(z, ONE + root);
  }
  return oddPowers(z, true) << 3n;
}

/** e^t − 1. */
export function expMinusOneFixed(t: bigint): bigint {
  let term = t;
  let total = 0n;
  for (let k = 2n; term !== 0n && term !== -1n; k++) {
    total += term;
    term = multiplyFixed(term, t) / k;
  }
  return total;
}

/** For |r| ≤ π/4. */
export function sineFixed(r: bigint): bigint {
  return trigonometricSeries(r, r, 1n);
}
export function cosineFixed(r: bigint): bigint {
  return trigonometricSeries(ONE, r, 0n);
}
function trigonometricSeries(first: bigint, r: bigint, power: bigint): bigint {
  const square = multiplyFixed(r, r);
  let term = first;
  let total = 0n;
  for (let k = power; term !== 0n && term !== -1n; k += 2n) {
    total += term;
    term = -multiplyFixed(term, square) / ((k + 1n) * (k + 2n));
  }
  return total;
}

/** π by Machin's formula. */
export const PI = 4n * (4n * oddPowers(ONE / 5n, true) - oddPowers(ONE / 239n, true));
export const LN2 = 2n * atanhFixed(ONE / 3n);
