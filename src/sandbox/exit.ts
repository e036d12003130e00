import { ntstatus, statusName } from "../../kernel-shim/abi/ntstatus.ts";
import type { CrashReport } from "../../kernel-shim/process-manager/crash-report.ts";

export type ExitReason =
  /** The program ended itself. */
  | "exited"
  /** An exception that nobody handled ended it. */
  | "fault"
  /** The user stopped it. */
  | "stopped"
  /** The instruction limit. */
  | "limit"
  | "timeout"
  /** All its threads wait for each other. */
  | "deadlock"
  | "unsupported-instruction";

export interface SandboxExit {
  readonly reason: ExitReason;
  /** Unsigned 32 bits. */
  readonly status: number;
  /** Undefined for plain exit codes. */
  readonly statusName: string | undefined;
  /** One sentence. */
  readonly meaning: string;
  readonly crash: CrashReport | undefined;
}

/** What common statuses mean to somebody who does not know them. */
const meanings: Readonly<Record<number, string>> = {
  [ntstatus.STATUS_ACCESS_VIOLATION]: "it used memory that is not there or not permitted",
  [ntstatus.STATUS_STACK_OVERFLOW]: "it used up its stack, usually by endless recursion",
  [ntstatus.STATUS_ILLEGAL_INSTRUCTION]: "it executed bytes that are no instruction",
  [ntstatus.STATUS_INTEGER_DIVIDE_BY_ZERO]: "it divided by zero",
  [ntstatus.STATUS_BREAKPOINT]: "it ran into a breakpoint and no debugger was there",
  [ntstatus.STATUS_DLL_NOT_FOUND]: "a DLL that it needs is not in the image",
  [ntstatus.STATUS_ENTRYPOINT_NOT_FOUND]: "a DLL lacks a function that it imports",
  [ntstatus.STATUS_ORDINAL_NOT_FOUND]: "a DLL lacks an ordinal that it imports",
  [ntstatus.STATUS_DLL_INIT_FAILED]: "a DLL refused to start",
  [ntstatus.STATUS_CONTROL_C_EXIT]: "it was ended by Ctrl-C",
  [ntstatus.STATUS_STACK_BUFFER_OVERRUN]: "it stopped itself: it found its stack or heap corrupted, or called abort",
  [ntstatus.STATUS_HEAP_CORRUPTION]: "its heap was corrupted",
  0xe06d7363: "a C++ exception was not caught",
  0x20474343: "a C++ exception was not caught",
};

export function exitMeaning(status: number): string {
  if (status === 0) return "The program ended with exit code 0: success.";
  const known = meanings[status];
  const name = nameOfStatus(status);
  if (known !== undefined) return `The program ended with ${name ?? `0x${status.toString(16)}`}: ${known}.`;
  if (name !== undefined) return `The program ended with ${name}.`;
  const code = status > 0x7fff_ffff ? `0x${status.toString(16)} (${status | 0})` : String(status);
  return `The program ended with exit code ${code}.`;
}

/** The NTSTATUS's name where the exit status looks like one: warnings and errors, not small exit codes. */
export function nameOfStatus(status: number): string | undefined {
  if (status < 0x8000_0000) return undefined;
  const name = statusName(status);
  return name.startsWith("0x") ? undefined : name;
}
