import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import type { PeError } from "../pe/index.ts";

/** What NT says of a file that is no image for this machine. CreateProcess tells batch files by the one for "no MZ". */
export function imageStatus(error: PeError): NtStatus {
  switch (error.kind) {
    case "32-bit":
    case "machine":
    case "efi":
      return ntstatus.STATUS_INVALID_IMAGE_WIN_64;
    case "win16":
      return ntstatus.STATUS_INVALID_IMAGE_WIN_16;
    case "os2":
      return ntstatus.STATUS_INVALID_IMAGE_LE_FORMAT;
    case "dos":
      return ntstatus.STATUS_INVALID_IMAGE_PROTECT;
    case "empty":
    case "text":
    case "script":
    case "elf":
    case "mach-o":
    case "archive":
    case "installer-package":
    case "document":
    case "unknown-data":
    case "object-file":
      return ntstatus.STATUS_INVALID_IMAGE_NOT_MZ;
    case "truncated":
    case "malformed":
    case "dotnet":
    case "driver":
    case "dll":
    case "subsystem":
      return ntstatus.STATUS_INVALID_IMAGE_FORMAT;
  }
}
