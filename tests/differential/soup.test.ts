/** A short part of what `npm run soup` runs ten million instructions of. */
import { afterAll, describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { swimSeed } from "./soup.ts";

const forms = instructions.flatMap((specification) => specification.forms);

describe("instruction soup on the interpreter and on translation at once", () => {
  const cpus = [Infinity, 0].map((translateAfter) => createCpu({ level: 3, translateAfter, seed: 1 }));
  afterAll(() => {
    for (const cpu of cpus) cpu.dispose();
  });

  // 20: a jump to the last address. 109: RET with more than 32767 bytes. 186: code in shared pages.
  test.each([1, 2, 3, 4, 5, 6, 20, 109, 186])("seed %i", { timeout: 120_000 }, (seed) => {
    const { instructions: begun, exits, disagreement } = swimSeed(cpus, forms, seed, 2500);
    expect(disagreement).toBeUndefined();
    expect(begun).toBeGreaterThanOrEqual(2500);
    // A soup that ends in one way only would test less than it seems to.
    expect(exits.size).toBeGreaterThan(2);
  });
});
