import { CreateOptions } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import type { FileObject } from "./file-object.ts";

const SYNCHRONOUS = CreateOptions.FILE_SYNCHRONOUS_IO_ALERT | CreateOptions.FILE_SYNCHRONOUS_IO_NONALERT;
const SETTABLE = CreateOptions.FILE_WRITE_THROUGH | CreateOptions.FILE_SEQUENTIAL_ONLY | SYNCHRONOUS;

/** FileModeInformation: the options of the open that remain visible. */
export function modeOf(file: FileObject): number {
  return file.options & (SETTABLE | CreateOptions.FILE_NO_INTERMEDIATE_BUFFERING);
}

/** The mode may change how a synchronous file waits, not whether it is synchronous. */
export function setMode(file: FileObject, mode: number): NtStatus {
  const bothWays = (mode & SYNCHRONOUS) === SYNCHRONOUS;
  if (mode & ~SETTABLE || bothWays || ((mode & SYNCHRONOUS) !== 0) !== file.isSynchronous)
    return ntstatus.STATUS_INVALID_PARAMETER;
  file.options = (file.options & ~SETTABLE) | mode;
  return ntstatus.STATUS_SUCCESS;
}
