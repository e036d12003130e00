/** Why a file cannot be loaded. Each kind is something else for the person who dropped the file. */
export type PeErrorKind =
  | "empty"
  | "text"
  | "script"
  | "elf"
  | "mach-o"
  | "archive"
  | "installer-package"
  | "document"
  | "unknown-data"
  | "dos"
  | "win16"
  | "os2"
  | "object-file"
  | "truncated"
  | "malformed"
  | "32-bit"
  | "machine"
  | "dotnet"
  | "driver"
  | "dll"
  | "efi"
  | "subsystem";

/** `message` is one or two sentences for people: what the file is, and what to do. */
export class PeError extends Error {
  override readonly name = "PeError";
  readonly kind: PeErrorKind;
  constructor(kind: PeErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export function malformed(what: string): PeError {
  return new PeError(
    "malformed",
    `The program file is damaged or was made to mislead: ${what}. Get a fresh copy of it.`,
  );
}
export function truncated(what: string): PeError {
  return new PeError("truncated", `The program file is cut off: ${what}. Download or copy it again.`);
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
