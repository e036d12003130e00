/**
 * The CPU seam over a build of unicorn.js that the user supplies. Every instruction is hooked, to count it: slow, and exact.
 *
 * What differs from the seam's contract: hardware breakpoints are not armed; where the guest itself writes RDTSC, RDTSCP or CPUID over an instruction of
 * their length that ran before, Unicorn's own is executed. docs/libunicorn.md has what QEMU gets wrong.
 */
import { Register, type Context } from "../../context.ts";
import type { AddressSpace, AddressSpaceImage, Cpu, Exit } from "../../cpu.ts";
import { Identity } from "../../identity.ts";
import { instructions } from "../../isa/index.ts";
import { Arch, CpuModel, HookedInstruction, HookType, MEMORY_FAULTS, Mode } from "../constants.ts";
import { errorCodes, failure } from "../errors.ts";
import { interruptExit, memoryExit } from "../exits.ts";
import { transfers, UC_X86_REG } from "../register-transfers.ts";
import { registerOf } from "../registers.ts";
import { isRepeatedString } from "../repeated-string.ts";
import { enterUserMode } from "../user-mode.ts";
import { UnicornJsAddressSpace } from "./address-space.ts";
import type { UnicornJsEngine, UnicornJsModule } from "./module.ts";

/** Instructions that show what only this project knows: time and identity. */
type Own = "RDTSC" | "RDTSCP" | "CPUID";
const ownCodes: readonly (readonly [Own, readonly number[]])[] = [
  ["RDTSC", [0x0f, 0x31]],
  ["RDTSCP", [0x0f, 0x01, 0xf9]],
  ["CPUID", [0x0f, 0xa2]],
];

/** Why the engine was stopped. */
type Event =
  | { readonly kind: "budget" }
  | { readonly kind: "syscall" }
  | { readonly kind: "own"; readonly instruction: Own; readonly length: number }
  | { readonly kind: "interrupt"; readonly vector: number }
  | { readonly kind: "memory"; readonly type: number; readonly address: number };

/** No program arrives there. */
const NEVER = 0xffff_fff0_0000_0000n;
const NOWHERE = -1;

export class UnicornJsCpu implements Cpu {
  readonly name = "unicornjs";
  readonly level = 1;
  timeStamp = 0n;
  executed = 0;
  readonly #module: UnicornJsModule;
  readonly #identity = new Identity(instructions, 1);
  readonly #engines = new Map<AddressSpace, Engine>();

  constructor(module: UnicornJsModule) {
    this.#module = module;
  }

  createAddressSpace(image?: AddressSpaceImage): AddressSpace {
    const engine = new Engine(this.#module, image, () => this.#engines.delete(engine.space));
    this.#engines.set(engine.space, engine);
    return engine.space;
  }

  run(space: AddressSpace, context: Context, budget: number): Exit {
    const engine = this.#engines.get(space);
    if (!engine) throw new Error("the address space belongs to another CPU or was disposed");
    this.executed = 0;
    for (;;) {
      const event = engine.run(context, budget - this.executed);
      this.executed += engine.executed;
      switch (event.kind) {
        case "budget":
          return { reason: "budget" };
        case "syscall":
          context.set(Register.RCX, BigInt(context.rip));
          context.setNumber(Register.R11, context.rflags);
          return { reason: "syscall" };
        case "memory":
          return memoryExit(event.type, event.address);
        case "interrupt":
          return interruptExit((address) => engine.space.peekUpTo(address, 15), event.vector, context.rip, engine.began(context.rip)); // prettier-ignore
        case "own":
          this.#execute(context, event.instruction);
          context.rip += event.length;
          if (++this.executed >= budget) return { reason: "budget" };
      }
    }
  }
  #execute(context: Context, instruction: Own): void {
    if (instruction === "CPUID") {
      const [eax, ebx, ecx, edx] = this.#identity.cpuid(context.getLow32(Register.RAX), context.getLow32(Register.RCX));
      context.setNumber(Register.RAX, eax >>> 0);
      context.setNumber(Register.RBX, ebx >>> 0);
      context.setNumber(Register.RCX, ecx >>> 0);
      context.setNumber(Register.RDX, edx >>> 0);
      return;
    }
    const ticks = this.timeStamp + BigInt(this.executed);
    context.set(Register.RAX, ticks & 0xffff_ffffn);
    context.set(Register.RDX, (ticks >> 32n) & 0xffff_ffffn);
    if (instruction === "RDTSCP") context.set(Register.RCX, 0n);
  }

