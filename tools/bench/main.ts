/**
 * `npm run bench`: our engine in Node and in headless Chromium beside this processor and libunicorn, in interleaved rounds; every
 * checksum and instruction count is checked. Compare ratios of one run, never numbers of two.
 *
 *     npm run bench -- [--rounds 5] [--run full|medium|small] [--kernel NAME …] [--no-chromium] [--no-start-up]
 *     npm run bench -- --real-work [--rounds 1]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ColdCodeMeasurement } from "../../src/bench/cold-code.ts";
import { runSizes, type KernelDescription, type RunSize } from "../../src/bench/kernel.ts";
import { readManifest } from "../../src/cli/bench.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { imagesDirectory } from "../../src/cli/paths.ts";
import { ChromiumBench } from "./chromium.ts";
import { findBlocks } from "./code-blocks.ts";
import { NodeBench } from "./node.ts";
import { kernelsDirectory, root, startUps, type StartUp } from "./programs.ts";
import { ReferenceRunner } from "./reference.ts";
import { prepareRealWork, type RealWork } from "./real-work.ts";
import {
  coldCodeReport,
  firstRunSize,
  kernelReport,
  pageLoadReport,
  realWorkReport,
  startUpReport,
  SYSTEM_CALLS,
  systemCallReport,
  type KernelRound,
  type RealWorkRound,
  type StartUpRound,
} from "./report.ts";

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string" },
    run: { type: "string", default: "full" },
    kernel: { type: "string", multiple: true },
    chromium: { type: "boolean", default: true },
    "start-up": { type: "boolean", default: true },
    "real-work": { type: "boolean", default: false },
  },
});
const size = runSizes.find((one) => one === values.run);
const rounds = Number(values.rounds ?? (values["real-work"] ? 1 : 5));
if (!size || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`bench: expected --run ${runSizes.join("|")} and --rounds of at least 1`);
  process.exit(2);
}

/** Says what is missing instead of failing: the rest can still be measured. */
async function optional<T>(what: string, start: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await start();
  } catch (error) {
    console.error(`bench: without ${what}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

const COLD_BLOCKS = 50_000;

const node = await NodeBench.start();
if (values["real-work"]) {
  console.log(await measureRealWork(node));
  process.exit();
}

const chromium = values.chromium ? await optional("Chromium", () => ChromiumBench.start()) : undefined;
const native = await optional("native runs", () => ReferenceRunner.compile("native"));
const libunicorn = await optional("libunicorn", () => ReferenceRunner.compile("libunicorn"));

const kernels = readManifest(kernelsDirectory).filter(({ name }) => values.kernel?.includes(name) ?? true);
const starts = startUps.filter(
  ({ image }) => image === "scratch" || existsSync(join(root, "images", image, "manifest.json")),
);
const byKernel = new Map<KernelDescription, KernelRound[]>(kernels.map((kernel) => [kernel, []]));
const byStartUp = new Map<StartUp, StartUpRound[]>(values["start-up"] ? starts.map((start) => [start, []]) : []);
const pageLoads: number[] = [];
const coldBlocks = starts.some(({ image }) => image === "wine")
  ? findBlocks(openBuiltImage(join(imagesDirectory, "wine")), COLD_BLOCKS)
  : undefined;
const coldCode: ColdCodeMeasurement[] = [];

try {
  for (let round = 1; round <= rounds; round++) {
    console.error(`bench: round ${round} of ${rounds}`);
    if (chromium && values["start-up"]) pageLoads.push(await chromium.pageLoad());
    if (coldBlocks && values["start-up"]) coldCode.push(await node.coldCode(coldBlocks));
    for (const [startUp, taken] of byStartUp)
      taken.push({
        node: await node.startUp(startUp, "translator"),
        chromium: await chromium?.startUp(startUp),
        libunicorn: libunicorn && (await node.startUp(startUp, "libunicorn")),
      });
    for (const [kernel, taken] of byKernel) {
      const measured = {
        // A native run cannot serve the kernel's own system calls.
        native: kernel.name === SYSTEM_CALLS ? undefined : native?.run(kernel, size),
        libunicorn: libunicorn?.run(kernel, "small"),
        ...(await inBothHosts(kernel, size)),
        interpreter: await node.kernel(kernel, "small", "interpreter"),
      };
      const first = firstRunSize(size) === size ? measured : await inBothHosts(kernel, firstRunSize(size));
      taken.push({ ...measured, first });
    }
  }
} finally {
  await chromium?.close();
}

async function inBothHosts(kernel: KernelDescription, run: RunSize) {
  return { node: await node.kernel(kernel, run, "translator"), chromium: await chromium?.kernel(kernel, run) };
}

const reports: string[] = [];
if (pageLoads.length > 0) reports.push(pageLoadReport(pageLoads));
for (const [{ title }, taken] of byStartUp) reports.push(startUpReport(title, taken));
if (coldCode.length > 0) reports.push(coldCodeReport(coldCode));
if (kernels.some(({ name }) => name !== SYSTEM_CALLS)) reports.push(kernelReport(byKernel, size));
for (const [kernel, taken] of byKernel)
  if (kernel.name === SYSTEM_CALLS) reports.push(systemCallReport(kernel, taken, size));
console.log(reports.join("\n\n\n"));

/** Throws where the two CPUs' outputs differ. */
async function measureRealWork(bench: NodeBench): Promise<string> {
  const works = prepareRealWork(({ title }, reason) => console.error(`bench: without "${title}": ${reason}`));
  const byWork = new Map<RealWork, RealWorkRound[]>(works.map((work) => [work, []]));
  for (let round = 1; round <= rounds; round++)
    for (const [work, taken] of byWork) {
      console.error(`bench: ${work.title}, round ${round} of ${rounds}`);
      const ours = await bench.realWork(work, "translator");
      const libunicorn = await optional(`libunicorn for "${work.title}"`, () => bench.realWork(work, "libunicorn"));
      if (libunicorn && libunicorn.output !== ours.output) throw new Error(`${work.title}: the outputs differ`);
      taken.push({ node: ours, libunicorn });
    }
  return realWorkReport(byWork);
}
