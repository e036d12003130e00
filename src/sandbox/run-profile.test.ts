import { expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { samples } from "../../samples/index.ts";
import { sampleOptions } from "../../tests/support/sample-run.ts";
import { profileText, runProfile } from "./run-profile.ts";
import { Sandbox } from "./sandbox.ts";
import { TimedCpu } from "./timed-cpu.ts";

function profileOf(translateAfter: number) {
  const start = performance.now();
  const cpu = new TimedCpu(createCpu({ level: 3, translateAfter, seed: 1 }));
  const sample = samples.find(({ id }) => id === "loop");
  if (!sample) throw new Error("there is no endless loop");
  const sandbox = new Sandbox({ ...sampleOptions(sample, cpu), limits: { instructions: 2_000_000 } });
  while (sandbox.run(1_000_000).reason !== "ended");
  const total = performance.now() - start;
  const { instructions } = sandbox;
  // What ended with its process counts.
  sandbox.dispose();
  return { profile: runProfile(cpu, total, instructions), total };
}

test("the times are all of the run", () => {
  const { profile, total } = profileOf(1000);
  const sum = profile.times.reduce((all, { milliseconds }) => all + milliseconds, 0);
  expect(sum).toBeGreaterThan(total * 0.9);
  expect(sum).toBeLessThan(total * 1.1);
  const text = profileText(profile);
  for (const { name } of profile.times) expect(text).toContain(name);
  expect(text).toContain(profile.instructions.toLocaleString("en-US"));
});

test("instructions are told apart by who executed them, and leavings by why", () => {
  const interpreted = profileOf(Infinity).profile.engine;
  expect(interpreted?.translated).toBe(0);
  expect(interpreted?.regions).toBe(0);
  expect(interpreted?.blocks).toBeGreaterThan(0);
  const { engine, instructions } = profileOf(1000).profile;
  expect(engine?.translated).toBeGreaterThan(instructions * 0.5);
  expect(engine?.translated).toBeLessThanOrEqual(instructions);
  expect(engine?.regions).toBeGreaterThan(0);
  expect(engine?.exits.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(0);
});
