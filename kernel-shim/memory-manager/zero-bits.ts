import type { NtStatus } from "../abi/ntstatus.ts";
import { StatusError } from "../executive/unsupported.ts";
import { HIGHEST_USER_ADDRESS } from "./address-search.ts";

/**
 * The highest address that ZeroBits leaves: a count of zero bits of a 32-bit address (at most 21), or from 32 on a mask. Leaves the service
 * with `invalid` for counts between.
 */
export function highestAddress(zeroBits: number, invalid: NtStatus): number {
  if (zeroBits === 0) return HIGHEST_USER_ADDRESS;
  if (zeroBits > 21 && zeroBits < 32) throw new StatusError(invalid);
  if (zeroBits < 32) return 2 ** (32 - zeroBits) - 1;
  return Math.min(2 ** Math.ceil(Math.log2(zeroBits + 1)) - 1, HIGHEST_USER_ADDRESS);
}
