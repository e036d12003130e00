import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { measureKernel, type KernelDescription, type KernelMeasurement, type RunSize } from "../bench/kernel.ts";
import { geometricMean, spread } from "../bench/statistics.ts";
import { createEngine } from "./cpu.ts";
import { ExitCode, RunError } from "./run.ts";

/** Options of `ring3 bench` after parsing. */
export interface BenchOptions {
  readonly kernels: string;
  readonly json?: string;
  readonly run: RunSize;
  readonly rounds: number;
  readonly cpu: "translator" | "interpreter";
  readonly translateAfter?: number;
  /** The kernel to measure once, in this process. */
  readonly measure?: string;
}

/** Runs every kernel of a folder, each measurement in a process of its own, in rounds over all of them. */
export async function bench(options: BenchOptions): Promise<void> {
  const kernels = readManifest(options.kernels);
  if (options.measure !== undefined) {
    const kernel = kernels.find(({ name }) => name === options.measure);
    if (!kernel) throw new RunError(ExitCode.NotFound, `there is no kernel ${options.measure} in ${options.kernels}`);
    process.stdout.write(`${JSON.stringify(measure(kernel, options))}\n`);
    return;
  }

  if (!Number.isInteger(options.rounds) || options.rounds < 1)
    throw new RunError(ExitCode.Failure, "--rounds: expected at least one round");
  const measurements = new Map<string, KernelMeasurement[]>(kernels.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++)
    for (const [name, taken] of measurements) taken.push(await measureElsewhere(name, options));

  const results = [...measurements.values()].map((taken): KernelMeasurement => ({
    ...taken[0],
    firstMs: toMicroseconds(spread(taken.map(({ firstMs }) => firstMs)).median),
    steadyMs: toMicroseconds(spread(taken.map(({ steadyMs }) => steadyMs)).median),
  }));
  process.stdout.write(table(results));
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ kernels: results }, undefined, 2)}\n`);
}

export function readManifest(directory: string): readonly KernelDescription[] {
  const file = join(directory, "manifest.json");
  if (!existsSync(file)) throw new RunError(ExitCode.NotFound, `--kernels: there is no ${file}`);
  return Object.values(JSON.parse(readFileSync(file, "utf8")) as Record<string, KernelDescription>);
}

function measure(kernel: KernelDescription, options: BenchOptions): KernelMeasurement {
  const image = new Uint8Array(readFileSync(join(options.kernels, kernel.file)));
  return measureKernel(() => createEngine(options), kernel, image, options.run);
}

/** In another process: the host keeps what it has compiled, so only the first run of a process is a first run. */
async function measureElsewhere(name: string, options: BenchOptions): Promise<KernelMeasurement> {
  const { kernels, run, cpu, translateAfter } = options;
  const args = ["bench", "--kernels", kernels, "--measure", name, "--run", run, "--cpu", cpu];
  if (translateAfter !== undefined) args.push("--translate-after", String(translateAfter));
  const command = [...process.execArgv, process.argv[1], ...args];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command);
    return JSON.parse(stdout) as KernelMeasurement;
  } catch (error) {
    const message = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new RunError(ExitCode.Failure, `${name}: ${message.replace(/^ring3: /, "")}`);
  }
}

function table(results: readonly KernelMeasurement[]): string {
  const speed = ({ instructions, steadyMs }: KernelMeasurement) => instructions / steadyMs / 1000;
  const lines = [
    ["kernel", "first ms", "steady ms", "million instructions/s"],
    ...results.map((one) => [one.name, one.firstMs.toFixed(1), one.steadyMs.toFixed(1), speed(one).toFixed(0)]),
    ["geometric mean", "", "", geometricMean(results.map(speed)).toFixed(0)],
  ];
  return lines.map(([name, ...cells]) => `${name.padEnd(16)}${cells.map((c) => c.padStart(24)).join("")}\n`).join("");
}

function toMicroseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
