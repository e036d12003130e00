import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import type { Thread } from "./thread.ts";

const MAXIMUM_SUSPEND_COUNT = 0x7f;

/** Returns a status, and the count before. */
export function suspendThread(thread: Thread): { readonly status: NtStatus; readonly previous: number } {
  const previous = thread.suspendCount;
  if (thread.state === "terminated") return { status: ntstatus.STATUS_THREAD_IS_TERMINATING, previous };
  if (previous >= MAXIMUM_SUSPEND_COUNT) return { status: ntstatus.STATUS_SUSPEND_COUNT_EXCEEDED, previous };
  thread.suspendCount++;
  return { status: ntstatus.STATUS_SUCCESS, previous };
}

export function resumeThread(thread: Thread): number {
  const previous = thread.suspendCount;
  if (previous > 0) thread.suspendCount--;
  return previous;
}
