/**
 * Every form of every instruction that does not ask the environment: random and edge-case states, on this processor and on ours.
 * `npm run hardware` runs more states.
 */
import { describe, expect, it } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { casesOf, hasCases, nameOf } from "./cases.ts";
import { difference } from "./comparison.ts";
import { EngineUnderTest } from "./engine-state.ts";
import { hardwareMissing, runOnHardware } from "./hardware.ts";

const missing = hardwareMissing();
const forms = instructions.flatMap((specification) => specification.forms.filter(hasCases));

/** Disagreements on `count` states a form. */
function disagreements(translateAfter: number, count: number): string[] {
  const engine = new EngineUnderTest(createCpu({ level: 3, translateAfter, seed: 1 }));
  const rows = forms.flatMap((form) => casesOf(form, count, 1).map((one) => ({ form, one })));
  const outcomes = runOnHardware(rows.map(({ one }) => one));
  return rows.flatMap(({ form, one }, i) => {
    const text = difference(form, one, outcomes[i], engine.run(one));
    return text === undefined ? [] : `${nameOf(form)}: ${text}`;
  });
}

describe.skipIf(missing)(`instructions on this processor${missing ? ` (skipped: ${missing})` : ""}`, { timeout: 180_000 }, () => {
  it("are what the interpreter does", () => {
    expect(disagreements(Infinity, 12)).toEqual([]);
  });
  it("are what translated code does", () => {
    expect(disagreements(0, 3)).toEqual([]);
  });
}); // prettier-ignore
