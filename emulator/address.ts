import { USER_LIMIT } from "./cpu.ts";

/** Addresses of 64 bits. As numbers they are exact up to 2^53, above rounded down, so that none becomes canonical by it. docs/decisions/0002. */
export function addressNumber(address: bigint): number {
  return Number(address >> 53n ? address & ~0x7ffn : address);
}
/** The same of halves that may be signed. */
export function addressOfHalves(low: number, high: number): number {
  return (high >>> 0) * 0x1_0000_0000 + ((high >>> 21 ? low & ~0x7ff : low) >>> 0);
}

/** 48 bits, sign-extended: an address of user mode or of the system. */
export function isCanonical(address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
}
/** The same of what `addressNumber` gives. */
export function isCanonicalNumber(address: number): boolean {
  return address < USER_LIMIT || address >= 2 ** 64 - USER_LIMIT;
}
