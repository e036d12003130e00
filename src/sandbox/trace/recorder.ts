import { GuestFault } from "../../../emulator/cpu.ts";
import { Register } from "../../../emulator/context.ts";
import { isError } from "../../../kernel-shim/abi/ntstatus.ts";
import { stateClass } from "../../../kernel-shim/executive/state.ts";
import type { MachineEvent, Observer } from "../../../kernel-shim/executive/observer.ts";
import type { Machine } from "../../../kernel-shim/machine.ts";
import type { ServiceCall } from "../../../kernel-shim/system-services/service-call.ts";
import { type EventDetail, type EventKind, noDetail, Outcome, TraceColumns } from "./columns.ts";
import { describeException, dosPath, pathOf } from "./paths.ts";

export interface ModuleRecord {
  readonly process: number;
  readonly name: string;
  readonly path: string;
  readonly base: number;
  readonly size: number;
  loaded: boolean;
}

export interface CallCount {
  count: number;
  errors: number;
}

/** Everything the trace knows at a moment. State: a snapshot of a run takes it along. */
export class TraceState {
  readonly columns: TraceColumns;
  readonly modules: ModuleRecord[] = [];
  readonly calls = new Map<string, CallCount>();
  /** Calls that wait: id → sequence number. */
  readonly pending = new Map<number, number>();
  constructor(capacity: number) {
    this.columns = new TraceColumns(capacity);
  }
}
stateClass("TraceState", TraceState);

/** Stubs of these modules make the system calls; who called them is the more telling caller. */
const stubModules = new Set(["ntdll.dll", "win32u.dll"]);

/** Records what the machine does. Hangs at the dispatcher's two points and takes what a later moment would change. */
export class TraceRecorder implements Observer {
  readonly state: TraceState;
  private readonly machine: () => Machine;

  constructor(state: TraceState, machine: () => Machine) {
    this.state = state;
    this.machine = machine;
  }

  enter(call: ServiceCall): void {
    if (this.state.columns.isFull) {
      this.state.columns.dropped++;
      return;
    }
    const before =
      call.args && call.service ? attempt(() => call.service?.captureBefore(call.args ?? {}, call)) : undefined;
    const { caller, module } = this.callerOf(call);
    const path = call.service && before ? pathOf(call.service, before) : "";
    const sequence = this.append("call", call.process.id, call.thread.id, call.name, {
      outcome: Outcome.Pending,
      returnAddress: caller,
      module,
      path,
      detail: before === undefined ? noDetail : { before, after: [], text: undefined },
    });
    if (sequence >= 0) this.state.pending.set(call.id, sequence);
  }

  exit(call: ServiceCall, result: number | bigint | undefined): void {
    const outcome =
      typeof result === "number" ? Outcome.Status : result === undefined ? Outcome.NoReturn : Outcome.Value;
    const status =
      typeof result === "number" ? result >>> 0 : result === undefined ? 0 : Number(BigInt.asUintN(32, result));
    const failed = outcome === Outcome.Status && isError(status);
    this.count(call.name, failed);
    const sequence = this.state.pending.get(call.id);
    if (sequence === undefined) return;
    this.state.pending.delete(call.id);
    const look = !failed && outcome !== Outcome.NoReturn && call.service && call.args;
    const after = look ? attempt(() => call.service?.captureAfter(call.args ?? {}, call)) : undefined;
    const path = call.service && after ? pathOf(call.service, after) : "";
    this.state.columns.finish(sequence, outcome, status, path, after ?? []);
  }

  event(event: MachineEvent): void {
    const simple = (kind: EventKind, process: number, thread: number, name: string, text: string, path = "") =>
      this.append(kind, process, thread, name, { path, detail: { before: [], after: [], text } });
    switch (event.kind) {
      case "process-start":
        return void simple("process", event.process.id, 0, "process start", event.process.imagePath, dosPath(event.process.imagePath)); // prettier-ignore
      case "process-exit":
        return void simple("process", event.process.id, 0, "process exit", `status 0x${event.process.exitStatus.toString(16)}`); // prettier-ignore
      case "thread-start":
        return void simple("thread", event.thread.process.id, event.thread.id, "thread start", "");
      case "thread-exit":
        return void simple("thread", event.thread.process.id, event.thread.id, "thread exit", `status 0x${event.thread.exitStatus.toString(16)}`); // prettier-ignore
      case "module-load": {
        const path = dosPath(event.path);
        const name = path.slice(path.lastIndexOf("\\") + 1);
        this.state.modules.push({
          process: event.process.id,
          name,
          path,
          base: event.base,
          size: event.size,
          loaded: true,
        });
        return void simple("module", event.process.id, event.thread?.id ?? 0, "module load", `${name} at 0x${event.base.toString(16)}`, path); // prettier-ignore
      }
      case "module-unload": {
        const path = dosPath(event.path);
        const module = this.state.modules.find(
          (m) => m.loaded && m.base === event.base && m.process === event.process.id,
        );
        if (module) module.loaded = false;
        return void simple(
          "module",
          event.process.id,
          0,
          "module unload",
          path.slice(path.lastIndexOf("\\") + 1),
          path,
        );
      }
      case "exception":
        return void simple("exception", event.thread.process.id, event.thread.id, "exception", describeException(event.exception)); // prettier-ignore
      case "crash":
        return void simple("exception", event.process.id, event.report.threadId, "unhandled exception", describeException({ ...event.report, address: event.report.location.address })); // prettier-ignore
      case "output":
        return; // The console shows it; NtWriteFile is in the trace.
      case "debug-output":
        return void simple("debug", event.thread.process.id, event.thread.id, "debug output", event.text);
    }
  }

  /** The module of `process` that holds `address`. */
  moduleAt(process: number, address: number): ModuleRecord | undefined {
    return this.state.modules.findLast(
      (m) => m.loaded && m.process === process && address >= m.base && address < m.base + m.size,
    );
  }

  private append(
    kind: EventKind,
    process: number,
    thread: number,
    name: string,
    more: { outcome?: Outcome; returnAddress?: number; module?: string; path?: string; detail: EventDetail },
  ): number {
    const { clock } = this.machine();
    return this.state.columns.append({
      time: clock.interruptTime,
      instructions: clock.instructions,
      process,
      thread,
      kind,
      name,
      outcome: more.outcome ?? Outcome.None,
      status: 0,
      returnAddress: more.returnAddress ?? 0,
      module: more.module ?? "",
      path: more.path ?? "",
      detail: more.detail,
    });
  }

  private callerOf(call: ServiceCall): { caller: number; module: string } {
    const direct = this.moduleAt(call.process.id, call.returnAddress);
    if (direct && stubModules.has(direct.name.toLowerCase())) {
      const caller = attempt(() => call.memory.readPointer(call.thread.context.getNumber(Register.RSP)));
      const module = caller === undefined ? undefined : this.moduleAt(call.process.id, caller);
      if (caller !== undefined && module) return { caller, module: module.name };
    }
    return { caller: call.returnAddress, module: direct?.name ?? "" };
  }

  private count(name: string, failed: boolean): void {
    let entry = this.state.calls.get(name);
    if (!entry) this.state.calls.set(name, (entry = { count: 0, errors: 0 }));
    entry.count++;
    if (failed) entry.errors++;
  }
}

/** Looking must not disturb: what cannot be read is not shown. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof GuestFault) return undefined;
    throw error;
  }
}
