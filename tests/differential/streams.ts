/** Random instruction streams on two processors, compared after every instruction. */
import type { Form, InstructionSpecification } from "../../emulator/isa/instruction.ts";
import { features } from "../../emulator/isa/feature.ts";
import { signalOf, type EngineUnderTest } from "../hardware/engine-state.ts";
import type { HardwareState } from "../hardware/hardware.ts";
import { canRunAlone, differences, makeInstructionCase } from "../hardware/instruction-cases.ts";
import type { Random } from "../hardware/random.ts";

/** Forms of the psABI's level 1 that change nothing but registers and the memory that they name. */
export function levelOneForms(instructions: readonly InstructionSpecification[]): Form[] {
  return instructions
    .filter(({ definition: { feature } }) => feature === undefined || features[feature].level === 1)
    .flatMap((specification) => specification.forms.filter((form) => canRunAlone(specification, form)));
}

export interface Disagreement {
  readonly mnemonic: string;
  readonly text: string;
}

export interface StreamOptions {
  readonly forms: readonly Form[];
  /** Instructions of one stream; each begins with fresh random contents of all registers. */
  readonly length: number;
  /** MXCSR bits that are not compared. */
  readonly ignoreMxcsr: number;
}

const RSP = 4;
const RBX = 3;
const MXCSR_AT = 24;
const DEFAULT_MXCSR = 0x1f80;

/**
 * One stream. The state after an instruction is that before the next, on both sides as `ours` has it; an instruction that
 * faults ends the stream.
 */
export function runStream(
  ours: EngineUnderTest,
  theirs: EngineUnderTest,
  random: Random,
  { forms, length, ignoreMxcsr }: StreamOptions,
): Disagreement[] {
  const found: Disagreement[] = [];
  let carried: HardwareState | undefined;
  for (let count = 0; count < length; count++) {
    const form = random.pick(forms);
    const made = makeInstructionCase(form, random, () => DEFAULT_MXCSR);
    if (!made) continue;
    const state = carried ? { ...carried, gpr: carried.gpr.slice() } : made.state;
    // Memory operands are relative to RBX.
    for (const register of [RSP, RBX]) state.gpr[register] = made.state.gpr[register]!;
    new DataView(state.fxsave.buffer).setUint32(MXCSR_AT, DEFAULT_MXCSR, true);
    const one = { state, code: made.code };
    const mine = ours.run(one);
    const other = theirs.run(one);
    const outcome = { state: other.state, signal: signalOf(other.exit), address: 0n, rip: other.rip };
    for (const text of differences(form, one, outcome, mine, { ignoreMxcsr })) {
      found.push({ mnemonic: form.specification.mnemonic, text: `${form.text}: ${text}` });
    }
    carried = mine.exit.reason === "budget" ? mine.state : undefined;
  }
  return found;
}
