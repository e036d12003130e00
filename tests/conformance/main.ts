/**
 * Wine's own conformance programs, a unit a run:
 *
 *     npm run conformance [-- ntdll:file kernel32…] [-- --sources] [-- --jobs N]
 *
 * With --sources the command line is made of the sources as they are.
 * A check inside a todo block that succeeds is counted by them as a failure; it is none of ours.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deleteBuild, mapConcurrently, ring3, root, whyNoRing3, type RunReport } from "../support/ring3.ts";

const conformance = join(root, "..", "shared", "conformance");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cpu: { type: "string" },
    sources: { type: "boolean" },
    jobs: { type: "string", default: "1" },
    timeout: { type: "string", default: "120" },
  },
});

interface Unit {
  readonly program: string;
  readonly unit: string;
  /** Under Wine itself; undefined where it ends without a summary there too. */
  readonly executed: number | undefined;
  readonly failures: number | undefined;
}

interface Counts {
  readonly executed: number;
  readonly failures: number;
  readonly todoSuccesses: number;
}

/** As the programs' README has it. */
const MOST_IN_STATUS = 255;

const table = join(conformance, "expected.tsv");
const from = values.sources ? "sources" : "built";
const reason = existsSync(table) ? whyNoRing3(from) : `there is no ${conformance}`;
if (reason !== undefined) {
  console.log(`conformance: skipped, ${reason}`);
  process.exit(0);
}

const number = (text: string | undefined) => (text === undefined || text === "" ? undefined : Number(text));
const units = readFileSync(table, "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line): Unit => {
    const [program = "", unit = "", , , executed, , failures] = line.split("\t");
    return { program, unit, executed: number(executed), failures: number(failures) };
  })
  .filter(
    ({ program, unit }) =>
      positionals.length === 0 || positionals.some((one) => one === program || one === `${program}:${unit}`),
  );

/**
 * The summary that the test program ends with; undefined where it did not get so far. Its child processes print summaries of their own, so it must
 * have ended by itself, and with its failures as the exit status.
 */
function parseSummary({ exit, stdout }: RunReport, unit: string): Counts | undefined {
  const summary = new RegExp(
    `${unit}: (\\d+) tests executed \\(\\d+ marked as todo, (?:\\d+ as flaky, )?(\\d+) failures?\\)`,
    "g",
  );
  const match = [...stdout.matchAll(summary)].at(-1);
  if (!match || exit.reason !== "exited" || exit.status !== Math.min(Number(match[2]), MOST_IN_STATUS))
    return undefined;
  const todoSuccesses = stdout.match(/Test succeeded inside todo block/g)?.length ?? 0;
  return { executed: Number(match[1]), failures: Number(match[2]) - todoSuccesses, todoSuccesses };
}

const outcomes = await mapConcurrently(units, Number(values.jobs), async ({ program, unit, executed, failures }) => {
  const run = await ring3(
    [
      ...["--mount", `C:\\conformance=${conformance}`, "--cwd", "C:\\users\\user"],
      ...["--env", "WINETEST_PLATFORM=wine", ...(values.cpu === undefined ? [] : ["--cpu", values.cpu])],
      ...[`C:\\conformance\\${program}_test.exe`, unit],
    ],
    { timeout: Number(values.timeout), from },
  );
  const counts = run.report && parseSummary(run.report, unit);
  const passed = counts !== undefined && executed !== undefined && counts.failures <= (failures ?? 0);
  const seen = counts
    ? `${counts.executed} of ${executed ?? "?"} checks, ${counts.failures} failures (Wine: ${failures ?? "?"})`
    : `no summary: ${run.report ? `${run.report.exit.reason} ${run.report.exit.statusName ?? run.report.exit.status}` : run.messages.trim().split("\n", 1)[0]}`;
  console.log(
    `${passed ? "passed" : "FAILED"}  ${`${program} ${unit}`.padEnd(20)} ${run.seconds.toFixed(1).padStart(6)} s  ${seen}`,
  );
  return { passed, executed: counts?.executed ?? 0, failures: counts?.failures ?? 0 };
});
deleteBuild();
const sum = (of: (outcome: (typeof outcomes)[number]) => number) =>
  outcomes.reduce((total, outcome) => total + of(outcome), 0);
const passed = outcomes.filter((outcome) => outcome.passed).length;
console.log(
  `conformance: ${sum(({ executed }) => executed)} checks executed, ${sum(({ failures }) => failures)} failures`,
);
console.log(`conformance: ${passed} passed, ${outcomes.length - passed} failed`);
if (passed < outcomes.length) process.exitCode = 1;
