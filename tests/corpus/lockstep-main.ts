/**
 * Real programs on our engine and on libunicorn, both at psABI level 1, compared at each system call:
 *
 *     npm run lockstep [-- ID…] [-- --instructions N] [-- --jobs N]
 *
 * An ID may be the beginning of several; `--instructions` bounds each program.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Cpu } from "../../emulator/cpu.ts";
import { createCpu, TRANSLATE_AFTER } from "../../emulator/engine.ts";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { HostDirectory } from "../../src/cli/host-directory.ts";
import { joinCommandLine } from "../../src/sandbox/command-line.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { runInLockstep, type LockstepResult } from "../differential/lockstep.ts";
import { reportPart, runParts, thisPart } from "../support/parts.ts";
import { wineImage } from "../support/sample-run.ts";
import { corpus, corpusMissing, folderOf, readCases, type CorpusCase } from "./cases.ts";
import { corpusDirectory, fetchFolder, hasFolder, toolchainDirectory } from "./programs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { instructions: { type: "string", default: "200000000" }, jobs: { type: "string", default: "2" } },
});

function sandboxOf({ exe, args, stdin, input }: CorpusCase, cpu: Cpu): Sandbox {
  const data = join(corpus, "data");
  const folders = { w: data, corpus: corpusDirectory, tc: toolchainDirectory };
  const mounted = Object.entries(folders).filter(([, host]) => existsSync(host));
  return new Sandbox({
    cpu,
    layers: [...mounted.map(([guest, host]) => new MountedLayer(guest, new HostDirectory(host))), wineImage()],
    program: exe,
    commandLine: joinCommandLine([exe, ...args]),
    currentDirectory: "C:\\w",
    stdin:
      stdin === undefined ? new TextEncoder().encode(input ?? "") : new Uint8Array(readFileSync(join(data, stdin))),
    limits: { instructions: Number(values.instructions) },
  });
}

/** Undefined where its program could not be fetched. */
function compare(one: CorpusCase): LockstepResult | undefined {
  if (!hasFolder(folderOf(one))) return undefined;
  const ours = sandboxOf(one, createCpu({ level: 1, translateAfter: TRANSLATE_AFTER, seed: 1 }));
  const theirs = sandboxOf(one, createLibunicornCpu());
  return runInLockstep(ours, theirs);
}

const missing = corpusMissing();
const cases = missing === undefined ? readCases(positionals) : [];
const part = thisPart();
if (missing !== undefined) console.log(`lockstep: skipped, ${missing}`);
else if (part !== undefined) reportPart({ id: cases[part.number].id, result: compare(cases[part.number]) });
else {
  for (const folder of new Set(cases.map(folderOf))) {
    try {
      fetchFolder(folder);
    } catch (error) {
      console.log(`lockstep: no ${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  let diverged = 0;
  let compared = 0;
  type Report = { readonly id: string; readonly result?: LockstepResult };
  const onReport = ({ id, result }: Report): void => {
    if (!result) return console.log(`skipped   ${id}`);
    compared++;
    const { systemCalls, instructions, divergence } = result;
    const amount = `${String(systemCalls).padStart(6)} calls ${(instructions / 1e6).toFixed(1).padStart(7)} M instructions`;
    console.log(`${divergence ? "DIVERGED" : "agreed  "}  ${id.padEnd(24)} ${amount}`);
    if (!divergence) return;
    diverged++;
    console.log(`          ${divergence.what}: ours ${divergence.first}, theirs ${divergence.second}`);
  };
  await runParts("lockstep", cases.length, onReport, Number(values.jobs));
  console.log(`lockstep: ${compared - diverged} agreed, ${diverged} diverged`);
  if (diverged > 0 || compared === 0) process.exitCode = 1;
}
