/**
 * The CPU seam over libunicorn: the second opinion in tests, and a way to run where our engine is in question.
 *
 * What differs from the seam's contract: hardware breakpoints (DR0–DR3) are not armed; code that another address space changes in shared pages is not noticed. docs/libunicorn.md has the rest.
 */
import { addressNumber } from "../../address.ts";
import type { Context } from "../../context.ts";
import { Register } from "../../context.ts";
import type { AddressSpaceImage, Cpu, Exit } from "../../cpu.ts";
import { Identity } from "../../identity.ts";
import { instructions } from "../../isa/index.ts";
import { GP_VECTOR, interruptExit, memoryExit } from "../exits.ts";
import { enterUserMode } from "../user-mode.ts";
import { LibunicornAddressSpace } from "./address-space.ts";
import { InstructionCounter } from "./instruction-counter.ts";
import type { HostPointer, Libunicorn } from "./library.ts";
import * as uc from "./library.ts";
import { RegisterTransfer } from "./registers.ts";

export interface LibunicornOptions {
  /**
   * Count every instruction: budgets, `executed` and the RIP of faults are exact. Without it a run ends at the next system
   * call, fault or interrupt only, counts as one instruction, and a fault leaves RIP at the start of its basic block: for benchmarks.
   */
  readonly countInstructions?: boolean;
}

/** @throws Error that says what to install where libunicorn is missing. */
export function createLibunicornCpu(options: LibunicornOptions = {}): LibunicornCpu {
  return new LibunicornCpu(uc.loadLibunicorn(), options.countInstructions ?? true);
}

/** What a hook saw. The engine stops after each. */
type Event =
  | { readonly kind: "syscall" }
  | { readonly kind: "interrupt"; readonly vector: number }
  | { readonly kind: "memory"; readonly type: number; readonly address: number };

/** An address at which no program arrives: emulation ends by hooks only. */
const NEVER = 0xffff_fff0_0000_0000n;

export class LibunicornCpu implements Cpu {
  readonly name = "libunicorn";
  readonly level = 1;
  timeStamp = 0n;
  #executed = 0;
  readonly #library: Libunicorn;
  readonly #counts: boolean;
  readonly #registers: RegisterTransfer;
  readonly #identity = new Identity(instructions, 1);
  readonly #engines = new Map<LibunicornAddressSpace, Engine>();

  constructor(library: Libunicorn, countInstructions: boolean) {
    this.#library = library;
    this.#counts = countInstructions;
    this.#registers = new RegisterTransfer(library);
  }

  get executed(): number {
    return this.#executed;
  }

