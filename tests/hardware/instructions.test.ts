/**
 * Every form of every instruction that can run alone: random and edge-case states, on this processor and on ours.
 * `SEED=n STATES=n` for other and more states.
 */
import { describe, expect, it } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { EngineUnderTest } from "./engine-state.ts";
import { hardwareMissing, runOnHardware } from "./hardware.ts";
import { canRunAlone, casesOfForm, differences, type ComparisonOptions } from "./instruction-cases.ts";
import type { Random } from "./random.ts";

const seed = Number(process.env["SEED"] ?? 1);
const states = Number(process.env["STATES"] ?? 40);
const missing = hardwareMissing();

const forms = instructions.flatMap((specification) =>
  specification.forms.filter((form) => canRunAlone(specification, form)),
);

/** Disagreements on `count` states a form. */
function disagreements(
  engine: EngineUnderTest,
  mnemonic: RegExp,
  count: number,
  mxcsr: (random: Random) => number,
  options: ComparisonOptions,
): string[] {
  const rows = forms
    .filter((form) => mnemonic.test(form.specification.mnemonic))
    .map((form, i) => ({ form, cases: casesOfForm(form, count, seed * 1000 + i, mxcsr) }));
  const outcomes = runOnHardware(rows.flatMap(({ cases }) => cases));
  let next = 0;
  return rows.flatMap(({ form, cases }) =>
    cases.flatMap((one) =>
      differences(form, one, outcomes[next++], engine.run(one), options).map(
        (text) => `${form.specification.mnemonic} ${form.text}: ${text}`,
      ),
    ),
  );
}

const STICKY = 0x3f;
const roundToNearest = (): number => 0x1f80;
/** Rounding modes, DAZ, FTZ, unmasked exceptions. */
const unusual = (random: Random): number =>
  random.pick([0x3f80, 0x5f80, 0x7f80, 0x9f80, 0x1fc0, 0x9fc0, 0x1f80 & ~(0x80 << random.below(6))]);
const everything = /./;
const floatingPoint = /^V?(ADD|MUL|SUB|DIV|SQRT|MIN|MAX|CMP|COMI|UCOMI|CVT|H(ADD|SUB)|ADDSUB|ROUND|DP)[A-Z0-9]*$/;

const timeout = 60_000 + states * 3_000;

describe.skipIf(missing)(
  `instructions on this processor${missing ? ` (skipped: ${missing})` : ""}`,
  { timeout },
  () => {
    const interpreter = new EngineUnderTest(createCpu({ level: 3, translateAfter: Infinity, seed: 1 }));

    it("are what the interpreter does", () => {
      expect(disagreements(interpreter, everything, states, roundToNearest, { ignoreMxcsr: STICKY })).toEqual([]);
    });
    it("are what the interpreter does, sticky flags too, in every mode of MXCSR", () => {
      expect(disagreements(interpreter, floatingPoint, states, unusual, {})).toEqual([]);
    });
    it("are what translated code does", () => {
      const translator = new EngineUnderTest(createCpu({ level: 3, translateAfter: 0, seed: 1 }));
      expect(disagreements(translator, everything, 4, roundToNearest, { ignoreMxcsr: STICKY })).toEqual([]);
    });
  },
);
