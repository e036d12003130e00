/** State is data: a run that is saved and restored into a fresh machine goes on as if nothing had happened. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { hashState } from "../../kernel-shim/executive/state.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import type { SandboxOptions } from "../../src/sandbox/options.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { root } from "../support/ring3.ts";

const wine = openBuiltImage(join(root, "images", "wine"));

function options(sample: string): SandboxOptions {
  const program = readFileSync(join(root, "samples", "bin", sample));
  return {
    cpu: createCpu({ level: 1, translateAfter: Infinity, seed: 1 }),
    layers: [new MemoryLayer("program", [[`w\\${sample}`, program]]), wine],
    program: `C:\\w\\${sample}`,
    stdin: new Uint8Array(0),
  };
}

const decoder = new TextDecoder();
function finish(sandbox: Sandbox): { readonly output: string; readonly state: string; readonly instructions: number } {
  while (sandbox.run(5_000_000).reason !== "ended");
  const output = sandbox
    .takeOutput()
    .map(({ bytes }) => decoder.decode(bytes))
    .join("");
  return { output, instructions: sandbox.instructions, state: hashState(sandbox.snapshot().machine) };
}

describe.each(["hello-kernel.exe", "hello-printf.exe", "threads.exe", "cpp-exceptions.exe"])("%s", (sample) => {
  test("goes on identically from a snapshot at any event", () => {
    const whole = finish(new Sandbox(options(sample)));
    for (const fraction of [0.2, 0.7, 0.95]) {
      const first = new Sandbox(options(sample));
      first.run(Math.floor(whole.instructions * fraction));
      while (first.step(1_000_000).reason === "slice");
      const before = first
        .takeOutput()
        .map(({ bytes }) => decoder.decode(bytes))
        .join("");
      const snapshot = first.snapshot();
      const restored = Sandbox.restore(snapshot, options(sample));
      // Saved again before anything ran, it is the same state.
      expect(hashState(restored.snapshot().machine)).toBe(hashState(snapshot.machine));
      const second = finish(restored);
      expect({ ...second, output: before + second.output }).toEqual(whole);
      const other = finish(first);
      expect({ ...other, output: before + other.output }).toEqual(whole);
    }
  });
});
