import type { Cpu, Exit } from "../emulator/cpu.ts";
import { ntstatus, type NtStatus } from "./abi/ntstatus.ts";
import { Clock } from "./executive/clock.ts";
import { Dispatcher } from "./executive/dispatcher.ts";
import { Event } from "./executive/event.ts";
import { KeyedEvent } from "./executive/keyed-event.ts";
import type { Observer } from "./executive/observer.ts";
import { nobody } from "./executive/observer.ts";
import { Random } from "./executive/random.ts";
import { Scheduler } from "./executive/scheduler.ts";
import type { Externals, SavedState } from "./executive/state.ts";
import { restoreState, saveState, stateClass } from "./executive/state.ts";
import { ObjectNamespace } from "./object-manager/namespace.ts";
import { registerAddressSpaces } from "./memory-manager/address-space-state.ts";
import { raiseProcessorException } from "./process-manager/exceptions.ts";
import { deliverPendingApcs } from "./process-manager/apc.ts";
import { terminateProcess } from "./process-manager/termination.ts";
import type { Process } from "./process-manager/process.ts";
import type { Thread } from "./process-manager/thread.ts";
import { defaultWindowsBuild } from "./system-services/numbers.ts";
import { updateSharedData } from "./process-manager/shared-data.ts";

export interface Limits {
  /** Instructions of the whole run. */
  readonly instructions: number;
  /** Bytes that all processes together may have committed. */
  readonly committedBytes: number;
  readonly threads: number;
  readonly processes: number;
}

export const defaultLimits: Limits = {
  instructions: Infinity,
  committedBytes: 3 * 2 ** 30,
  threads: 2000,
  processes: 100,
};

export interface MachineOptions {
  readonly cpu: Cpu;
  readonly seed?: number;
  /** The Windows build whose numbers raw system calls use and which programs are shown. */
  readonly build?: number;
  /** System time at start, 100 ns since 1601. */
  readonly startTime?: bigint;
  readonly limits?: Partial<Limits>;
  readonly observer?: Observer;
}

/** 2024-01-01 00:00 UTC. */
const DEFAULT_START_TIME = 133_485_408_000_000_000n;

/** Why `run` returned. */
export type StopReason =
  /** The instructions asked for were executed. */
  | { readonly reason: "slice" }
  /** The first process ended. */
  | { readonly reason: "exited" }
  /** Limits.instructions was reached. */
  | { readonly reason: "limit" }
  /** Every thread waits, none of them with a deadline: for input, or for each other. */
  | { readonly reason: "idle" }
  /** Somebody asked for it through `requestStop`. */
  | { readonly reason: "stopped" }
  /** The host has to fetch something first; run again when `arrival` is settled. */
  | { readonly reason: "content"; readonly arrival: Promise<void> }
  /** The CPU lacks an instruction. */
  | {
      readonly reason: "unsupported";
      readonly thread: Thread;
      readonly address: number;
      readonly bytes: Uint8Array;
      readonly mnemonic: string;
    };

/** The root of everything. See docs/decisions/0005 for what its fields may be. */
export class Machine {
  readonly build: number;
  readonly seed: number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace = new ObjectNamespace();
  readonly scheduler = new Scheduler();
  readonly processes: Process[] = [];
  /** Process and thread ids, multiples of 4 as on Windows. */
  nextId = 0x20;
  nextCall = 0;
  committedBytes = 0;
  /** What the guest was refused because of the run's limits. */
  readonly limitsReached = new Set<keyof Limits>();
  /** Gaps met so far, by name. */
  readonly unimplemented = new Map<string, number>();
  /** What a wait for an object without a state of its own waits for: always signaled. */
  readonly defaultObject = new Event(true, true);
  /** Meets threads whose keyed-event handle is 0. */
  readonly keyedEvent = new KeyedEvent();
  /** Rooms of other parts of the kernel, by name: the configuration manager, devices. State classes. */
  readonly parts = new Map<string, object>();
  stopRequested = false;

  /** External to the state. */
  cpu: Cpu;
  observer: Observer;

