/** Our engine and libunicorn, both at psABI level 1, agree on the samples at every system call. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Cpu } from "../../emulator/cpu.ts";
import { createCpu } from "../../emulator/engine.ts";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { sampleBytes, samples, type Sample } from "../../samples/index.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { joinCommandLine } from "../../src/sandbox/command-line.ts";
import { workDirectory } from "../../src/sandbox/options.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { root } from "../support/ring3.ts";
import { runInLockstep } from "./lockstep.ts";

const wine = join(root, "images", "wine");
const INSTRUCTIONS = 20_000_000;

function start(sample: Sample, cpu: Cpu): Sandbox {
  const path = `${workDirectory}\\${sample.file}`;
  const files: [string, Uint8Array][] = [
    [path.slice(3), new Uint8Array(readFileSync(join(root, "samples", "bin", sample.file)))],
    ...sample.given.map((given): [string, Uint8Array] => [given.path.slice(3), sampleBytes(given)]),
  ];
  const layers = [new MemoryLayer("program", files), ...(sample.image === "wine" ? [openBuiltImage(wine)] : [])];
  return new Sandbox({
    cpu,
    layers,
    program: path,
    commandLine: joinCommandLine([path, ...sample.arguments]),
    stdin: new TextEncoder().encode(sample.stdin),
    limits: { instructions: INSTRUCTIONS },
  });
}

const tiers = { interpreter: Infinity, translator: 0 };

describe.each(Object.entries(tiers))("%s and libunicorn", (_, translateAfter) => {
  test.each(samples)("agree on $id", { timeout: 120_000 }, (sample) => {
    if (sample.image === "wine") expect(existsSync(wine), "images/wine is missing: npm run image").toBe(true);
    const ours = start(sample, createCpu({ level: 1, translateAfter, seed: 1 }));
    const theirs = start(sample, createLibunicornCpu());
    try {
      const { divergence, systemCalls } = runInLockstep(ours, theirs);
      expect(divergence).toBeUndefined();
      expect(systemCalls).toBeGreaterThan(0);
    } finally {
      ours.dispose();
      theirs.dispose();
    }
  });
});