  dispose(): void {
    for (const space of [...this.#engines.keys()]) space.dispose();
  }
}

/** One engine with its hooks: one address space. */
class Engine {
  readonly space: UnicornJsAddressSpace;
  /** Instructions of the last run. */
  executed = 0;
  readonly #engine: UnicornJsEngine;
  /** The processor without any exception in flight: Unicorn believes that it still delivers the last, and would make the next a double fault. */
  readonly #idle: unknown;
  #event: Event | undefined;
  #budget = 0;
  /** The instruction that began last. */
  #last = NOWHERE;
  /** Of instructions as long as an own one. */
  readonly #own = new Map<number, Own | undefined>();

  constructor(module: UnicornJsModule, image: AddressSpaceImage | undefined, onDispose: () => void) {
    const engine = (this.#engine = new module.Unicorn(Arch.X86, Mode.MODE_64));
    engine.ctl_set_cpu_model(CpuModel["QEMU64"]);
    tryUserMode(engine);
    this.#idle = engine.context_alloc();
    engine.context_save(this.#idle as never);
    this.space = new UnicornJsAddressSpace(
      engine,
      () => {
        onDispose();
        engine.close();
      },
      image,
    );
    engine.hook_add(HookType.CODE, (_e: unknown, address: bigint, size: number) => this.#count(Number(address), size));
    engine.hook_add(HookType.INSN, () => this.#stop({ kind: "syscall" }), {}, 1, 0, HookedInstruction.SYSCALL);
    engine.hook_add(HookType.INTR, (_e: unknown, vector: number) => this.#stop({ kind: "interrupt", vector }));
    engine.hook_add(MEMORY_FAULTS, (_e: unknown, type: number, address: bigint) => {
      this.#stop({ kind: "memory", type, address: Number(BigInt.asUintN(64, address)) });
      return false;
    });
  }

  #stop(event: Event): void {
    this.#event ??= event;
    this.#engine.emu_stop();
  }
  #count(address: number, size: number): void {
    if (this.#event) return;
    // Each round of a repeated string instruction comes here.
    if (address === this.#last && isRepeatedString(this.space.peekUpTo(address, size))) return;
    if (this.executed >= this.#budget) return this.#stop({ kind: "budget" });
    const instruction = size === 2 || size === 3 ? this.#ownAt(address, size) : undefined;
    if (instruction) return this.#stop({ kind: "own", instruction, length: size });
    this.#last = address;
    this.executed++;
  }
  #ownAt(address: number, size: number): Own | undefined {
    if (!this.#own.has(address)) {
      const bytes = this.space.peekUpTo(address, size);
      const found = ownCodes.find(([, code]) => code.length === size && code.every((byte, i) => byte === bytes[i]));
      this.#own.set(address, found?.[0]);
    }
    return this.#own.get(address);
  }
  /** Whether the instruction at `rip` was the last one begun. */
  began(rip: number): boolean {
    return this.#last === rip;
  }

  run(context: Context, budget: number): Event {
    const engine = this.#engine;
    if (this.#event?.kind === "interrupt") engine.context_restore(this.#idle as never);
    if (this.space.codeChanged) this.#own.clear();
    this.space.codeChanged = false;
    this.#event = undefined;
    this.#budget = budget;
    this.executed = 0;
    this.#last = NOWHERE;
    this.space.carryIn();
    this.#load(context);
    const error = this.#start(context.rip);
    this.#keep(context);
    this.space.carryOut();
    const event = this.#event ?? errorEvent(error);
    // What faulted was not executed.
    const faulted = event.kind === "memory" || (event.kind === "interrupt" && this.#last === context.rip);
    if (faulted && this.#last === context.rip) this.executed--;
    return event;
  }
  /** What it throws. */
  #start(rip: number): unknown {
    try {
      this.#engine.emu_start(rip, NEVER, 0, 0);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Everything but RIP, which `emu_start` takes. */
  #load(context: Context): void {
    for (const [id] of transfers) {
      const register = registerOf(id);
      if (register && id !== UC_X86_REG.RIP) this.#engine.reg_write(id, register.read(context));
    }
  }
  #keep(context: Context): void {
    for (const [id] of transfers) {
      const register = registerOf(id);
      if (register) register.write(context, this.#engine.reg_read(id, register.size));
    }
  }
}

/** The events that no hook tells. */
function errorEvent(error: unknown): Event {
  if (error === failure("uc_emu_start", errorCodes.ERR_INSN_INVALID)) return { kind: "interrupt", vector: 6 };
  throw new Error(`unicorn.js stopped: ${String(error)}`);
}

/** Into ring 3 where the processor knows rings; one that knows none is in user mode. */
function tryUserMode(engine: UnicornJsEngine): void {
  const page: { address: number; size: number } = { address: 0, size: 0 };
  try {
    enterUserMode({
      readRegister: (id, value) => value.set(engine.reg_read(id, value.length)),
      writeRegister: (id, value) => engine.reg_write(id, value),
      map(address, bytes) {
        Object.assign(page, { address, size: bytes.length });
        engine.mem_map(address, bytes.length, 7);
        engine.mem_write(address, bytes);
      },
      unmap(address, size) {
        engine.ctl_remove_cache(address, address + size);
        engine.mem_unmap(address, size);
        page.size = 0;
      },
      start: (begin, until) => engine.emu_start(begin, BigInt(until), 0, 0),
    });
  } catch (error) {
    if (typeof error !== "string") throw error;
    if (page.size) engine.mem_unmap(page.address, page.size);
  }
}
