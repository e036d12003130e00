/** Our engine and libunicorn, both at psABI level 1, agree on the samples at every system call. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Cpu } from "../../emulator/cpu.ts";
import { createCpu } from "../../emulator/engine.ts";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { samples, type Sample } from "../../samples/index.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { root } from "../support/ring3.ts";
import { sampleOptions, tiers } from "../support/sample-run.ts";
import { runInLockstep } from "./lockstep.ts";

const wine = join(root, "images", "wine");
const INSTRUCTIONS = 20_000_000;

function start(sample: Sample, cpu: Cpu): Sandbox {
  return new Sandbox({ ...sampleOptions(sample, cpu), limits: { instructions: INSTRUCTIONS } });
}

describe.each(["interpreter", "translator"] as const)("%s and libunicorn", (tier) => {
  test.each(samples)("agree on $id", { timeout: 120_000 }, (sample) => {
    if (sample.image === "wine") expect(existsSync(wine), "images/wine is missing: npm run image").toBe(true);
    const ours = start(sample, createCpu({ level: 1, translateAfter: tiers[tier], seed: 1 }));
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
