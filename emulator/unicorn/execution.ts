/** `uc_emu_start`: runs of the core between the places where a hook is to be called. */
import type { Context } from "../context.ts";
import { GuestFault, type AccessKind, type ExceptionVector } from "../cpu.ts";
import { isInstruction } from "../decoder/decoder.ts";
import type { EngineCpu } from "../engine.ts";
import type { Core } from "../interpreter/core.ts";
import type { CoreExit } from "../interpreter/exits.ts";
import type { Stops } from "../interpreter/stops.ts";
import type { Instruction } from "../isa/instruction.ts";
import { blockExtent } from "./block.ts";
import { HookType, MemoryEvent } from "./constants.ts";
import type { ErrorName } from "./errors.ts";
import { HookedMemory, hookTypes } from "./hooked-memory.ts";
import type { Hook } from "./hooks.ts";
import { Hooks } from "./hooks.ts";
import { InstructionHooks } from "./instruction-hooks.ts";

/** Instructions between two looks at the clock. */
const SLICE = 200_000;
const MAX_NESTING = 64;

const vectors: Readonly<Record<ExceptionVector, number>> = { DE: 0, DB: 1, UD: 6, GP: 13, MF: 16, AC: 17, XM: 19 };
const BREAKPOINT = 3;
const SYSENTER = [0x0f, 0x34];

/** How a start ended. `detail` names what this processor lacks. */
export interface Outcome {
  readonly error: ErrorName;
  readonly detail?: string;
}
const OK: Outcome = { error: "ERR_OK" };

