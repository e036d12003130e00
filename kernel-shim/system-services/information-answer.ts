/** How services that return information of variable size answer. */
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { encodeUtf16, UNICODE_STRING } from "../abi/structures.ts";
import type { KernelObject } from "../object-manager/kernel-object.ts";
import type { ObjectClass, ServiceCall } from "./service-call.ts";
import type { OutBuffer, OutPointer } from "./parameter.ts";

/**
 * The registry's rule: the length is always told; less room than the fixed part is STATUS_BUFFER_TOO_SMALL, less than all
 * of it STATUS_BUFFER_OVERFLOW with what fits.
 */
export function answerTruncated(
  buffer: OutBuffer,
  resultLength: OutPointer<number> | undefined,
  bytes: Uint8Array,
  fixedSize: number,
): NtStatus {
  resultLength?.set(bytes.length);
  if (buffer.length < fixedSize) return ntstatus.STATUS_BUFFER_TOO_SMALL;
  buffer.write(bytes.subarray(0, buffer.length));
  return buffer.length < bytes.length ? ntstatus.STATUS_BUFFER_OVERFLOW : ntstatus.STATUS_SUCCESS;
}

/** All or nothing: `tooShort` where the buffer is shorter; the length is told in both cases. */
export function answerWhole(
  buffer: OutBuffer,
  returnLength: OutPointer<number> | undefined,
  bytes: Uint8Array,
  tooShort: NtStatus = ntstatus.STATUS_INFO_LENGTH_MISMATCH,
): NtStatus {
  returnLength?.set(bytes.length);
  if (buffer.length < bytes.length) return tooShort;
  buffer.write(bytes);
  return ntstatus.STATUS_SUCCESS;
}

/** The rule of most classes of fixed size: any other length of buffer is STATUS_INFO_LENGTH_MISMATCH, and nothing is told. */
export function answerExact(
  buffer: OutBuffer,
  returnLength: OutPointer<number> | undefined,
  bytes: Uint8Array,
): NtStatus {
  if (buffer.length !== bytes.length) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
  buffer.write(bytes);
  returnLength?.set(bytes.length);
  return ntstatus.STATUS_SUCCESS;
}

/** A UNICODE_STRING at `address` with its text behind it. */
export function unicodeStringAt(address: number, text: string): Uint8Array {
  const units = encodeUtf16(text);
  const memory = new BytesMemory(UNICODE_STRING.size + units.length + 2);
  UNICODE_STRING.write(memory, 0, {
    Length: units.length,
    MaximumLength: units.length + 2,
    Buffer: address + UNICODE_STRING.size,
  });
  memory.write(UNICODE_STRING.size, units);
  return memory.bytes;
}

/** A right implies its limited form, which may be granted alone. */
export function referenceWithEither<T extends KernelObject>(
  call: ServiceCall,
  handle: number,
  type: ObjectClass<T>,
  right: number,
  limited: number,
): T {
  return call.reference(handle, type, call.grantedAccess(handle) & right ? right : limited);
}
