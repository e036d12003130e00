/** Random instruction streams on two processors, compared after every instruction. */
import { Context, Flag, Register, registerNames } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import type { AddressSpace, Cpu } from "../../emulator/cpu.ts";
import { PAGE_SIZE, Protection } from "../../emulator/cpu.ts";
import { features } from "../../emulator/isa/feature.ts";
import type { ArithmeticFlag, Form, InstructionSpecification } from "../../emulator/isa/instruction.ts";
import { canStandInRow, caseAtRbx } from "../hardware/cases.ts";
import type { Random } from "../hardware/random.ts";
import { WINDOW_ADDRESS, WINDOW_SIZE } from "../hardware/state.ts";

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

function usesX87({ text }: Form): boolean {
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
const STICKY = 0x3f;
const flagBits: Record<ArithmeticFlag, number> = {
  CF: Flag.CF,
  PF: Flag.PF,
  AF: Flag.AF,
  ZF: Flag.ZF,
  SF: Flag.SF,
  OF: Flag.OF,
};

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

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function difference({ form }: Step, mine: Side, other: Side): string | undefined {
  const [x, y] = [mine.context, other.context];
  if (x.rip !== y.rip) return `RIP ${x.rip.toString(16)}, theirs ${y.rip.toString(16)}`;
  for (const name of registerNames) {
    const [a, b] = [x.get(Register[name]), y.get(Register[name])];
    if (a !== b) return `${name} ${a.toString(16)}, theirs ${b.toString(16)}`;
  }
  let mask = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF | Flag.DF;
  for (const flag of Object.keys(form.specification.definition.undefinedFlags ?? {}))
    mask &= ~flagBits[flag as ArithmeticFlag];
  const flags = (x.rflags ^ y.rflags) & mask;
  if (flags) return `flags ${(x.rflags & mask).toString(16)}, theirs ${(y.rflags & mask).toString(16)}`;
  for (let index = 0; index < 16; index++) {
    const [a, b] = [hex(x.xmm(index)), hex(y.xmm(index))];
    if (a !== b) return `XMM${index} ${a}, theirs ${b}`;
  }
  // libunicorn never sets the sticky flags of MXCSR.
  if ((x.mxcsr ^ y.mxcsr) & ~STICKY) return `MXCSR ${x.mxcsr.toString(16)}, theirs ${y.mxcsr.toString(16)}`;
  for (let index = 0; index < 8; index++) {
    const [a, b] = [hex(x.x87(index)), hex(y.x87(index))];
    if (a !== b) return `R${index} ${a}, theirs ${b}`;
  }
  for (const [name, at] of [
    ["FCW", layout.fcw],
    ["FSW", layout.fsw],
  ] as const) {
    const [a, b] = [x.view.getUint16(at, true), y.view.getUint16(at, true)];
    if (a !== b) return `${name} ${a.toString(16)}, theirs ${b.toString(16)}`;
  }
  const [a, b] = [hex(mine.window()), hex(other.window())];
  return a === b ? undefined : `memory ${a}, theirs ${b}`;
}
