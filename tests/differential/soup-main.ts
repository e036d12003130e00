/**
 * Instruction soup at length: ten million instructions of a seed on the interpreter and on translation at once, then as many at psABI level 1 on the interpreter
 * and, where it is installed, on libunicorn.
 *
 *     npm run soup [-- --seed N] [-- --instructions N] [-- --with translator|libunicorn]
 *
 * A disagreement names the seed of its soup, for `--seed N --instructions 40000`.
 */
import { parseArgs } from "node:util";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { thisPart, reportPart, runParts } from "../support/parts.ts";
import { swimWithLibunicorn } from "./libunicorn-soup.ts";
import { swimSeed } from "./soup.ts";
import { levelOneForms } from "./streams.ts";

const EACH = 40_000;
const SOUPS_A_PART = 5;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1000" },
    instructions: { type: "string", default: "10000000" },
    with: { type: "string" },
  },
});
const total = Number(values.instructions);
const soups = Math.ceil(total / EACH);
const partsOfEach = Math.ceil(soups / SOUPS_A_PART);

interface Report {
  readonly instructions: number;
  /** Exits, or libunicorn's known errors, by what they were. */
  readonly counts: readonly (readonly [string, number])[];
  readonly disagreements: readonly string[];
}

const opponents = ["translator", "libunicorn"] as const;
type Opponent = (typeof opponents)[number];

const runSoup: Readonly<Record<Opponent, () => (seed: number) => Report>> = {
  translator: () => {
    const forms = instructions.flatMap((specification) => specification.forms);
    const cpus = [Infinity, 0].map((translateAfter) => createCpu({ level: 3, translateAfter, seed: 1 }));
    return (seed) => {
      const outcome = swimSeed(cpus, forms, seed, Math.min(EACH, total));
      const disagreements = outcome.disagreement === undefined ? [] : [outcome.disagreement];
      return { instructions: outcome.instructions, counts: [...outcome.exits], disagreements };
    };
  },
  libunicorn: () => {
    const forms = levelOneForms(instructions);
    const ours = createCpu({ level: 1, translateAfter: Infinity, seed: 1 });
    const theirs = createLibunicornCpu();
    return (seed) => {
      const outcome = swimWithLibunicorn(ours, theirs, forms, seed, Math.min(EACH, total));
      const counts = [["executed by both", outcome.compared] as const, ...outcome.known];
      return { instructions: outcome.instructions, counts, disagreements: outcome.disagreements };
    };
  },
};

function add(counts: Map<string, number>, more: Report["counts"]): void {
  for (const [what, count] of more) counts.set(what, (counts.get(what) ?? 0) + count);
}

/** Every so many soups. */
function runPart(opponent: Opponent, part: number): Report {
  // Where faults are thrown by the hundred thousand, nobody looks at their stacks.
  Error.stackTraceLimit = 0;
  const run = runSoup[opponent]();
  const counts = new Map<string, number>();
  const disagreements: string[] = [];
  let executed = 0;
  for (let soup = part * SOUPS_A_PART; soup < Math.min(soups, (part + 1) * SOUPS_A_PART); soup++) {
    const report = run(Number(values.seed) + soup);
    executed += report.instructions;
    add(counts, report.counts);
    disagreements.push(...report.disagreements);
  }
  return { instructions: executed, counts: [...counts], disagreements };
}

/** Whether they agreed. */
async function swimAgainst(opponent: Opponent): Promise<boolean> {
  const started = performance.now();
  const counts = new Map<string, number>();
  let executed = 0;
  let disagreed = 0;
  await runParts<Report>(opponent, partsOfEach, (report) => {
    executed += report.instructions;
    add(counts, report.counts);
    disagreed += report.disagreements.length;
    for (const text of report.disagreements) console.log(`DISAGREE ${text}`);
  });
  for (const [what, count] of [...counts].sort(([, a], [, b]) => b - a))
    console.log(`${String(count).padStart(9)} ${what}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `soup: ${(executed / 1e6).toFixed(1)} M instructions on interpreter and ${opponent} in ${seconds} s, ${disagreed} disagreements`,
  );
  return disagreed === 0;
}

/** Says why there is no libunicorn; undefined where there is. */
function libunicornMissing(): string | undefined {
  try {
    createLibunicornCpu().dispose();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const part = thisPart();
if (part !== undefined) {
  const opponent = opponents.find((name) => name === part.run);
  if (opponent === undefined) throw new Error(`there is no ${part.run}`);
  reportPart(runPart(opponent, part.number));
} else {
  let agreed = true;
  for (const opponent of opponents) {
    if (values.with !== undefined && values.with !== opponent) continue;
    const missing = opponent === "libunicorn" ? libunicornMissing() : undefined;
    if (missing !== undefined) console.log(`soup: without libunicorn: ${missing}`);
    else agreed = (await swimAgainst(opponent)) && agreed;
  }
  if (!agreed) process.exitCode = 1;
}
