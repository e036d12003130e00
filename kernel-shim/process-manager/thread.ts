import { Context } from "../../emulator/context.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { DispatcherObject } from "../executive/dispatcher-object.ts";
import { stateClass, stateLeaf } from "../executive/state.ts";
import type { Wait } from "../executive/wait.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType, type KernelObject } from "../object-manager/kernel-object.ts";
import type { Mutant } from "../executive/mutant.ts";
import type { Process } from "./process.ts";

export const ThreadType = objectType("Thread", { read: 0x20048, write: 0x20437, execute: 0x121800, all: 0x1fffff });

stateLeaf("Context", Context.prototype, {
  save: (context: Context) => context.bytes.slice(),
  restore(bytes: Uint8Array) {
    const context = new Context();
    context.bytes.set(bytes);
    return context;
  },
});

/** A user APC: what KiUserApcDispatcher is to call. Special ones (a thread's start) interrupt without an alertable wait. */
export interface UserApc {
  readonly routine: number;
  readonly arguments: readonly [bigint, bigint, bigint];
  readonly special: boolean;
}

/** The system call in which a thread waits. */
export interface PendingCall {
  readonly id: number;
  readonly name: string;
  /** The service is run again when the wait ends. */
  readonly restart: boolean;
}

export type ThreadState = "ready" | "waiting" | "terminated";

export class Thread extends DispatcherObject {
  readonly id: number;
  readonly process: Process;
  readonly context = new Context();
  readonly startAddress: number;
  teb = 0;
  /** Whole reservation of the stack; freed with the thread. */
  stackAllocation = 0;
  state: ThreadState = "ready";
  /** Above 0 the thread does not run even when it is ready. */
  suspendCount = 0;
  priority = 8;
  /** Instructions left of the quantum. */
  quantum = 0;
  wait: Wait | undefined = undefined;
  pendingCall: PendingCall | undefined = undefined;
  /** Set when a wait ends: the status with which the call goes on. */
  wakeStatus: NtStatus | undefined = undefined;
  readonly apcs: UserApc[] = [];
  /** An alertable wait or test found APCs: they are delivered before the thread runs on. */
  userApcPending = false;
  /** NtAlertThread came and no alertable wait has seen it. */
  alerted = false;
  /** NtAlertThreadByThreadId came before the wait for it. */
  alertedById = false;
  exitStatus: NtStatus = ntstatus.STATUS_PENDING;
  /** 100 ns since 1601; exit time 0 while it lives. */
  createTime = 0n;
  exitTime = 0n;
  /** Instructions executed. */
  instructions = 0;
  readonly ownedMutants: Mutant[] = [];
  impersonationToken: KernelObject | undefined = undefined;
  description = "";
  hiddenFromDebugger = false;
  affinity = 1;

  constructor(id: number, process: Process, startAddress: number) {
    super();
    this.id = id;
    this.process = process;
    this.startAddress = startAddress;
  }
  get type(): ObjectType {
    return ThreadType;
  }
  isSignaled(): boolean {
    return this.state === "terminated";
  }
  get runnable(): boolean {
    return this.state === "ready" && this.suspendCount === 0 && this.process.suspendCount === 0;
  }
  override describe(): string {
    return `Thread ${this.id}`;
  }
}
stateClass("Thread", Thread);