export class Execution {
  readonly hooks = new Hooks(() => this.#hooksChanged());
  readonly memory: HookedMemory;
  /** `until`, or what was set in its place. */
  exits: ReadonlySet<number> = new Set();
  timedOut = false;
  readonly #cpu: EngineCpu;
  readonly #core: Core;
  readonly #context: Context;
  /** The first parameter of callbacks. */
  readonly #owner: unknown;
  readonly #instructions: InstructionHooks;
  #stopped = false;
  #nesting = 0;
  /** RIP of the saved state that a hook restored. */
  #restoredTo: number | undefined;
  /** Hooks came or went since the core was told. */
  #changed = false;
  /** What the core was told. */
  #toldExits: ReadonlySet<number> = new Set();

  constructor(cpu: EngineCpu, core: Core, context: Context, owner: unknown) {
    this.#cpu = cpu;
    this.#core = core;
    this.#context = context;
    this.#owner = owner;
    const stopped = (): boolean => this.#stopped;
    const call = (hook: Hook, ...parameters: unknown[]): unknown => this.#call(hook, parameters);
    this.memory = new HookedMemory(core, context, this.hooks, call, stopped);
    this.#instructions = new InstructionHooks(context, this.hooks, call, stopped);
    this.#changed = true;
    this.memory.connect();
  }

  /** Ends the innermost start, after the present instruction. */
  stop(): void {
    this.#stopped = true;
    this.interrupt();
  }
  /** What the core has seen of memory or hooks may have changed: it must look again after the present instruction. */
  interrupt(): void {
    if (this.memory.busy) this.#core.interrupt();
  }
  /** A saved state became the present one. */
  restored(): void {
    this.#restoredTo = this.#context.rip;
  }
  /** Calls a hook. One that restores a saved state goes on at the present instruction all the same, unless it stops. */
  #call(hook: Hook, parameters: readonly unknown[]): unknown {
    const context = this.#context;
    const { rip } = context;
    this.#restoredTo = undefined;
    const answer = hook.callback(this.#owner, ...parameters);
    if (context.rip === this.#restoredTo && !this.#stopped) context.rip = rip;
    return answer;
  }
  #hooksChanged(): void {
    this.#changed = true;
    this.memory.connect();
    this.interrupt();
  }

  /** `timeout` in microseconds, 0: none; `count` of instructions, 0: any number. */
  start(begin: number, exits: ReadonlySet<number>, timeout: number, count: number): Outcome {
    // A hook on memory runs in the middle of an instruction.
    if (this.memory.busy || this.#nesting >= MAX_NESTING) return { error: "ERR_RESOURCE" };
    const outer = { rip: this.#context.rip, exits: this.exits };
    this.#nesting++;
    this.#stopped = false;
    this.timedOut = false;
    this.exits = exits;
    this.#context.rip = begin;
    try {
      return this.#run(timeout ? performance.now() + timeout / 1000 : Infinity, count || Infinity);
    } finally {
      if (--this.#nesting) {
        // The outer start goes on where it was.
        this.exits = outer.exits;
        this.#context.rip = outer.rip;
        this.#stopped = false;
      }
    }
  }

  #run(deadline: number, count: number): Outcome {
    const context = this.#context;
    const cpu = this.#cpu;
    let left = count;
    /** Control came to RIP as to the beginning of a block. */
    let entered = true;
    for (;;) {
      if (this.#stopped || left <= 0 || this.exits.has(context.rip)) return OK;
      if (deadline !== Infinity && performance.now() >= deadline) {
        this.timedOut = true;
        return OK;
      }
      const arrival = this.#arrive(entered);
      if (arrival === "done") left--;
      if (arrival === "halted") return OK;
      if (arrival !== "here") {
        entered = true;
        continue;
      }
      this.#tellCore();
      this.memory.movedTo = undefined;
      this.memory.error = undefined;
      const exit = cpu.runWatched(this.#core.space, context, Math.min(left, deadline === Infinity ? Number.MAX_SAFE_INTEGER : SLICE)); // prettier-ignore
      left -= cpu.executed;
      cpu.timeStamp += BigInt(cpu.executed);
      const outcome = this.#after(exit);
      if (outcome) return outcome;
      if (this.memory.movedTo !== undefined) context.rip = this.memory.movedTo;
      entered = exit.reason === "stop" ? exit.entered : exit.reason !== "budget";
    }
  }

  #tellCore(): void {
    const told = this.#toldExits;
    if (!this.#changed && this.exits === told) return;
    const moved = [...this.exits, ...told].filter((address) => this.exits.has(address) !== told.has(address));
    if (!this.#changed && !moved.length) return;
    this.#core.stopAt(this.#stops(), this.#changed ? undefined : moved);
    this.#changed = false;
    this.#toldExits = this.exits;
  }
  #stops(): Stops {
    const { hooks, exits } = this;
    const everyInstruction = hooks.of(HookType.CODE);
    return {
      at: (address) => exits.has(address) || everyInstruction.some((hook) => hook.covers(address)),
      before: (instruction) => this.#instructions.concerns(instruction),
      everyBlock: hooks.of(HookType.BLOCK).length > 0,
    };
  }

  /** Calls the hooks that want to see RIP. `here`: the instruction there is to be executed; `moved`: it is not. */
  #arrive(entered: boolean): "here" | "moved" | "done" | "halted" {
    const context = this.#context;
    const { rip } = context;
    if (entered && this.hooks.of(HookType.BLOCK).length) {
      const { size } = blockExtent(this.#core, rip, (address) => this.exits.has(address));
      this.#callAt(HookType.BLOCK, rip, size);
      if (this.#stopped || context.rip !== rip) return "moved";
    }
    const instruction = this.#instructionAt(rip);
    if (!instruction) return "here";
    this.#callAt(HookType.CODE, rip, instruction.length);
    if (this.#stopped || context.rip !== rip) return "moved";
    if (!this.#instructions.concerns(instruction)) return "here";
    const done = this.#instructions.perform(instruction);
    return done === "no" ? (this.#stopped || context.rip !== rip ? "moved" : "here") : done;
  }
  #instructionAt(address: number): Instruction | undefined {
    try {
      const decoded = this.#core.decode(address);
      return isInstruction(decoded) ? decoded : undefined;
    } catch (error) {
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }
  /** Calls those that cover `address`, where `size` bytes of code begin, with those that they add. */
  #callAt(type: number, address: number, size: number, already: readonly Hook[] = []): void {
    const hooks = this.hooks.of(type);
    for (const hook of hooks) {
      if (!hook.covers(address) || already.includes(hook) || !this.hooks.has(hook)) continue;
      this.#call(hook, [BigInt(address), size, hook.userData]);
      if (this.#stopped) return;
    }
    if (this.hooks.of(type) !== hooks) this.#callAt(type, address, size, [...already, ...hooks]);
  }

  /** Undefined: the start goes on. */
  #after(exit: CoreExit): Outcome | undefined {
    switch (exit.reason) {
      case "stop":
      case "budget":
        return undefined;
      case "fault":
        return exit.access === "execute" ? this.#fetchFault() : { error: this.#dataFault(exit.access) };
      case "exception":
        if (this.#sysenter()) return undefined;
        return exit.vector === "UD" ? { error: "ERR_INSN_INVALID" } : this.#interrupt(vectors[exit.vector]);
      case "breakpoint":
        return this.#interrupt(BREAKPOINT);
      case "interrupt":
        return this.#interrupt(exit.vector);
      case "syscall":
        throw new Error("SYSCALL is not left to the processor");
      case "unsupported": {
        if (this.#sysenter()) return undefined;
        const bytes = Array.from(exit.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
        return { error: "ERR_INSN_INVALID", detail: `not implemented: ${exit.mnemonic || "instruction"} (${bytes})` };
      }
    }
  }
  /** SYSENTER is no instruction of every processor's 64-bit mode. */
  #sysenter(): boolean {
    const { space } = this.#core;
    const { rip } = this.#context;
    const isThere = SYSENTER.every((byte, index) => space.protectionAt(rip + index) !== undefined && space.peek(rip + index, 1)[0] === byte); // prettier-ignore
    if (isThere) this.#instructions.sysenter(SYSENTER.length);
    return isThere;
  }
  /** An address that is not canonical is found before memory is asked. */
  #dataFault(access: AccessKind): ErrorName {
    return this.memory.error ?? (access === "read" ? "ERR_READ_UNMAPPED" : "ERR_WRITE_UNMAPPED");
  }

  /** An instruction at RIP cannot be fetched, because of its first or of a later page. */
  #fetchFault(): Outcome | undefined {
    const address = this.#fetchFaultAddress();
    if (address === undefined) return undefined;
    const { space } = this.#core;
    const mapped = space.protectionAt(address) !== undefined;
    const event = mapped ? MemoryEvent.FETCH_PROT : MemoryEvent.FETCH_UNMAPPED;
    const answered = this.hooks.of(hookTypes[event]).some((hook) => {
      if (!hook.covers(address)) return false;
      return Boolean(this.#call(hook, [event, BigInt.asIntN(64, BigInt(address)), 1, 0n, hook.userData]));
    });
    if (!answered) return { error: mapped ? "ERR_FETCH_PROT" : "ERR_FETCH_UNMAPPED" };
    if (space.protectionAt(address) === undefined) return { error: "ERR_MAP" };
    return this.#fetchFaultAddress() === address ? { error: "ERR_FETCH_PROT" } : undefined;
  }
  #fetchFaultAddress(): number | undefined {
    try {
      this.#core.decode(this.#context.rip);
      return undefined;
    } catch (error) {
      if (error instanceof GuestFault) return error.address;
      throw error;
    }
  }

  #interrupt(number: number): Outcome | undefined {
    const hooks = this.hooks.of(HookType.INTR);
    for (const hook of hooks) this.#call(hook, [number, hook.userData]);
    return hooks.length ? undefined : { error: "ERR_EXCEPTION" };
  }
}
