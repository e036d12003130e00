/** Packed BCD of FBLD and FBSTP: 18 digits, two a byte, and a sign byte. */
import type { Environment } from "./environment.ts";
import type { Float } from "./float.ts";
import { finite, zero } from "./float.ts";
import { toInteger } from "./round.ts";

const DIGIT_BYTES = 9;

/** Digits above 9 are undefined to the SDM; they count what they say, as on hardware. */
export function fromPackedDecimal(bytes: Uint8Array): Float {
  let magnitude = 0n;
  for (let i = DIGIT_BYTES - 1; i >= 0; i--) {
    const byte = bytes[i] ?? 0;
    magnitude = magnitude * 100n + BigInt((byte >> 4) * 10 + (byte & 15));
  }
  const sign = (bytes[DIGIT_BYTES] ?? 0) & 0x80 ? 1 : 0;
  return magnitude === 0n ? zero(sign) : finite(sign, magnitude, 0);
}

/** Ten bytes; the packed BCD indefinite with IE where `x` has no 18 digits. */
export function toPackedDecimal(env: Environment, x: Float): Uint8Array {
  const bytes = new Uint8Array(DIGIT_BYTES + 1);
  const before = env.raised;
  const value = toInteger(env, x, 64);
  const magnitude = value === undefined ? undefined : value < 0n ? -value : value;
  if (magnitude === undefined || magnitude >= 10n ** 18n) {
    env.raised = before;
    env.roundedUp = false;
    env.invalid();
    bytes.set([0xc0, 0xff, 0xff], DIGIT_BYTES - 2);
    return bytes;
  }
  let rest = magnitude;
  for (let i = 0; i < DIGIT_BYTES; i++) {
    const pair = Number(rest % 100n);
    bytes[i] = (Math.floor(pair / 10) << 4) | (pair % 10);
    rest /= 100n;
  }
  bytes[DIGIT_BYTES] = x.sign << 7;
  return bytes;
}
