/**
 * Real programs that nobody here wrote, run by the command line:
 *
 *     npm run corpus [-- ID…] [-- --cpu interpreter] [-- --sources] [-- --jobs N] [-- --fetch]
 *
 * An ID may be the beginning of several. With --sources the command line is made of the sources as they are. The last line counts.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deleteBuild, mapConcurrently, ring3, whyNoRing3 } from "../support/ring3.ts";
import { corpus, corpusMissing, differences, folderOf, readCases, type CorpusCase } from "./cases.ts";
import { corpusDirectory, fetchFolder, toolchainDirectory } from "./programs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cpu: { type: "string" },
    sources: { type: "boolean" },
    jobs: { type: "string", default: "1" },
    fetch: { type: "boolean" },
  },
});

const from = values.sources ? "sources" : "built";
const reason = corpusMissing() ?? (values.fetch ? undefined : whyNoRing3(from));
if (reason !== undefined) {
  console.log(`corpus: skipped, ${reason}`);
  process.exit(0);
}

const cases = readCases(positionals);

/** Program folders that could not be made, and why. */
const unavailable = new Map<string, string>();
for (const folder of new Set(cases.map(folderOf))) {
  try {
    fetchFolder(folder);
  } catch (error) {
    unavailable.set(folder, error instanceof Error ? error.message : String(error));
  }
}
for (const [folder, why] of unavailable) console.log(`corpus: no ${folder}: ${why}`);
if (values.fetch) process.exit(unavailable.size > 0 ? 1 : 0);

const temporary = mkdtempSync(join(tmpdir(), "ring3-corpus-"));
const emptyInput = join(temporary, "empty");
writeFileSync(emptyInput, "");
try {
  const outcomes = await mapConcurrently(cases, Number(values.jobs), runCase);
  const tally = (outcome: string) => outcomes.filter((one) => one === outcome).length;
  const skipped = tally("skipped");
  console.log(
    `corpus: ${tally("passed")} passed, ${tally("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
  );
  if (tally("failed") > 0) process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
  deleteBuild();
}

async function runCase(one: CorpusCase): Promise<"passed" | "failed" | "skipped"> {
  if (unavailable.has(folderOf(one))) return "skipped";
  const args = [
    ...["--mount", `C:\\w=${join(corpus, "data")}`, "--mount", `C:\\corpus=${corpusDirectory}`],
    ...(existsSync(toolchainDirectory) ? ["--mount", `C:\\tc=${toolchainDirectory}`] : []),
    ...["--cwd", "C:\\w", "--stdin", inputOf(one)],
    ...(values.cpu === undefined ? [] : ["--cpu", values.cpu]),
    ...[one.exe, ...one.args],
  ];
  const run = await ring3(args, { timeout: one.timeout ?? 60, from });
  const found = differences(one, run);
  const missing = Object.entries(run.report?.unimplemented ?? {}).map(([name, count]) => `${name} ×${count}`);
  const millions = ((run.report?.instructions ?? 0) / 1e6).toFixed(1);
  const verdict = found.length === 0 ? "passed" : "FAILED";
  console.log(
    `${verdict}  ${one.id.padEnd(24)} ${run.seconds.toFixed(1).padStart(6)} s ${millions.padStart(8)} M instructions`,
  );
  for (const line of found) console.log(`        ${line}`);
  if (found.length > 0 && missing.length > 0) console.log(`        not implemented: ${missing.join(", ")}`);
  return found.length === 0 ? "passed" : "failed";
}

function inputOf({ id, stdin, input }: CorpusCase): string {
  if (stdin !== undefined) return join(corpus, "data", stdin);
  if (input === undefined) return emptyInput;
  const file = join(temporary, id);
  writeFileSync(file, input);
  return file;
}
