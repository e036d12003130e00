import type { Cpu } from "../../emulator/cpu.ts";
import { ntstatus } from "../../kernel-shim/abi/ntstatus.ts";
import { bootMachine, layerStack, standardStreams, startFirstProcess } from "../../kernel-shim/boot/process-start.ts";
import type { MachineEvent, Observer } from "../../kernel-shim/executive/observer.ts";
import { plainState, restoreState, saveState, type SavedState } from "../../kernel-shim/executive/state.ts";
import { changeSet, type ChangedFile } from "../../kernel-shim/io-manager/change-set.ts";
import { IoManager } from "../../kernel-shim/io-manager/io-manager.ts";
import type { Layer, LayerStack } from "../../kernel-shim/io-manager/layer.ts";
import type { Volume } from "../../kernel-shim/io-manager/volume.ts";
import { Machine } from "../../kernel-shim/machine.ts";
import type { CrashReport } from "../../kernel-shim/process-manager/crash-report.ts";
import type { ServiceCall } from "../../kernel-shim/system-services/service-call.ts";
import { exitMeaning, nameOfStatus, type ExitReason, type SandboxExit } from "./exit.ts";
import { limitMessages } from "./limits.ts";
import { defaultEnvironment, defaultSandboxLimits, workDirectory, type SandboxOptions } from "./options.ts";
import { TraceRecorder, TraceState } from "./trace/recorder.ts";
import type { TraceColumns } from "./trace/columns.ts";

/** Why `run` returned. */
export type SandboxStop =
  /** The instructions asked for were executed. */
  | { readonly reason: "slice" }
  /** `step` has seen the end of a system call. */
  | { readonly reason: "step" }
  /** A thread waits for standard input and nothing else can run. */
  | { readonly reason: "input" }
  /** The host has to fetch something; run again when it has arrived. */
  | { readonly reason: "content"; readonly arrival: Promise<void> }
  /** See `exit`. */
  | { readonly reason: "ended" };

export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/** A run at a moment. It shares memory with the run as long as that does not change: `plainSnapshot` is what can be sent or stored. */
export interface SandboxSnapshot {
  readonly machine: SavedState;
  readonly trace: SavedState;
  readonly crash: CrashReport | undefined;
}

/** The snapshot as plain data, which can be structured-cloned. */
export function plainSnapshot({ machine, trace, crash }: SandboxSnapshot): SandboxSnapshot {
  return { machine: plainState(machine), trace: plainState(trace), crash };
}

const UNITS_PER_MS = 10_000;
const LAYERS = "layers";

/** A CPU, a kernel and an image composed to the run of one program. Nothing happens unless `run` or `step` is called. */
export class Sandbox {
  readonly #cpu: Cpu;
  readonly #recorder: TraceRecorder;
  readonly #layers: LayerStack;
  #machine: Machine;
  #output: OutputPiece[] = [];
  #crash: CrashReport | undefined;
  #stepping = false;
  #stepped = false;
  #exit: SandboxExit | undefined;

