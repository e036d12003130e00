/** Runs cases on our processor and compares with what hardware made of them. */
import { createCpu } from "../../emulator/engine.ts";
import type { Form } from "../../emulator/isa/instruction.ts";
import { casesOf, nameOf } from "./cases.ts";
import { difference } from "./comparison.ts";
import { EngineUnderTest } from "./engine-state.ts";
import { testedForms } from "./forms.ts";
import { outcomeReader, RECORDED_SEED, type Recording } from "./recording.ts";
import type { HardwareCase, HardwareOutcome } from "./state.ts";

export const tiers = { interpreter: Infinity, translator: 0 } as const;
export type Tier = keyof typeof tiers;

/** Cases after which an engine is made anew: translations of what is never run again pile up. */
const CASES_AN_ENGINE = 4000;

/** Our processor in a tier. */
export class Trial {
  readonly #tier: Tier;
  #engine: EngineUnderTest | undefined;
  #cases = 0;
  constructor(tier: Tier) {
    this.#tier = tier;
  }
  /** What differs, in words. */
  disagreement(form: Form, one: HardwareCase, hardware: HardwareOutcome): string | undefined {
    if (this.#cases++ % CASES_AN_ENGINE === 0) {
      this.dispose();
      this.#engine = new EngineUnderTest(createCpu({ level: 3, translateAfter: tiers[this.#tier], seed: 1 }));
    }
    return this.#engine && difference(form, one, hardware, this.#engine.run(one));
  }
  dispose(): void {
    this.#engine?.dispose();
    this.#engine = undefined;
  }
}

export interface ReplayResult {
  readonly states: number;
  readonly disagreements: readonly string[];
  /** Forms that nothing is recorded of, or whose cases are other ones by now. */
  readonly withoutVectors: readonly string[];
}

/** The first `states` recorded states of each form. */
export function replay(
  forms: readonly Form[],
  recordings: readonly Recording[],
  tier: Tier,
  states: number,
): ReplayResult {
  const byForm = new Map(recordings.map((recording) => [recording.form, recording]));
  const trial = new Trial(tier);
  const disagreements: string[] = [];
  const withoutVectors: string[] = [];
  let done = 0;
  for (const form of forms) {
    const name = nameOf(form);
    const recording = byForm.get(name);
    if (!recording) {
      withoutVectors.push(name);
      continue;
    }
    const next = outcomeReader(recording);
    for (const one of casesOf(form, Math.min(states, recording.states), RECORDED_SEED)) {
      const hardware = next(one);
      if (!hardware) {
        withoutVectors.push(name);
        break;
      }
      done++;
      const text = trial.disagreement(form, one, hardware);
      if (text !== undefined) disagreements.push(`${name}: ${text}`);
    }
  }
  trial.dispose();
  return { states: done, disagreements, withoutVectors };
}

/** A share of the forms in a tier. */
export interface ReplayPart {
  readonly tier: Tier;
  readonly states: number;
  /** From 0 on. */
  readonly share: number;
}

const FORMS_A_SHARE = 150;
export const shares = Math.ceil(testedForms.length / FORMS_A_SHARE);

export function replayPart(recordings: readonly Recording[], { tier, states, share }: ReplayPart): ReplayResult {
  const forms = testedForms.slice(share * FORMS_A_SHARE, (share + 1) * FORMS_A_SHARE);
  return replay(forms, recordings, tier, states);
}
