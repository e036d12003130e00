/**
 * Every form of every instruction on this processor and on ours:
 *
 *     npm run hardware                     2000 states a form, in both tiers
 *     npm run hardware -- --states 100 --seed 5 --only '^ADD ' --tier translator --kind acrossPages
 *     npm run hardware -- --record         records what this processor does in vectors/; with --only, of some forms
 */
import { parseArgs } from "node:util";
import { thisPart, reportPart, runParts } from "../support/parts.ts";
import { caseKinds, casesOf, nameOf, type CaseKind } from "./cases.ts";
import { formsOf, testedForms } from "./forms.ts";
import { cpuidOnHardware, hardwareMissing, processorName, runOnHardware } from "./hardware.ts";
import { RECORDED_SEED, RECORDED_STATES, recordOutcomes } from "./recording.ts";
import { tiers, Trial, type Tier } from "./trial.ts";
import { updateVectors } from "./vector-files.ts";

const FORMS_A_PART = 40;

const { values } = parseArgs({
  options: {
    states: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    tier: { type: "string" },
    kind: { type: "string" },
    verbose: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});

const missing = hardwareMissing();
if (missing !== undefined) {
  console.error(`hardware: ${missing}`);
  process.exit(2);
}
const only = new RegExp(values.only);
const forms = formsOf(cpuidOnHardware).filter((form) => only.test(nameOf(form)));
const processor = processorName();
const lacking = testedForms.filter((form) => only.test(nameOf(form))).length - forms.length;
if (lacking > 0) console.log(`hardware: ${processor} lacks ${lacking} forms`);
if (values.record) record();
else {
  const part = thisPart();
  if (part !== undefined) reportPart(comparePart(part.number));
  else await compare();
}

function record(): void {
  const recordings = forms.map((form) => {
    const cases = casesOf(form, RECORDED_STATES, RECORDED_SEED);
    const deflated = recordOutcomes(cases, runOnHardware(cases));
    return { form: nameOf(form), processor, states: cases.length, deflated };
  });
  const size = updateVectors(recordings);
  console.log(`hardware: recorded ${forms.length} forms on ${processor}; all vectors ${(size / 1e6).toFixed(1)} MB`);
}

async function compare(): Promise<void> {
  const started = performance.now();
  let wrong = 0;
  await runParts<PartReport>("hardware", Math.ceil(forms.length / FORMS_A_PART), (report) => {
    for (const line of report.lines) console.log(line);
    wrong += report.wrong;
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  const what = `${forms.length} forms, ${values.states} states each, in ${chosenTiers().join(" and ")}`;
  console.log(`hardware: ${what}, on ${processor}: ${wrong} differ (${seconds} s)`);
  if (wrong > 0) process.exitCode = 1;
}

function chosenTiers(): Tier[] {
  const names = (Object.keys(tiers) as Tier[]).filter((name) => values.tier === undefined || values.tier === name);
  if (names.length === 0) throw new Error(`there is no tier ${values.tier}`);
  return names;
}

function chosenKinds(): CaseKind[] {
  const names = caseKinds.filter((kind) => values.kind === undefined || values.kind === kind);
  if (names.length === 0) throw new Error(`there is no kind ${values.kind}`);
  return names;
}

interface PartReport {
  readonly wrong: number;
  readonly lines: readonly string[];
}

function comparePart(part: number): PartReport {
  const trials = chosenTiers().map((tier) => [tier, new Trial(tier)] as const);
  const lines: string[] = [];
  let wrong = 0;
  for (const form of forms.slice(part * FORMS_A_PART, (part + 1) * FORMS_A_PART)) {
    const cases = chosenKinds().flatMap((kind) => casesOf(form, Number(values.states), Number(values.seed), kind));
    const outcomes = runOnHardware(cases);
    for (const [tier, trial] of trials) {
      const found = cases.flatMap((one, i) => trial.disagreement(form, one, outcomes[i]) ?? []);
      wrong += found.length;
      if (found.length === 0) continue;
      lines.push(`${nameOf(form)}, ${tier}: ${found.length} of ${cases.length}`);
      for (const text of values.verbose ? found : found.slice(0, 2)) lines.push(`    ${text}`);
    }
  }
  return { wrong, lines };
}