  createAddressSpace(image?: AddressSpaceImage): LibunicornAddressSpace {
    const engine = new Engine(this.#library, this.#counts, this.#registers, this.#identity);
    const release = (): void => {
      this.#engines.delete(space);
      engine.close();
    };
    const space = new LibunicornAddressSpace(this.#library, engine.pointer, release, image);
    engine.space = space;
    this.#engines.set(space, engine);
    return space;
  }

  run(space: LibunicornAddressSpace, context: Context, budget: number): Exit {
    const engine = this.#engines.get(space);
    if (!engine) throw new Error("the address space belongs to another CPU or was disposed");
    if (budget < 1) throw new RangeError("the budget is at least 1");
    this.#executed = 0;
    for (;;) {
      const exit = this.#runOnce(engine, context, budget - this.#executed);
      if (exit) return exit;
      if (this.#counts && this.#executed >= budget) return { reason: "budget" };
    }
  }

  dispose(): void {
    for (const space of [...this.#engines.keys()]) space.dispose();
  }

  /** Undefined: the run goes on, after an instruction that was carried out here. */
  #runOnce(engine: Engine, context: Context, budget: number): Exit | undefined {
    engine.prepare();
    this.#registers.load(engine.pointer, context);
    const status = engine.start(context.rip, budget);
    this.#registers.store(engine.pointer, context);
    const event = engine.event;
    const counter = engine.counter;
    const begun = counter ? budget - counter.remaining : 1;
    const faulted = counter?.began(context.rip) ? begun - 1 : begun;

    if (event?.kind === "syscall") {
      this.#executed += begun;
      context.set(Register.RCX, BigInt(context.rip));
      context.setNumber(Register.R11, context.rflags);
      return { reason: "syscall" };
    }
    if (event?.kind === "memory") {
      this.#executed += faulted;
      return memoryExit(event.type, event.address);
    }
    if (event?.kind === "interrupt") {
      if (event.vector === GP_VECTOR && this.#readTimeStamp(engine, context, faulted)) return undefined;
      this.#executed += faulted;
      return interruptExit(
        (address) => engine.codeBytes(address),
        event.vector,
        context.rip,
        counter?.began(context.rip),
      );
    }
    this.#executed += status === uc.UC_ERR_OK ? begun : faulted;
    if (status === uc.UC_ERR_OK && counter && counter.remaining === 0) return { reason: "budget" };
    if (status === uc.UC_ERR_INSN_INVALID) return { reason: "exception", vector: "UD" };
    throw new Error(`libunicorn stopped at 0x${context.rip.toString(16)}: ${this.#library.errorText(status)}`);
  }

  /** RDTSC and RDTSCP fault here by CR4.TSD, so that they show virtual time. */
  #readTimeStamp(engine: Engine, context: Context, executedBefore: number): boolean {
    const bytes = engine.codeBytes(context.rip);
    const opcode = bytes.findIndex((byte) => !isPrefix(byte));
    if (bytes[opcode] !== 0x0f || bytes[opcode + 1] !== 0x31) return false;
    this.#executed += executedBefore;
    const ticks = this.timeStamp + BigInt(this.#executed);
    context.set(Register.RAX, ticks & 0xffff_ffffn);
    context.set(Register.RDX, (ticks >> 32n) & 0xffff_ffffn);
    context.rip += opcode + 2;
    this.#executed++;
    return true;
  }
}

/** Legacy prefixes but LOCK, and REX. */
const isPrefix = (byte: number): boolean =>
  [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3].includes(byte) || (byte & 0xf0) === 0x40;

/** One `uc_engine` with its hooks: one address space. */
class Engine {
  readonly pointer: HostPointer;
  readonly counter: InstructionCounter | undefined;
  space: LibunicornAddressSpace | undefined;
  event: Event | undefined;
  readonly #library: Libunicorn;
  readonly #callbacks: HostPointer[];
  /** The processor without any exception in flight. */
  readonly #userMode: HostPointer;

  constructor(library: Libunicorn, count: boolean, registers: RegisterTransfer, identity: Identity) {
    this.#library = library;
    this.pointer = library.open();
    const { pointer } = this;
    enterUserMode({
      readRegister: (id, value) => library.readRegister(pointer, id, value),
      writeRegister: (id, value) => library.writeRegister(pointer, id, value),
      // libunicorn works on our bytes.
      map: (address, bytes) => library.mapPointer(pointer, address, bytes.length, 7, uc.hostPointer(bytes)),
      unmap(address, size) {
        library.removeTranslations(pointer, address, address + size);
        library.unmap(pointer, address, size);
      },
      start(begin, until) {
        const status = library.start(pointer, begin, BigInt(until));
        if (status !== uc.UC_ERR_OK) throw new Error(library.errorText(status));
      },
    });
    this.#userMode = library.saveState(this.pointer);
    this.counter = count
      ? new InstructionCounter(library, this.pointer, (address) => this.codeBytes(address))
      : undefined;
    const stopFor = (event: Event): void => {
      this.event ??= event;
      library.stop(this.pointer);
    };
    const syscall = library.syscallCallback(() => stopFor({ kind: "syscall" }));
    const interrupt = library.interruptCallback((_, vector) => stopFor({ kind: "interrupt", vector }));
    const memory = library.memoryCallback((_, type, address) => {
      stopFor({ kind: "memory", type, address: addressNumber(BigInt.asUintN(64, BigInt(address))) });
      return false;
    });
    const cpuid = library.cpuidCallback(() => {
      const [leaf, subleaf] = registers.readCpuidInput(this.pointer);
      registers.writeCpuidOutput(this.pointer, identity.cpuid(leaf, subleaf));
      return 1;
    });
    this.#callbacks = [syscall, interrupt, memory, cpuid];
    library.hook(this.pointer, uc.UC_HOOK_INSN, syscall, 0n, uc.UC_X86_INS_SYSCALL);
    library.hook(this.pointer, uc.UC_HOOK_INSN, cpuid, 0n, uc.UC_X86_INS_CPUID);
    library.hook(this.pointer, uc.UC_HOOK_INTR, interrupt, 0n);
    library.hook(this.pointer, uc.UC_HOOK_MEM_INVALID, memory, 0n);
    if (this.counter) library.hook(this.pointer, uc.UC_HOOK_CODE, this.counter.callback, this.counter.record);
  }

  /** Up to 15 bytes of the instruction at `address`. */
  codeBytes(address: number): Uint8Array {
    return this.space?.peekUpTo(address, 15) ?? new Uint8Array();
  }

  /** Before registers are loaded. */
  prepare(): void {
    // libunicorn believes that it still delivers the last exception, and would make the next one a double fault.
    if (this.event?.kind === "interrupt") this.#library.restoreState(this.pointer, this.#userMode);
    this.event = undefined;
  }

  start(rip: number, budget: number): number {
    this.counter?.start(budget);
    return this.#library.start(this.pointer, rip, NEVER);
  }

  close(): void {
    this.#library.freeState(this.#userMode);
    this.#library.close(this.pointer);
    this.counter?.dispose();
    for (const callback of this.#callbacks) this.#library.releaseCallback(callback);
  }
}
