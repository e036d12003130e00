/** State is data: a run that is saved at any event and restored into a fresh sandbox goes on as if nothing had happened. */
import { describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { hashState } from "../../kernel-shim/executive/state.ts";
import { samples } from "../../samples/index.ts";
import { plainSnapshot, Sandbox, type SandboxSnapshot } from "../../src/sandbox/sandbox.ts";
import { sampleOptions, tiers, traceOf } from "../support/sample-run.ts";

/** When the run is saved: after so large a part of its events, in the boot, in the program, shortly before its end; and so many instructions later. */
const moments = [
  { part: 0.23, later: 0 },
  { part: 0.71, later: 1234 },
  { part: 0.96, later: 0 },
];

function takeText(sandbox: Sandbox): string {
  return sandbox
    .takeOutput()
    .map(({ stream, bytes }) => `${stream}:${new TextDecoder().decode(bytes)}`)
    .join("");
}

/** Everything that a run leaves. */
function finish(sandbox: Sandbox, outputBefore = "") {
  while (sandbox.run(1_000_000).reason !== "ended");
  const { instructions, virtualTimeMs, exit } = sandbox;
  const outcome = {
    exit,
    instructions,
    virtualTimeMs,
    output: outputBefore + takeText(sandbox),
    files: sandbox.changes().map(({ path, change, read }) => ({ path, change, bytes: read?.() })),
    trace: traceOf(sandbox),
    state: hashState(sandbox.snapshot().machine),
  };
  sandbox.dispose();
  return outcome;
}

const ids = ["hello-kernel", "read-input", "files", "threads", "cpp-exceptions", "fault"];

describe.each(samples.filter(({ id }) => ids.includes(id)))("$id", (sample) => {
  const options = (tier: keyof typeof tiers = "interpreter") =>
    sampleOptions(sample, createCpu({ level: 3, translateAfter: tiers[tier], seed: 1 }));

  test("goes on identically from a snapshot at any moment", { timeout: 180_000 }, () => {
    const whole = finish(new Sandbox(options()));
    const events = whole.trace.split("\n").length - 1;

    const saved: { readonly snapshot: SandboxSnapshot; readonly output: string }[] = [];
    const first = new Sandbox(options());
    let output = "";
    for (const { part, later } of moments) {
      while (first.trace.length < part * events) expect(first.step(1_000_000).reason).not.toBe("ended");
      if (later > 0) first.run(later);
      output += takeText(first);
      saved.push({ snapshot: first.snapshot(), output });
    }
    // To be saved is no event.
    expect(finish(first, output)).toEqual(whole);

    for (const [index, { snapshot, output: before }] of saved.entries()) {
      // The last one through the clone that a message to another worker would be.
      const copy = index === 2 ? structuredClone(plainSnapshot(snapshot)) : snapshot;
      const restored = Sandbox.restore(copy, options(index === 1 ? "default" : "interpreter"));
      expect(finish(restored, before)).toEqual(whole);
    }
  });
});
