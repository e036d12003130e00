/** A short part of what `npm run soup` runs ten million instructions of. */
import { afterAll, describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { swimWithLibunicorn } from "./libunicorn-soup.ts";
import { swimSeed } from "./soup.ts";
import { levelOneForms } from "./streams.ts";

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

describe("instruction soup on the interpreter and on libunicorn", () => {
  const ours = createCpu({ level: 1, translateAfter: Infinity, seed: 1 });
  const theirs = createLibunicornCpu();
  afterAll(() => {
    ours.dispose();
    theirs.dispose();
  });

  // 112, 1192: bytes whose translation aborts libunicorn. 1018: an instruction that faults and stores to its own page.
  test.each([1, 2, 3, 112, 1018, 1192])("seed %i", { timeout: 120_000 }, (seed) => {
    const { instructions: begun, compared, disagreements } = swimWithLibunicorn(ours, theirs, levelOneForms(instructions), seed, 1000); // prettier-ignore
    expect(disagreements).toEqual([]);
    expect(begun).toBe(1000);
    expect(compared).toBeGreaterThan(300);
  });
});
