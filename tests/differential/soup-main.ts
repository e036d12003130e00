/**
 * Instruction soup at length: ten million instructions of a seed on the interpreter and on translation at once.
 *
 *     npm run soup [-- --seed N] [-- --instructions N] [-- --jobs N]
 *
 * A disagreement names the seed of its soup, for `--seed N --instructions 40000 --jobs 1`.
 */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { swimSeed } from "./soup.ts";

const EACH = 40_000;
/** Soups after which engines are made anew: their handlers and translations would pile up. */
const SOUPS_AN_ENGINE = 20;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1000" },
    instructions: { type: "string", default: "10000000" },
    jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
    first: { type: "string" },
  },
});
const jobs = Number(values.jobs);
const total = Number(values.instructions);
const soups = Math.ceil(total / EACH);

interface Report {
  readonly instructions: number;
  readonly exits: readonly (readonly [string, number])[];
  readonly disagreements: readonly string[];
}

/** Every so many soups, from one on. */
function runSoups(first: number): Report {
  const forms = instructions.flatMap((specification) => specification.forms);
  const exits = new Map<string, number>();
  const disagreements: string[] = [];
  let executed = 0;
  let cpus: ReturnType<typeof createCpu>[] = [];
  for (let index = first, done = 0; index < soups; index += jobs, done++) {
    if (done % SOUPS_AN_ENGINE === 0) {
      for (const cpu of cpus) cpu.dispose();
      cpus = [Infinity, 0].map((translateAfter) => createCpu({ level: 3, translateAfter, seed: 1 }));
    }
    const outcome = swimSeed(cpus, forms, Number(values.seed) + index, Math.min(EACH, total));
    executed += outcome.instructions;
    for (const [exit, count] of outcome.exits) exits.set(exit, (exits.get(exit) ?? 0) + count);
    if (outcome.disagreement !== undefined) disagreements.push(outcome.disagreement);
  }
  return { instructions: executed, exits: [...exits], disagreements };
}

if (values.first !== undefined) process.send?.(runSoups(Number(values.first)));
else {
  const started = performance.now();
  const reports = await Promise.all(
    Array.from(
      { length: jobs },
      (_, first) =>
        new Promise<Report>((resolve, reject) => {
          const child = fork(import.meta.filename, [...process.argv.slice(2), "--first", String(first)]);
          let report: Report | undefined;
          child.on("message", (message) => (report = message as Report));
          child.on("error", reject);
          child.on("close", (code) => {
            if (report) resolve(report);
            else reject(new Error(`part ${first} of the soup ended with ${code}`));
          });
        }),
    ),
  );
  const exits = new Map<string, number>();
  for (const report of reports)
    for (const [exit, count] of report.exits) exits.set(exit, (exits.get(exit) ?? 0) + count);
  const disagreements = reports.flatMap((report) => report.disagreements);
  for (const [exit, count] of [...exits].sort(([, a], [, b]) => b - a))
    console.log(`${String(count).padStart(9)} ${exit}`);
  for (const text of disagreements) console.log(`DISAGREE ${text}`);
  const millions = reports.reduce((sum, report) => sum + report.instructions, 0) / 1e6;
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `soup: ${millions.toFixed(1)} M instructions in ${seconds.toFixed(0)} s, ${disagreements.length} disagreements`,
  );
  if (disagreements.length > 0) process.exitCode = 1;
}
