import { isError, ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK } from "../abi/structures.ts";
import { GuestFault, PAGE_SIZE } from "../../emulator/cpu.ts";
import type { Waitable } from "../executive/dispatcher-object.ts";
import { stateClass } from "../executive/state.ts";
import type { Event } from "../executive/event.ts";
import type { Thread } from "../process-manager/thread.ts";
import { queueUserApc } from "../process-manager/apc.ts";
import { CompletionMode } from "./completion-mode.ts";
import type { FileObject } from "./file-object.ts";

export interface IrpOptions {
  readonly file: FileObject;
  readonly thread: Thread;
  /** ServiceCall.id: finds the request again when its service is run anew after a wait. */
  readonly callId: number;
  /** Guest address of the IO_STATUS_BLOCK; 0 where the caller gave none. */
  readonly ioStatusBlock: number;
  /** Guest address that receives the output; `length` bytes of it. */
  readonly buffer?: number;
  /** Guest addresses of the pages that receive the output instead of `buffer`. */
  readonly segments?: readonly number[] | undefined;
  readonly length?: number;
  readonly event?: Event | undefined;
  readonly apcRoutine?: number;
  readonly apcContext?: bigint;
  readonly grantedAccess?: number;
}

/**
 * An I/O request packet: one operation on a file object, from the service that starts it to its completion. A driver completes it at once or keeps it and
 * completes it later, on behalf of whatever thread makes that possible. A thread in a synchronous request waits on it.
 */
export class Irp implements Waitable {
  readonly waiters: Thread[] = [];
  readonly file: FileObject;
  readonly thread: Thread;
  readonly callId: number;
  readonly ioStatusBlock: number;
  readonly buffer: number;
  readonly segments: readonly number[] | undefined;
  readonly length: number;
  readonly event: Event | undefined;
  readonly apcRoutine: number;
  readonly apcContext: bigint;
  readonly grantedAccess: number;
  /** Undefined while the request is under way. */
  status: NtStatus | undefined = undefined;
  information = 0;
  /** The service returned (or its thread waits) before the request was complete. */
  pended = false;

  constructor(options: IrpOptions) {
    this.file = options.file;
    this.thread = options.thread;
    this.callId = options.callId;
    this.ioStatusBlock = options.ioStatusBlock;
    this.buffer = options.buffer ?? 0;
    this.segments = options.segments;
    this.length = options.length ?? 0;
    this.event = options.event;
    this.apcRoutine = options.apcRoutine ?? 0;
    this.apcContext = options.apcContext ?? 0n;
    this.grantedAccess = options.grantedAccess ?? 0;
  }

  isSignaled(): boolean {
    return this.status !== undefined;
  }
  acquire(): boolean {
    return false;
  }

  /**
   * Ends the request: output into the caller's buffer, IO_STATUS_BLOCK, then event or file object, APC or completion packet. An error that
   * the service itself returns is told by its status alone, as NT does it.
   */
  complete(status: NtStatus, information = 0, output?: Uint8Array): void {
    if (this.status !== undefined) throw new Error("a request is completed twice");
    const memory = this.thread.process.memory;
    const { machine } = this.file.io;
    try {
      if (output && output.length > 0) this.deliver(output.subarray(0, this.length));
      this.file.requests.delete(this);
      this.status = status;
      this.information = information;
      // An error that the service itself returns, now or after its wait, is not in the block; but NT's fast path for reads writes the end of a file there.
      const returned = isError(status) && (!this.pended || this.file.isSynchronous);
      if (this.ioStatusBlock !== 0 && (!returned || status === ntstatus.STATUS_END_OF_FILE)) {
        IO_STATUS_BLOCK.write(memory, this.ioStatusBlock, { Status: status, Information: information });
      }
      if (returned) {
        machine.scheduler.signal(this);
        return;
      }
    } catch (error) {
      if (!(error instanceof GuestFault) || !this.pended) throw error;
      this.file.requests.delete(this);
      this.status = ntstatus.STATUS_ACCESS_VIOLATION;
    }
    this.announce(status);
  }

  private deliver(output: Uint8Array): void {
    const { memory } = this.thread.process;
    if (this.segments === undefined) return memory.write(this.buffer, output);
    for (let at = 0; at < output.length; at += PAGE_SIZE) {
      memory.write(this.segments[at / PAGE_SIZE], output.subarray(at, at + PAGE_SIZE));
    }
  }

  private announce(status: NtStatus): void {
    const { file } = this;
    const { machine } = file.io;
    const modes = file.completionModes;
    if (this.event) {
      if (this.pended || !(modes & CompletionMode.SKIP_SET_USER_EVENT_ON_FAST_IO)) this.event.set(machine);
    } else if (!(modes & CompletionMode.SKIP_SET_EVENT_ON_HANDLE)) {
      file.signaled = true;
      machine.scheduler.signal(file);
    }
    if (this.apcRoutine !== 0) {
      const args = [this.apcContext, BigInt(this.ioStatusBlock), 0n] as const;
      queueUserApc(machine, this.thread, { routine: this.apcRoutine, arguments: args, special: false });
    } else if (file.completion && this.apcContext !== 0n) {
      const skipped = !this.pended && (modes & CompletionMode.SKIP_COMPLETION_PORT_ON_SUCCESS) !== 0;
      const { port, key } = file.completion;
      if (!skipped) port.post(machine, { key, value: this.apcContext, status, information: BigInt(this.information) });
    }
    machine.scheduler.signal(this);
  }
}

stateClass("Irp", Irp);
