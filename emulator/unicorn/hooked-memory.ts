/** A path to memory along which hooks are called. Accesses are seen in pieces of up to 8 bytes. */
import type { Context } from "../context.ts";
import { GuestFault, PAGE_SIZE, Protection, USER_LIMIT, type AccessKind } from "../cpu.ts";
import type { Core } from "../interpreter/core.ts";
import type { AccessPath } from "../memory/guest-memory.ts";
import { HookType, MemoryEvent } from "./constants.ts";
import type { ErrorName } from "./errors.ts";
import type { CallHook, Hook, Hooks } from "./hooks.ts";

const PIECE = 8;

const littleEndian = (bytes: Uint8Array): bigint => {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return BigInt.asIntN(64, value);
};

export class HookedMemory implements AccessPath {
  /** Why the access failed that faulted last. */
  error: ErrorName | undefined;
  /** Where a hook wants to go on, by writing RIP. */
  movedTo: number | undefined;
  /** A hook runs now. */
  busy = false;
  readonly #core: Core;
  readonly #context: Context;
  readonly #hooks: Hooks;
  readonly #callHook: CallHook;
  readonly #stopped: () => boolean;

  constructor(core: Core, context: Context, hooks: Hooks, call: CallHook, stopped: () => boolean) {
    this.#core = core;
    this.#context = context;
    this.#hooks = hooks;
    this.#callHook = call;
    this.#stopped = stopped;
  }

  /** Makes the core call here for what the hooks want to see. */
  connect(): void {
    const { accesses } = this.#hooks;
    const watched = (page: number): boolean => accesses.some((hook) => hook.covers(page * PAGE_SIZE, PAGE_SIZE));
    // Without hooks too: Unicorn reports what reads and then writes as a read.
    this.#core.observe(this, accesses.length ? watched : undefined);
  }

  read(address: number, length: number): Uint8Array {
    const { space } = this.#core;
    if (!this.#hooks.accesses.length && this.#isPermitted(address, length, Protection.Read))
      return space.peek(address, length);
    const result = new Uint8Array(length);
    for (let done = 0; done < length; done += PIECE)
      result.set(this.#readPiece(address + done, Math.min(PIECE, length - done)), done);
    return result;
  }
  write(address: number, bytes: Uint8Array): void {
    if (!this.#hooks.accesses.length && this.#isPermitted(address, bytes.length, Protection.Write))
      return this.#core.space.poke(address, bytes);
    for (let done = 0; done < bytes.length; done += PIECE)
      this.#writePiece(address + done, bytes.subarray(done, done + PIECE));
  }
  #isPermitted(address: number, size: number, needed: Protection): boolean {
    const { space } = this.#core;
    // Above, numbers are too coarse to count bytes.
    if (address >= USER_LIMIT) return false;
    for (let at = address; at < address + size; at = (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE)
      if (!((space.protectionAt(at) ?? 0) & needed)) return false;
    return true;
  }
  /** Faults come when the access itself is made. */
  probe(_address: number, _length: number, _access: AccessKind): void {}

  #readPiece(address: number, size: number): Uint8Array {
    const { space } = this.#core;
    this.#mapped(address, size, "read", (at) => this.#answer(MemoryEvent.READ_UNMAPPED, at, size, 0n));
    this.#tell(MemoryEvent.READ, address, size, 0n);
    const forbidden = this.#firstPage(address, size, (protection) => ((protection ?? 0) & Protection.Read) === 0);
    if (forbidden !== undefined && !this.#answer(MemoryEvent.READ_PROT, forbidden, size, 0n))
      this.#fail("ERR_READ_PROT", forbidden, "read");
    const bytes = space.peek(address, size);
    this.#tell(MemoryEvent.READ_AFTER, address, size, littleEndian(bytes));
    return bytes;
  }
  #writePiece(address: number, bytes: Uint8Array): void {
    const { space } = this.#core;
    const size = bytes.length;
    const value = littleEndian(bytes);
    const crosses = Math.floor(address / PAGE_SIZE) !== Math.floor((address + size - 1) / PAGE_SIZE);
    /** Unicorn stores byte by byte across pages. */
    const ask = (event: MemoryEvent, at: number): boolean =>
      crosses
        ? this.#answer(event, at, 1, BigInt(bytes[Math.max(0, at - address)]))
        : this.#answer(event, address, size, value);
    this.#tell(MemoryEvent.WRITE, address, size, value);
    this.#mapped(address, size, "write", (at) => ask(MemoryEvent.WRITE_UNMAPPED, at));
    const isForbidden = (protection: Protection | undefined): boolean => ((protection ?? 0) & Protection.Write) === 0;
    const forbidden = this.#firstPage(address, size, isForbidden);
    if (forbidden !== undefined) {
      if (!ask(MemoryEvent.WRITE_PROT, forbidden)) this.#fail("ERR_WRITE_PROT", forbidden, "write");
      // Answered but still protected: the store is dropped.
      if (this.#firstPage(address, size, isForbidden) !== undefined) return;
    }
    space.poke(address, bytes);
  }

  /** The first byte of the range on a page for which `test` holds. */
  #firstPage(address: number, size: number, test: (protection: Protection | undefined) => boolean): number | undefined {
    const { space } = this.#core;
    if (test(space.protectionAt(address))) return address;
    const next = (Math.floor(address / PAGE_SIZE) + 1) * PAGE_SIZE;
    return next < address + size && test(space.protectionAt(next)) ? next : undefined;
  }
  /** Has the unmapped pages of the range mapped, or fails. */
  #mapped(address: number, size: number, access: AccessKind, answer: (at: number) => boolean): void {
    let asked: number | undefined;
    for (;;) {
      const missing = this.#firstPage(address, size, (protection) => protection === undefined);
      if (missing === undefined) return;
      if (missing === asked) this.#fail("ERR_MAP", missing, access);
      if (!answer(missing)) this.#fail(access === "read" ? "ERR_READ_UNMAPPED" : "ERR_WRITE_UNMAPPED", missing, access);
      asked = missing;
    }
  }
  #fail(error: ErrorName, address: number, access: AccessKind): never {
    this.error = error;
    throw new GuestFault(address, access);
  }

