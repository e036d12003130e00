/** A sample in a sandbox of this process, given what its manifest gives it, and its trace as the page and the command line write it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cpu } from "../../emulator/cpu.ts";
import { createCpu, TRANSLATE_AFTER } from "../../emulator/engine.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { sampleBytes, type Sample } from "../../samples/index.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { joinCommandLine } from "../../src/sandbox/command-line.ts";
import { workDirectory, type SandboxOptions } from "../../src/sandbox/options.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { traceLine } from "../../src/sandbox/trace/sinks.ts";
import { root } from "./ring3.ts";

let wine: Layer | undefined;

/** `translateAfter` by the name of what it chooses. */
export const tiers = { interpreter: Infinity, translator: 0, default: TRANSLATE_AFTER } as const;

/** Opened once: a layer does not change. */
export function wineImage(): Layer {
  return (wine ??= openBuiltImage(join(root, "images", "wine")));
}

export function programBytes({ file }: Pick<Sample, "file">): Uint8Array {
  return new Uint8Array(readFileSync(join(root, "samples", "bin", file)));
}

/** `program` stands in for the sample's own bytes. */
export function sampleOptions(sample: Sample, cpu: Cpu, program = programBytes(sample)): SandboxOptions {
  const path = `${workDirectory}\\${sample.file}`;
  const files: [string, Uint8Array][] = [
    [path.slice(3), program],
    ...sample.given.map((given): [string, Uint8Array] => [given.path.slice(3), sampleBytes(given)]),
  ];
  return {
    cpu,
    layers: [new MemoryLayer("given", files), ...(sample.image === "wine" ? [wineImage()] : [])],
    program: path,
    commandLine: joinCommandLine([path, ...sample.arguments]),
    stdin: new TextEncoder().encode(sample.stdin),
  };
}

export function traceOf({ trace }: Sandbox, from = 0): string {
  let text = "";
  for (let sequence = from; sequence < trace.length; sequence++) text += traceLine(trace, sequence, "jsonl");
  return text;
}

/** What the endless loop is given where traces are compared; the others need less. */
export const SAMPLE_INSTRUCTIONS = 3_000_000;

export interface SampleTrace {
  /** JSON Lines. */
  readonly trace: string;
  readonly instructions: number;
}

const traces = new Map<Sample, SampleTrace>();

/** On the interpreter; made once. */
export function traceInNode(sample: Sample): SampleTrace {
  const known = traces.get(sample);
  if (known) return known;
  const cpu = createCpu({ level: 3, translateAfter: tiers.interpreter, seed: 1 });
  const sandbox = new Sandbox({ ...sampleOptions(sample, cpu), limits: { instructions: SAMPLE_INSTRUCTIONS } });
  while (sandbox.run(1_000_000).reason !== "ended");
  const trace = { trace: traceOf(sandbox), instructions: sandbox.instructions };
  sandbox.dispose();
  traces.set(sample, trace);
  return trace;
}
