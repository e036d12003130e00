/** Random instruction streams on two processors, compared after every instruction. */
import { Context, Register, registerNames } from "../../emulator/context.ts";
import type { AddressSpace, Cpu } from "../../emulator/cpu.ts";
import { PAGE_SIZE, Protection } from "../../emulator/cpu.ts";
import { features } from "../../emulator/isa/feature.ts";
import type { Form, InstructionSpecification } from "../../emulator/isa/instruction.ts";
import { canStandInRow, caseAtRbx } from "../hardware/cases.ts";
import type { Random } from "../hardware/random.ts";
import { WINDOW_ADDRESS, WINDOW_SIZE } from "../hardware/state.ts";
import { contextDifference, hex } from "./context-difference.ts";

/**
 * Integer and SSE forms of the psABI's level 1 that change nothing but registers and the memory that they name. Not x87 and
 * MMX: there libunicorn is no authority (docs/libunicorn.md), the tests against hardware are.
 */
export function levelOneForms(instructions: readonly InstructionSpecification[]): Form[] {
  return instructions
    .filter(({ definition: { feature } }) => feature === undefined || features[feature].level === 1)
    .flatMap((specification) => specification.forms.filter((form) => canStandInRow(specification, form)))
    .filter((form) => !usesX87(form));
}

export function usesX87({ text }: Form): boolean {
  return /^D[89A-F] |\bmm\b|mm\.rm/.test(text);
}

export interface Disagreement {
  readonly mnemonic: string;
  readonly text: string;
}

interface Step {
  readonly form: Form;
  readonly code: Uint8Array;
  readonly rbx: bigint;
}

const CODE = 0x5000_0000;
/** One processor with the code and the memory window of a stream. */
class Side {
  readonly context = new Context();
  readonly space: AddressSpace;
  readonly #cpu: Cpu;
  constructor(cpu: Cpu, code: Uint8Array, window: Uint8Array) {
    this.#cpu = cpu;
    this.space = cpu.createAddressSpace();
    const size = Math.ceil((code.length + 16) / PAGE_SIZE) * PAGE_SIZE;
    this.space.map(CODE, size, Protection.Read | Protection.Execute);
    this.space.poke(CODE, code);
    this.space.map(WINDOW_ADDRESS + WINDOW_SIZE - PAGE_SIZE, PAGE_SIZE, Protection.Read | Protection.Write);
    this.space.poke(WINDOW_ADDRESS, window);
  }
  /** Executes one instruction and tells how that ended. */
  step(): string {
    const exit = this.#cpu.run(this.space, this.context, 1);
    if (exit.reason === "fault") return `fault ${exit.access} ${exit.address.toString(16)}`;
    return exit.reason === "exception" ? `#${exit.vector}` : exit.reason;
  }
  window(): Uint8Array {
    return this.space.peek(WINDOW_ADDRESS, WINDOW_SIZE);
  }
}

/** One stream of `length` instructions from random contents of all registers. Where the sides differ, `ours` is what both go on with. */
export function runStream(
  ours: Cpu,
  theirs: Cpu,
  random: Random,
  forms: readonly Form[],
  length: number,
): Disagreement[] {
  const steps: Step[] = [];
  let initial: Uint8Array | undefined;
  let xmm: Uint8Array | undefined;
  while (steps.length < length) {
    const form = random.pick(forms);
    const made = caseAtRbx(form, random);
    if (!made) continue;
    initial ??= made.state.window;
    xmm ??= made.state.fxsave.subarray(160, 416);
    steps.push({ form, code: made.code, rbx: made.state.gpr[Register.RBX] });
  }
  const code = new Uint8Array(steps.reduce((sum, step) => sum + step.code.length, 0));
  const offsets: number[] = [];
  let end = 0;
  for (const step of steps) {
    offsets.push(end);
    code.set(step.code, end);
    end += step.code.length;
  }
  const mine = new Side(ours, code, initial ?? new Uint8Array(WINDOW_SIZE));
  const other = new Side(theirs, code, initial ?? new Uint8Array(WINDOW_SIZE));
  for (const name of registerNames) mine.context.set(Register[name], random.bits(64));
  for (let index = 0; index < 16; index++)
    mine.context.xmm(index).set(xmm?.subarray(index * 16, index * 16 + 16) ?? []);

  const found: Disagreement[] = [];
  steps.forEach((step, index) => {
    mine.context.rip = CODE + offsets[index];
    mine.context.set(Register.RBX, step.rbx);
    mine.context.setNumber(Register.RSP, WINDOW_ADDRESS + 128);
    mine.context.mxcsr = 0x1f80;
    other.context.bytes.set(mine.context.bytes);
    const before = mine.context.clone();
    const [a, b] = [mine.step(), other.step()];
    const text = a === b ? difference(step, mine, other) : `${a}, theirs ${b}`;
    if (text !== undefined) {
      const bytes = Array.from(step.code, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
      found.push({
        mnemonic: step.form.specification.mnemonic,
        text: `${bytes} (${step.form.text}): ${text}${inputs(before)}`,
      });
      other.space.poke(WINDOW_ADDRESS, mine.window());
    }
  });
  mine.space.dispose();
  other.space.dispose();
  return found;
}

function inputs(before: Context): string {
  return ` [rax ${before.get(Register.RAX).toString(16)} rcx ${before.get(Register.RCX).toString(16)} rdx ${before.get(Register.RDX).toString(16)} flags ${before.rflags.toString(16)}]`;
}

function difference({ form }: Step, mine: Side, other: Side): string | undefined {
  const text = contextDifference(form, mine.context, other.context);
  if (text !== undefined) return text;
  const [a, b] = [hex(mine.window()), hex(other.window())];
  return a === b ? undefined : `memory ${a}, theirs ${b}`;
}
