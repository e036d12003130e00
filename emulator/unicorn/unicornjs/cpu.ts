/**
 * The CPU seam over a build of unicorn.js that the user supplies. Blocks are hooked, to count their instructions:
 * where every instruction is hooked, unicorn.js fails as soon as a block is long.
 *
 * What differs from the seam's contract: hardware breakpoints are not armed; a block that changes its own code is counted whole; where the guest itself
 * writes an instruction that own-processor.ts takes over one of a block that ran before, Unicorn's own is executed. docs/libunicorn.md has what QEMU gets wrong.
 */
import { addressNumber } from "../../address.ts";
import { Register, type Context } from "../../context.ts";
import type { AddressSpace, AddressSpaceImage, Cpu, Exit } from "../../cpu.ts";
import { Arch, CpuModel, HookedInstruction, HookType, MEMORY_FAULTS, Mode } from "../constants.ts";
import { errorCodes, failure } from "../errors.ts";
import { interruptExit, memoryExit } from "../exits.ts";
import { transfers, UC_X86_REG } from "../register-transfers.ts";
import { registerOf } from "../registers.ts";
import { isRepeatedString } from "../repeated-string.ts";
import { enterUserMode } from "../user-mode.ts";
import { UnicornJsAddressSpace } from "./address-space.ts";
import type { UnicornJsEngine, UnicornJsModule } from "./module.ts";
import { Blocks, type Block } from "./blocks.ts";
import { LEVEL, OwnProcessor } from "./own-processor.ts";

/** Why the engine was stopped. */
type Event =
  | { readonly kind: "budget" }
  | { readonly kind: "syscall" }
  | { readonly kind: "own"; readonly bytes: Uint8Array }
  | { readonly kind: "interrupt"; readonly vector: number }
  | { readonly kind: "memory"; readonly type: number; readonly address: number };

/** No program arrives there. */
const NEVER = 0xffff_fff0_0000_0000n;

export class UnicornJsCpu implements Cpu {
  readonly name = "unicornjs";
  readonly level = LEVEL;
  timeStamp = 0n;
  executed = 0;
  readonly #module: UnicornJsModule;
  readonly #own = new OwnProcessor();
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
          return interruptExit((address) => engine.space.peekUpTo(address, 15), event.vector, context.rip, engine.stoppedInside); // prettier-ignore
        case "own":
          this.#own.execute(context, event.bytes, this.timeStamp + BigInt(this.executed));
          if (++this.executed >= budget) return { reason: "budget" };
      }
    }
  }

  dispose(): void {
    for (const space of [...this.#engines.keys()]) space.dispose();
    this.#own.dispose();
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
  readonly #blocks = new Blocks((address, size) => this.space.peekUpTo(address, size));
  #event: Event | undefined;
  #budget = 0;
  /** The block that began last; what came before it is counted. */
  #block: Block | undefined;
  /** RIP stood in the block, not behind it, when the last run ended. */
  stoppedInside = false;
  /** Where the block that is to begin must be left. */
  #until: number | undefined;

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
    engine.hook_add(HookType.BLOCK, (_e: unknown, address: bigint, size: number) => this.#begin(Number(address), size));
    engine.hook_add(HookType.INSN, () => this.#stop({ kind: "syscall" }), {}, 1, 0, HookedInstruction.SYSCALL);
    engine.hook_add(HookType.INTR, (_e: unknown, vector: number) => this.#stop({ kind: "interrupt", vector }));
    engine.hook_add(MEMORY_FAULTS, (_e: unknown, type: number, address: bigint) => {
      this.#stop({ kind: "memory", type, address: addressNumber(BigInt.asUintN(64, address)) });
      return false;
    });
  }

  #stop(event: Event): void {
    this.#event ??= event;
    this.#engine.emu_stop();
  }
  #begin(address: number, size: number): void {
    if (this.#event || this.#until !== undefined) return;
    const previous = this.#block;
    // Each round of a repeated string instruction begins a block.
    const again = previous?.addresses.at(-1) === address && isRepeatedString(this.space.peekUpTo(address, size));
    if (previous) this.executed += previous.addresses.length - (again ? 1 : 0);
    const block = this.#blocks.at(address, size);
    const left = this.#budget - this.executed;
    this.#block = undefined;
    if (left <= 0) return this.#stop({ kind: "budget" });
    if (block.own) return this.#stop({ kind: "own", bytes: block.own });
    const permitted = Math.min(block.before, left);
    if (permitted === block.addresses.length) this.#block = block;
    else {
      this.#until = block.addresses[permitted];
      this.#engine.emu_stop();
    }
  }

  run(context: Context, budget: number): Event {
    const engine = this.#engine;
    if (this.#event?.kind === "interrupt") engine.context_restore(this.#idle as never);
    if (this.space.codeChanged) this.#blocks.forget();
    this.space.codeChanged = false;
    this.#event = undefined;
    this.#budget = budget;
    this.executed = 0;
    this.space.carryIn();
    this.#load(context);
    const error = this.#runToEvent(context.rip);
    this.#keep(context);
    this.space.carryOut();
    return this.#event ?? errorEvent(error);
  }
  /** What `emu_start` threw, if that ended it. */
  #runToEvent(rip: number): unknown {
    for (;;) {
      const until = this.#until;
      this.#until = undefined;
      // A block is left where `until` was when it was translated, and `until` counts no more afterwards.
      if (until !== undefined) this.#engine.ctl_remove_cache(rip, until);
      const before = this.executed;
      const error = this.#start(rip, until);
      const to = this.#rip;
      this.#finish(to);
      if (error !== undefined || this.#event) return error;
      if (until !== undefined && this.executed === this.#budget) this.#engine.ctl_remove_cache(rip, until);
      if (to === rip && this.executed === before && this.#until === undefined)
        throw new Error(`unicorn.js does not go on at 0x${rip.toString(16)}`);
      rip = to;
    }
  }
  /** What it throws. */
  #start(rip: number, until: number | undefined): unknown {
    try {
      this.#engine.emu_start(rip, BigInt(until ?? NEVER), 0, 0);
      return undefined;
    } catch (error) {
      return error;
    }
  }
  /** Counts the block that ended, or was left, with RIP at `rip`. */
  #finish(rip: number): void {
    const block = this.#block;
    this.#block = undefined;
    if (!block) return;
    const { addresses, end } = block;
    const isInside = rip >= addresses[0] && rip < end;
    this.stoppedInside = isInside;
    this.executed += isInside ? addresses.indexOf(rip) : addresses.length;
  }
  get #rip(): number {
    const bytes = this.#engine.reg_read(UC_X86_REG.RIP, 8);
    return Number(new DataView(bytes.buffer).getBigUint64(0, true));
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