  /** Throws LoadError where the program cannot be started. */
  constructor(options: SandboxOptions, snapshot?: SandboxSnapshot) {
    const limits = { ...defaultSandboxLimits, ...options.limits };
    this.#cpu = options.cpu;
    const observer = this.#observer();
    if (snapshot) {
      this.#layers = layerStack(options.layers);
      const externals = new Map([[LAYERS, this.#layers]]);
      this.#machine = Machine.restore(snapshot.machine, { cpu: options.cpu, observer }, externals);
      this.#crash = snapshot.crash;
      this.#recorder = new TraceRecorder(restoreState(snapshot.trace, new Map()) as TraceState, () => this.#machine);
      return;
    }
    this.#machine = new Machine({
      cpu: options.cpu,
      observer,
      limits: { instructions: limits.instructions, committedBytes: limits.memory },
      ...(options.seed !== undefined && { seed: options.seed }),
      ...(options.build !== undefined && { build: options.build }),
    });
    this.#recorder = new TraceRecorder(new TraceState(limits.events), () => this.#machine);
    bootMachine(this.#machine, options.layers, { bytes: limits.fileBytes, files: limits.files });
    this.#layers = this.volume.layers;
    if (options.stdin) {
      this.type(options.stdin);
      this.type(undefined);
    }
    startFirstProcess(this.#machine, {
      imagePath: options.program,
      commandLine: options.commandLine ?? `"${options.program}"`,
      currentDirectory: options.currentDirectory ?? workDirectory,
      environment: withoutEmpty({ ...defaultEnvironment(), ...options.environment }),
    });
  }

  /** A fresh sandbox that goes on where the snapshot was taken. `options` must name the same program and layers, and a CPU of its own. */
  static restore(snapshot: SandboxSnapshot, options: SandboxOptions): Sandbox {
    return new Sandbox(options, snapshot);
  }

  /** Taken between two calls of `run`: at the boundary of an instruction, and of a system call. Output that nobody has taken yet is not in it. */
  snapshot(): SandboxSnapshot {
    return {
      machine: this.#machine.save(new Map([[LAYERS, this.#layers]])),
      trace: saveState(this.#recorder.state, new Map()),
      crash: this.#crash,
    };
  }

  get machine(): Machine {
    return this.#machine;
  }
  get trace(): TraceColumns {
    return this.#recorder.state.columns;
  }
  get traceState(): TraceState {
    return this.#recorder.state;
  }
  get exit(): SandboxExit | undefined {
    return this.#exit;
  }
  get instructions(): number {
    return this.#machine.clock.instructions;
  }
  get virtualTimeMs(): number {
    return this.#machine.clock.interruptTime / UNITS_PER_MS;
  }
  get volume(): Volume {
    return IoManager.of(this.#machine).volumeDevices[0].volume;
  }
  get layers(): readonly Layer[] {
    return this.#layers.layers;
  }

  /** Executes at most `instructions` more instructions. */
  run(instructions: number): SandboxStop {
    if (this.#exit) return { reason: "ended" };
    const stop = this.#machine.run(instructions);
    switch (stop.reason) {
      case "slice":
        return { reason: "slice" };
      case "content":
        return stop;
      case "stopped":
        return { reason: this.#stepped ? "step" : "slice" };
      case "idle":
        if (standardStreams(this.#machine).isRead) return { reason: "input" };
        return this.#ended("deadlock", ntstatus.STATUS_POSSIBLE_DEADLOCK, "Every thread of the program waits for another one, and none can go on."); // prettier-ignore
      case "limit":
        return this.#ended("limit", ntstatus.STATUS_CANCELLED, "The run reached its limit of instructions.");
      case "unsupported": {
        const bytes = [...stop.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
        const name = stop.mnemonic === "" ? "an instruction" : `the instruction ${stop.mnemonic}`;
        return this.#ended(
          "unsupported-instruction",
          ntstatus.STATUS_ILLEGAL_INSTRUCTION,
          `The program uses ${name} (${bytes}) at 0x${stop.address.toString(16)}, which this CPU does not have yet. The run cannot go on.`,
        );
      }
      case "exited": {
        const status = (this.#machine.mainProcess?.exitStatus ?? 0) >>> 0;
        return this.#ended(this.#crash ? "fault" : "exited", status, exitMeaning(status));
      }
    }
  }

  /** Runs until the next system call has ended, or `run` would return for another reason. */
  step(instructions: number): SandboxStop {
    this.#stepping = true;
    this.#stepped = false;
    try {
      return this.run(instructions);
    } finally {
      this.#stepping = false;
    }
  }

  /** Ends the run from outside. */
  end(reason: "stopped" | "timeout"): void {
    if (this.#exit) return;
    const meaning = reason === "timeout" ? "The run reached its time limit." : "The run was stopped.";
    this.#ended(reason, ntstatus.STATUS_CANCELLED, meaning);
  }

  /** Gives standard input more bytes, or ends it. */
  type(bytes: Uint8Array | undefined): void {
    const streams = standardStreams(this.#machine);
    if (bytes === undefined) streams.end();
    else streams.write(bytes);
  }

  /** What standard output and error received since the last call. */
  takeOutput(): readonly OutputPiece[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** How C: differs from the layers. */
  changes(): readonly ChangedFile[] {
    return changeSet(this.volume);
  }
  /** Calls by name. */
  systemCalls(): Record<string, number> {
    return Object.fromEntries([...this.#recorder.state.calls].map(([name, { count }]) => [name, count]));
  }
  /** What was asked for and is not there, by name. */
  unimplemented(): Record<string, number> {
    return Object.fromEntries(this.#machine.unimplemented);
  }

  /** What limits other than those that end a run kept from the program or the trace, a sentence each. */
  limitMessages(): string[] {
    return limitMessages({ machine: this.#machine, volume: this.volume, trace: this.trace });
  }

  dispose(): void {
    for (const process of this.#machine.processes) if (!process.exited) process.virtualMemory.dispose();
    this.#cpu.dispose();
  }

  #ended(reason: ExitReason, status: number, meaning: string): SandboxStop {
    this.#exit = { reason, status, statusName: nameOfStatus(status), meaning, crash: this.#crash };
    return { reason: "ended" };
  }

  #observer(): Observer {
    return {
      enter: (call: ServiceCall) => this.#recorder.enter(call),
      exit: (call: ServiceCall, result: number | bigint | undefined) => {
        this.#recorder.exit(call, result);
        if (!this.#stepping) return;
        this.#stepped = true;
        this.#machine.requestStop();
      },
      event: (event: MachineEvent) => {
        if (event.kind === "output") {
          this.#output.push({ stream: event.stream, bytes: event.bytes });
          return;
        }
        if (event.kind === "crash" && event.process === this.#machine.mainProcess) this.#crash = event.report;
        this.#recorder.event(event);
      },
    };
  }
}

function withoutEmpty(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
}
