/** TF: #DB after one instruction, or one element of a repetition, unless that leaves by itself. SDM volume 3, 18.3.1.4. */
import { Flag, type Context } from "../context.ts";
import { GuestFault, USER_LIMIT } from "../cpu.ts";
import { isInstruction, type Decoded } from "../decoder/decoder.ts";
import { isRepeated, type Instruction } from "../isa/instruction.ts";
import { report, SINGLE_STEP } from "./debug-registers.ts";
import { exceptionExit, faultExit, isTrap, type CoreExit } from "./exits.ts";
import type { ExecutionMachine } from "./execution-machine.ts";
import type { Watch } from "./watch.ts";

/** What a core does for it. */
export interface SteppedCore {
  readonly machine: ExecutionMachine;
  readonly watch: Watch;
  /** Throws GuestFault where nothing can be fetched. */
  decode(rip: number): Decoded;
  /** How the run ends before the instruction at `rip`, if it does. */
  stopBefore(context: Context, rip: number): CoreExit | undefined;
  /** Undefined: nothing else happened. */
  runOne(context: Context): CoreExit | undefined;
  /** An element counts as an instruction. */
  elementDone(): void;
  elementFaulted(): void;
  /** How the run ends that was interrupted; undefined: it was not. */
  interruption(context: Context): CoreExit | undefined;
  /** The trap comes after one more instruction, and nothing else does before. */
  trapsWait(): boolean;
  /** The budget. */
  isSpent(): boolean;
}

export class SingleStep {
  readonly #core: SteppedCore;
  /** The repetition has elements left. */
  #unfinished = false;

  constructor(core: SteppedCore) {
    this.#core = core;
  }

  /** Asked between the elements of a repetition that is stepped through, whether to end it. */
  endsElement(): true {
    return (this.#unfinished = true);
  }

  run(context: Context): CoreExit {
    const core = this.#core;
    const instruction = this.#next(context);
    const exit = instruction && isRepeated(instruction) ? this.#element(context, instruction) : core.runOne(context);
    if (exit) return exit;
    if (core.trapsWait()) {
      if (core.isSpent()) return { reason: "budget" };
      const next = core.runOne(context);
      if (next) return next;
    }
    const interruption = core.interruption(context);
    if (interruption && !isTrap(interruption)) return interruption;
    report(context, SINGLE_STEP);
    return exceptionExit("DB");
  }
  /** Undefined where none can be fetched or decoded. */
  #next({ rip }: Context): Instruction | undefined {
    if (rip >= USER_LIMIT) return undefined;
    try {
      const decoded = this.#core.decode(rip);
      return isInstruction(decoded) ? decoded : undefined;
    } catch (error) {
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }
  #element(context: Context, instruction: Instruction): CoreExit | undefined {
    const core = this.#core;
    const { address } = instruction;
    const stop = core.stopBefore(context, address);
    if (stop) return stop;
    core.watch.stepping = true;
    this.#unfinished = false;
    try {
      core.machine.execute(instruction);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      context.rip = address;
      core.elementFaulted();
      return faultExit(error, instruction);
    } finally {
      core.watch.stepping = false;
    }
    core.elementDone();
    if (this.#unfinished) {
      context.rip = address;
      context.rflags |= Flag.RF;
    }
    return undefined;
  }
}