  constructor(options: MachineOptions) {
    this.cpu = options.cpu;
    this.observer = options.observer ?? nobody;
    this.seed = options.seed ?? 1;
    this.build = options.build ?? defaultWindowsBuild;
    this.limits = { ...defaultLimits, ...options.limits };
    this.clock = new Clock(options.startTime ?? DEFAULT_START_TIME);
    this.random = new Random(this.seed);
  }

  /** The process that the run is about: it ends with it. */
  get mainProcess(): Process | undefined {
    return this.processes.at(0);
  }

  takeId(): number {
    const id = this.nextId;
    this.nextId += 4;
    return id;
  }
  countUnimplemented(what: string): void {
    this.unimplemented.set(what, (this.unimplemented.get(what) ?? 0) + 1);
  }
  /** Makes `run` return right after the service that is running, or before the next instruction. For observers. */
  requestStop(): void {
    this.stopRequested = true;
  }

  /** Runs at most `instructions` more instructions. What the guest sees does not depend on how a run is cut into slices. */
  run(instructions: number): StopReason {
    const { clock, scheduler, limits } = this;
    const end = Math.min(clock.instructions + instructions, limits.instructions);
    for (;;) {
      if (this.stopRequested) {
        this.stopRequested = false;
        return { reason: "stopped" };
      }
      if (this.mainProcess?.exited !== false) return { reason: "exited" };
      if (clock.instructions >= end) return { reason: end === limits.instructions ? "limit" : "slice" };
      scheduler.expireDeadlines(this);
      const thread = scheduler.pick();
      if (thread === undefined) {
        const deadline = scheduler.nextDeadline;
        if (deadline === Infinity) return { reason: "idle" };
        clock.skipTo(deadline);
        continue;
      }
      if (thread.pendingCall !== undefined) {
        const pending = Dispatcher.resume(this, thread);
        if (pending !== undefined) return { reason: "content", arrival: pending };
        continue;
      }
      if (deliverPendingApcs(this, thread)) continue;
      updateSharedData(this, thread.process);
      this.cpu.timeStamp = clock.timeStamp;
      const budget = Math.min(
        thread.quantum,
        end - clock.instructions,
        clock.instructionsUntil(scheduler.nextDeadline),
      );
      const exit = this.cpu.run(thread.process.memory, thread.context, budget);
      const { executed } = this.cpu;
      clock.instructions += executed;
      thread.instructions += executed;
      thread.quantum -= executed;
      if (thread.quantum <= 0) scheduler.yield();
      const stop = this.handle(thread, exit);
      if (stop !== undefined) return stop;
    }
  }

  private handle(thread: Thread, exit: Exit): StopReason | undefined {
    switch (exit.reason) {
      case "budget":
        return undefined;
      case "syscall": {
        const pending = Dispatcher.call(this, thread);
        return pending === undefined ? undefined : { reason: "content", arrival: pending };
      }
      case "unsupported": {
        this.countUnimplemented(`instruction ${exit.mnemonic}`);
        return {
          reason: "unsupported",
          thread,
          address: thread.context.rip,
          bytes: exit.bytes,
          mnemonic: exit.mnemonic,
        };
      }
      case "fault":
      case "exception":
      case "breakpoint":
      case "interrupt":
        raiseProcessorException(this, thread, exit);
        return undefined;
    }
  }

  /** Ends every process. */
  shutdown(status: NtStatus = ntstatus.STATUS_SUCCESS): void {
    for (const process of this.processes) if (!process.exited) terminateProcess(this, process, status);
  }

  /** `externals` names what is configuration in the rooms of others: image layers, for example. */
  save(externals: Externals = new Map()): SavedState {
    return saveState(this, this.externals(externals));
  }
  /** A fresh machine that goes on where the saved one stood. */
  static restore(
    saved: SavedState,
    options: Pick<MachineOptions, "cpu" | "observer">,
    externals: Externals = new Map(),
  ): Machine {
    registerAddressSpaces(options.cpu);
    const all = new Map([...externals, ["cpu", options.cpu], ["observer", options.observer ?? nobody]] as const);
    return restoreState(saved, all) as Machine;
  }
  private externals(others: Externals): Externals {
    return new Map([...others, ["cpu", this.cpu], ["observer", this.observer]]);
  }
}
stateClass("Machine", Machine);
