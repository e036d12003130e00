/**
 *     npm run hardware                     every form on this processor and on ours, 2000 states each
 *     npm run hardware -- --states 100 --seed 5 --only '^ADD '
 *     npm run hardware -- --tier translator
 */
import { parseArgs } from "node:util";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { casesOf, hasCases, nameOf } from "./cases.ts";
import { difference } from "./comparison.ts";
import { EngineUnderTest } from "./engine-state.ts";
import { hardwareMissing, runOnHardware } from "./hardware.ts";

const { values } = parseArgs({
  options: {
    states: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    tier: { type: "string", default: "interpreter" },
    verbose: { type: "boolean", default: false },
  },
});

const missing = hardwareMissing();
if (missing !== undefined) {
  console.error(`hardware: ${missing}`);
  process.exit(2);
}
const only = new RegExp(values.only);
const forms = instructions.flatMap(({ forms }) => forms.filter((form) => hasCases(form) && only.test(nameOf(form))));
const translateAfter = values.tier === "translator" ? 0 : Infinity;
const engine = new EngineUnderTest(createCpu({ level: 3, translateAfter, seed: 1 }));
let states = 0;
let wrong = 0;
for (const form of forms) {
  const cases = casesOf(form, Number(values.states), Number(values.seed));
  const outcomes = runOnHardware(cases);
  const found = cases.flatMap((one, i) => difference(form, one, outcomes[i], engine.run(one)) ?? []);
  states += cases.length;
  wrong += found.length;
  if (found.length) {
    console.log(`${nameOf(form)}: ${found.length} of ${cases.length}`);
    for (const text of values.verbose ? found : found.slice(0, 2)) console.log(`    ${text}`);
  }
}
console.log(`hardware: ${forms.length} forms, ${states} states, ${wrong} differ`);
if (wrong) process.exitCode = 1;
