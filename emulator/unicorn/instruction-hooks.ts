/** Instructions that a program may take part in, and those that user mode would not let it have: I/O, HLT. Unicorn runs in ring 0. */
import type { Context } from "../context.ts";
import type { Instruction } from "../isa/instruction.ts";
import { HookedInstruction } from "./constants.ts";
import type { CallHook, Hooks } from "./hooks.ts";

/** What became of the instruction at RIP: left to the processor, or done, RIP behind it, or that and the end of the run. */
export type Done = "no" | "done" | "halted";

const RAX = 0;
const RDX = 2;

/** Never left to the processor. */
const ours = new Set(["SYSCALL", "IN", "OUT", "HLT"]);
/** Left to it unless a hook did them. */
const replaceable: ReadonlyMap<string, HookedInstruction> = new Map([
  ["CPUID", HookedInstruction.CPUID],
  ["RDTSC", HookedInstruction.RDTSC],
  ["RDTSCP", HookedInstruction.RDTSCP],
]);

export class InstructionHooks {
  readonly #context: Context;
  readonly #hooks: Hooks;
  readonly #call: CallHook;
  readonly #stopped: () => boolean;

  constructor(context: Context, hooks: Hooks, call: CallHook, stopped: () => boolean) {
    this.#context = context;
    this.#hooks = hooks;
    this.#call = call;
    this.#stopped = stopped;
  }

  /** Whether a run must end before it. */
  concerns({ form }: Instruction): boolean {
    const { mnemonic } = form.specification;
    if (ours.has(mnemonic)) return true;
    const id = replaceable.get(mnemonic);
    return id !== undefined && this.#hooks.forInstruction(id).length > 0;
  }

  /** RIP is at the instruction while hooks run, and goes behind it after them, from wherever they left it. */
  perform(instruction: Instruction): Done {
    const { mnemonic } = instruction.form.specification;
    switch (mnemonic) {
      case "SYSCALL":
        this.#callAll(HookedInstruction.SYSCALL);
        break;
      case "IN":
      case "OUT":
        this.#transfer(instruction, mnemonic);
        break;
      case "HLT":
        this.#pass(instruction);
        return "halted";
      default: {
        const id = replaceable.get(mnemonic);
        if (id === undefined || !this.#callAll(id)) return "no";
      }
    }
    this.#pass(instruction);
    return "done";
  }
  /** SYSENTER, which may be no instruction of the processor. */
  sysenter(length: number): void {
    this.#callAll(HookedInstruction.SYSENTER);
    this.#context.rip += length;
  }
  #pass({ length }: Instruction): void {
    this.#context.rip += length;
  }

  /** Whether a hook answered that it did the instruction. */
  #callAll(id: HookedInstruction): boolean {
    const at = this.#context.rip;
    let done = false;
    for (const hook of this.#hooks.forInstruction(id)) {
      if (!hook.covers(at)) continue;
      if (this.#call(hook, hook.userData)) done = true;
      if (this.#stopped()) break;
    }
    return done;
  }

  /** A hook on IN answers what is read; without one it is 0. Address ranges do not matter to I/O. */
  #transfer({ operands }: Instruction, mnemonic: "IN" | "OUT"): void {
    const context = this.#context;
    const [dst, src] = operands;
    const portOperand = mnemonic === "IN" ? src : dst;
    const size = Math.min(4, (mnemonic === "IN" ? dst : src).width / 8);
    const port = portOperand.kind === "immediate" ? Number(portOperand.value & 0xffn) : context.getLow32(RDX) & 0xffff;
    const mask = (1n << BigInt(size * 8)) - 1n;
    if (mnemonic === "OUT") {
      const value = Number(context.get(RAX) & mask);
      for (const hook of this.#hooks.forInstruction(HookedInstruction.OUT))
        this.#call(hook, hook.userData, port, size, value);
      return;
    }
    const before = context.get(RAX);
    let value: unknown = 0;
    for (const hook of this.#hooks.forInstruction(HookedInstruction.IN))
      value = this.#call(hook, hook.userData, port, size);
    // A hook that answers nothing has written the register, or not.
    if (typeof value !== "number" && typeof value !== "bigint") return;
    const read = BigInt(value) & mask;
    context.set(RAX, size === 4 ? read : (before & ~mask) | read);
  }
}
