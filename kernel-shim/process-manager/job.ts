import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { at, struct } from "../abi/struct.ts";
import { flags, OPAQUE, SIZE_T, u32, u64 } from "../abi/type.ts";
import { DispatcherObject } from "../executive/dispatcher-object.ts";
import type { IoCompletion } from "../executive/io-completion.ts";
import { stateClass } from "../executive/state.ts";
import type { Machine } from "../machine.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import type { Process } from "./process.ts";
import { terminateProcess } from "./termination.ts";

export const JobType = objectType("Job", { read: 0x20004, write: 0x2000b, execute: 0x120000, all: 0x1f003f });

export const JobLimit = flags("JOB_OBJECT_LIMIT", {
  JOB_OBJECT_LIMIT_ACTIVE_PROCESS: 0x8,
  JOB_OBJECT_LIMIT_BREAKAWAY_OK: 0x800,
  JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK: 0x1000,
  JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE: 0x2000,
});

export const JOBOBJECT_BASIC_LIMIT_INFORMATION = struct("JOBOBJECT_BASIC_LIMIT_INFORMATION", 0x40, {
  PerProcessUserTimeLimit: at(0x0, u64),
  PerJobUserTimeLimit: at(0x8, u64),
  LimitFlags: at(0x10, JobLimit),
  MinimumWorkingSetSize: at(0x18, SIZE_T),
  MaximumWorkingSetSize: at(0x20, SIZE_T),
  ActiveProcessLimit: at(0x28, u32),
  Affinity: at(0x30, OPAQUE),
  PriorityClass: at(0x38, u32),
  SchedulingClass: at(0x3c, u32),
});
/** JOBOBJECT_EXTENDED_LIMIT_INFORMATION: the basic part, I/O counters, limits and peaks of memory. */
export const EXTENDED_LIMIT_SIZE = 0x90;

/** What a completion port is told of a job: its ordinal is the packet's number of bytes, the process its OVERLAPPED. */
const JobMessage = { ACTIVE_PROCESS_ZERO: 4, NEW_PROCESS: 6, EXIT_PROCESS: 7, ABNORMAL_EXIT_PROCESS: 8 } as const;

/** Exit statuses that make an end abnormal: errors by exception, not codes of the program's own. */
const ABNORMAL = 0xc000_0000;

/** A job: processes that are limited, counted and ended together. Children of its processes are born into it. */
export class Job extends DispatcherObject {
  /** All that ever were in it. */
  readonly processes: Process[] = [];
  /** JOBOBJECT_EXTENDED_LIMIT_INFORMATION as it was set. */
  limits = new Uint8Array(EXTENDED_LIMIT_SIZE);
  uiRestrictions = 0;
  endOfJobTimeAction = 0;
  terminated = 0;
  signaled = false;
  completion: { readonly port: IoCompletion; readonly key: bigint } | undefined = undefined;

  get type(): ObjectType {
    return JobType;
  }
  isSignaled(): boolean {
    return this.signaled;
  }
  get active(): Process[] {
    return this.processes.filter((process) => !process.exited);
  }
  private get limit() {
    return JOBOBJECT_BASIC_LIMIT_INFORMATION.read(new BytesMemory(this.limits), 0);
  }
  has(limit: number): boolean {
    return (this.limit.LimitFlags & limit) !== 0;
  }
  get isFull(): boolean {
    const { LimitFlags, ActiveProcessLimit } = this.limit;
    return (LimitFlags & JobLimit.JOB_OBJECT_LIMIT_ACTIVE_PROCESS) !== 0 && this.active.length >= ActiveProcessLimit;
  }

  /** The caller has checked that the process may join. The innermost job of a process comes first. */
  add(machine: Machine, process: Process): void {
    if (this.processes.includes(process)) return;
    this.processes.push(process);
    process.jobs.unshift(this);
    this.tell(machine, JobMessage.NEW_PROCESS, process.id);
  }
  /** A process of the job has ended. */
  processEnded(machine: Machine, { id, exitStatus }: Process): void {
    const isAbnormal = exitStatus >= ABNORMAL;
    this.tell(machine, isAbnormal ? JobMessage.ABNORMAL_EXIT_PROCESS : JobMessage.EXIT_PROCESS, id);
    if (this.active.length === 0) this.tell(machine, JobMessage.ACTIVE_PROCESS_ZERO, 0);
  }
  /** A port that comes later is told of the processes that are there. */
  associate(machine: Machine, port: IoCompletion, key: bigint): void {
    this.completion = { port, key };
    for (const { id } of this.active) this.tell(machine, JobMessage.NEW_PROCESS, id);
  }
  private tell(machine: Machine, message: number, processId: number): void {
    if (!this.completion) return;
    const { port, key } = this.completion;
    port.post(machine, { key, value: BigInt(processId), status: 0, information: BigInt(message) });
  }

  override lastHandleClosed(machine: Machine): void {
    if (this.has(JobLimit.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)) this.terminate(machine, ntstatus.STATUS_SUCCESS);
  }

  terminate(machine: Machine, status: NtStatus): void {
    const { active } = this;
    this.terminated += active.length;
    for (const process of active) terminateProcess(machine, process, status);
    if (active.length === 0) return;
    this.signaled = true;
    machine.scheduler.signal(this);
  }
}
stateClass("Job", Job);

/** The jobs into which a child of `parent` is born: all of its parent's, but for the inner ones out of which it may break. */
export function jobsOfChild(parent: Process, breaksAway: boolean): readonly Job[] | undefined {
  const { JOB_OBJECT_LIMIT_BREAKAWAY_OK: OK, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK: SILENT } = JobLimit;
  const stays = parent.jobs.findIndex((job) => !job.has(breaksAway ? OK | SILENT : SILENT));
  // Who asks to leave must be allowed to by the innermost job at least.
  if (breaksAway && stays === 0) return undefined;
  return stays < 0 ? [] : parent.jobs.slice(stays);
}
