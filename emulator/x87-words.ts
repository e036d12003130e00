/** What the x87's control, status and tag words hold. SDM volume 1, 8.1. */

/** FCW after FNINIT: everything masked, 64 bits of precision, round to nearest. */
export const INITIAL_CONTROL = 0x37f;
/** All registers are empty. */
export const INITIAL_TAGS = 0xffff;
/** Control bits that can be written; bit 6 always reads 1. */
const CONTROL_MASK = 0x1f3f;

export const writtenControl = (control: number): number => (control & CONTROL_MASK) | 0x40;

/** The summary and busy bits of the status word follow from flags and masks. */
export function withSummary(control: number, status: number): number {
  return status & ~control & 0x3f ? status | 0x8080 : status & ~0x8080;
}

/** 0 valid, 1 zero, 2 special: what an 80-bit value is. */
export function tagOf(value: Uint8Array): number {
  const exponent = (value[8] | (value[9] << 8)) & 0x7fff;
  const isZero = value.subarray(0, 8).every((byte) => byte === 0);
  if (exponent === 0) return isZero ? 1 : 2;
  return exponent === 0x7fff || !(value[7] & 0x80) ? 2 : 0;
}
