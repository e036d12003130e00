import type { NtStatus } from "../abi/ntstatus.ts";
import type { Machine } from "../machine.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import { DispatcherObject } from "./dispatcher-object.ts";
import { stateClass } from "./state.ts";

export const IoCompletionType = objectType("IoCompletion", {
  read: 0x20001,
  write: 0x20002,
  execute: 0x120000,
  all: 0x1f0003,
});

/** What NtRemoveIoCompletion takes from a port. */
export interface CompletionPacket {
  readonly key: bigint;
  /** ApcContext of the request: the OVERLAPPED of Win32. */
  readonly value: bigint;
  readonly status: NtStatus;
  readonly information: bigint;
}

/** An I/O completion port: a queue of packets. Signaled while there are any; the service takes them. */
export class IoCompletion extends DispatcherObject {
  readonly packets: CompletionPacket[] = [];
  /** Threads that may run at once; kept for queries. */
  readonly concurrency: number;
  constructor(concurrency: number) {
    super();
    this.concurrency = concurrency;
  }
  get type(): ObjectType {
    return IoCompletionType;
  }
  isSignaled(): boolean {
    return this.packets.length > 0;
  }
  post(machine: Machine, packet: CompletionPacket): void {
    this.packets.push(packet);
    machine.scheduler.signal(this);
  }
}
stateClass("IoCompletion", IoCompletion);
