/**
 * Every form of every instruction that does not ask the environment: random and edge-case states, on this processor and on ours; accesses where a page ends
 * that does not permit them, and where no address can be, with the address and the error code of the fault.
 * `npm run hardware` runs more states.
 */
import { describe, expect, it } from "vitest";
import { caseKinds, casesOf, nameOf } from "./cases.ts";
import { formsOf } from "./forms.ts";
import { cpuidOnHardware, hardwareMissing, runOnHardware } from "./hardware.ts";
import { Trial } from "./trial.ts";

const missing = hardwareMissing();
const SEED = 1;
/** The runner gets the states of so many forms. */
const FORMS_AT_ONCE = 50;

describe.skipIf(missing)(`instructions on this processor${missing ? ` (skipped: ${missing})` : ""}`, { timeout: 600_000 }, () => {
  it.each([
    ["interpreter", { ordinary: 60, acrossPages: 16, nonCanonical: 12 }],
    ["translator", { ordinary: 12, acrossPages: 4, nonCanonical: 3 }],
  ] as const)("are what the %s does", (tier, states) => {
    const trial = new Trial(tier);
    const forms = formsOf(cpuidOnHardware);
    const disagreements: string[] = [];
    for (let at = 0; at < forms.length; at += FORMS_AT_ONCE) {
      const rows = forms
        .slice(at, at + FORMS_AT_ONCE)
        .flatMap((form) => caseKinds.flatMap((kind) => casesOf(form, states[kind], SEED, kind)).map((one) => ({ form, one })));
      const outcomes = runOnHardware(rows.map(({ one }) => one));
      rows.forEach(({ form, one }, i) => {
        const text = trial.disagreement(form, one, outcomes[i]);
        if (text !== undefined) disagreements.push(`${nameOf(form)}: ${text}`);
      });
    }
    trial.dispose();
    expect(disagreements).toEqual([]);
  });
}); // prettier-ignore