  #tell(event: MemoryEvent, address: number, size: number, value: bigint): void {
    this.#call(event, address, size, value, () => false);
  }
  /** Whether a hook says that the access may be tried again. */
  #answer(event: MemoryEvent, address: number, size: number, value: bigint): boolean {
    return this.#call(event, address, size, value, Boolean);
  }
  /** Calls the hooks for `event` until `isEnough` of an answer. */
  #call(
    event: MemoryEvent,
    address: number,
    size: number,
    value: bigint,
    isEnough: (answer: unknown) => boolean,
  ): boolean {
    const hooks = this.#hooks.of(hookTypes[event]).filter((hook) => hook.covers(address));
    if (!hooks.length) return false;
    return this.#duringInstruction(() => {
      for (const hook of hooks) {
        if (!this.#hooks.has(hook)) continue;
        if (isEnough(this.#callOne(hook, event, address, size, value))) return true;
        if (this.#stopped()) return false;
      }
      return false;
    });
  }
  #callOne(hook: Hook, event: MemoryEvent, address: number, size: number, value: bigint): unknown {
    return this.#callHook(hook, event, BigInt.asIntN(64, BigInt(address)), size, value, hook.userData);
  }
  /** A hook sees the RIP of the instruction, and may write another. */
  #duringInstruction(call: () => boolean): boolean {
    const context = this.#context;
    const saved = context.rip;
    const { present } = this.#core;
    context.rip = present;
    const outer = this.busy;
    this.busy = true;
    try {
      return call();
    } finally {
      this.busy = outer;
      if (context.rip !== present) {
        this.movedTo = context.rip;
        this.#core.interrupt();
      }
      context.rip = saved;
    }
  }
}

/** The bit of HookType of each event. */
export const hookTypes: Readonly<Record<MemoryEvent, number>> = {
  [MemoryEvent.READ]: HookType.MEM_READ,
  [MemoryEvent.WRITE]: HookType.MEM_WRITE,
  [MemoryEvent.FETCH]: HookType.MEM_FETCH,
  [MemoryEvent.READ_UNMAPPED]: HookType.MEM_READ_UNMAPPED,
  [MemoryEvent.WRITE_UNMAPPED]: HookType.MEM_WRITE_UNMAPPED,
  [MemoryEvent.FETCH_UNMAPPED]: HookType.MEM_FETCH_UNMAPPED,
  [MemoryEvent.WRITE_PROT]: HookType.MEM_WRITE_PROT,
  [MemoryEvent.READ_PROT]: HookType.MEM_READ_PROT,
  [MemoryEvent.FETCH_PROT]: HookType.MEM_FETCH_PROT,
  [MemoryEvent.READ_AFTER]: HookType.MEM_READ_AFTER,
};
