/** The same input gives the same trace, byte for byte: in a second run, and whichever tier executes. */
import { describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { samples } from "../../samples/index.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { sampleOptions, tiers, traceOf } from "../support/sample-run.ts";

/** What the endless loop is given; the others need less. */
const INSTRUCTIONS = 3_000_000;

describe.each(samples)("$id", (sample) => {
  function run(translateAfter: number) {
    const cpu = createCpu({ level: 3, translateAfter, seed: 1 });
    const sandbox = new Sandbox({ ...sampleOptions(sample, cpu), limits: { instructions: INSTRUCTIONS } });
    while (sandbox.run(1_000_000).reason !== "ended");
    const { instructions, exit } = sandbox;
    const outcome = { trace: traceOf(sandbox), instructions, exit, output: sandbox.takeOutput() };
    sandbox.dispose();
    return outcome;
  }

  test("makes the same trace twice, and in every tier", { timeout: 180_000 }, () => {
    const first = run(tiers.default);
    expect(first.trace.split("\n").length).toBeGreaterThan(5);
    expect(run(tiers.default)).toEqual(first);
    expect(run(tiers.interpreter)).toEqual(first);
    expect(run(tiers.translator)).toEqual(first);
  });
});
