/** Who wants to be called, and when. */
import { HookType, MEMORY_ACCESSES } from "./constants.ts";

/** What a program gave: its parameters depend on the type of the hook. */
export type HookCallback = (...parameters: unknown[]) => unknown;

/** What `hook_add` returns. */
export class Hook {
  readonly type: number;
  readonly callback: HookCallback;
  readonly userData: unknown;
  /** Inclusive. */
  readonly begin: bigint;
  readonly end: bigint;
  /** `begin` is above `end`. */
  readonly isEverywhere: boolean;
  /** Of an INSN hook. */
  readonly instruction: number;

  constructor(
    type: number,
    callback: HookCallback,
    userData: unknown,
    begin: bigint,
    end: bigint,
    instruction: number,
  ) {
    this.type = type;
    this.callback = callback;
    this.userData = userData;
    this.begin = begin;
    this.end = end;
    this.isEverywhere = begin > end;
    this.instruction = instruction;
  }

  /** Whether it has an address in `size` bytes from `address` on. */
  covers(address: number, size = 1): boolean {
    return this.isEverywhere || (this.begin < address + size && this.end >= address);
  }
}

/** Calls a hook with `parameters` behind the engine. */
export type CallHook = (hook: Hook, ...parameters: unknown[]) => unknown;

export class Hooks {
  #hooks: readonly Hook[] = [];
  readonly #changed: () => void;
  readonly #byType = new Map<number, readonly Hook[]>();
  /** Those on INSN. */
  readonly #byInstruction = new Map<number, readonly Hook[]>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  add(hook: Hook): void {
    this.#set([...this.#hooks, hook]);
  }
  delete(hook: unknown): void {
    this.#set(this.#hooks.filter((other) => other !== hook));
  }
  #set(hooks: readonly Hook[]): void {
    this.#hooks = hooks;
    this.#byType.clear();
    this.#byInstruction.clear();
    this.#changed();
  }
  /** Hooks with a bit of `types`, in the order in which they came. */
  of(types: number): readonly Hook[] {
    let found = this.#byType.get(types);
    if (!found) this.#byType.set(types, (found = this.#hooks.filter(({ type }) => type & types)));
    return found;
  }
  /** Hooks on INSN for one instruction. */
  forInstruction(instruction: number): readonly Hook[] {
    let found = this.#byInstruction.get(instruction);
    if (!found) {
      found = this.of(HookType.INSN).filter((hook) => hook.instruction === instruction);
      this.#byInstruction.set(instruction, found);
    }
    return found;
  }
  has(hook: Hook): boolean {
    return this.#hooks.includes(hook);
  }
  /** Hooks that see accesses which are permitted. Fetches are none of them: Unicorn calls hooks on MEM_FETCH never. */
  get accesses(): readonly Hook[] {
    return this.of(MEMORY_ACCESSES & ~HookType.MEM_FETCH);
  }
}
