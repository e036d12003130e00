import type { NtStatus } from "../abi/ntstatus.ts";
import type { Process } from "../process-manager/process.ts";
import type { Thread } from "../process-manager/thread.ts";
import type { CrashReport } from "../process-manager/crash-report.ts";
import type { ServiceCall } from "../system-services/service-call.ts";

/** What happens besides system calls. */
export type MachineEvent =
  | { readonly kind: "process-start"; readonly process: Process }
  | { readonly kind: "process-exit"; readonly process: Process }
  | { readonly kind: "thread-start"; readonly thread: Thread }
  | { readonly kind: "thread-exit"; readonly thread: Thread }
  /** `path` is the file's NT path. `thread` mapped it; undefined while a process starts. */
  | {
      readonly kind: "module-load";
      readonly process: Process;
      readonly thread: Thread | undefined;
      readonly base: number;
      readonly size: number;
      readonly path: string;
    }
  | { readonly kind: "module-unload"; readonly process: Process; readonly base: number; readonly path: string }
  | { readonly kind: "exception"; readonly thread: Thread; readonly exception: RaisedException }
  /** An exception that nobody handled; the process ends with its code. */
  | { readonly kind: "crash"; readonly process: Process; readonly report: CrashReport }
  | { readonly kind: "debug-output"; readonly thread: Thread; readonly text: string }
  /** Bytes that reached standard output or error. */
  | {
      readonly kind: "output";
      readonly thread: Thread;
      readonly stream: "stdout" | "stderr";
      readonly bytes: Uint8Array;
    };

export interface RaisedException {
  readonly code: NtStatus;
  readonly address: number;
  readonly flags: number;
  readonly parameters: readonly bigint[];
  readonly firstChance: boolean;
}

/**
 * The one point before and the one point after every service, and the events between them. Trace, stepping and breakpoints hang here.
 * Not state: a machine is given its observer, also after a restore.
 */
export interface Observer {
  /** Before the service runs. `call.args` are decoded, unless decoding faulted. */
  enter(call: ServiceCall): void;
  /** After it, also when it waited in between. `result` is undefined when the service does not return to its caller. */
  exit(call: ServiceCall, result: number | bigint | undefined): void;
  event(event: MachineEvent): void;
}

export const nobody: Observer = {
  enter() {},
  exit() {},
  event() {},
};
