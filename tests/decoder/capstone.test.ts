import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/ring3.ts";
import { CapstoneComparison } from "./capstone.ts";
import { compareForms, compareProgram, forEachHostProgram } from "./sources.ts";

const comparison = await CapstoneComparison.load();

test("every form has Capstone's length and mnemonic", () => {
  compareForms(comparison, 12, 7);
  const { instructions, differences } = comparison.take();
  expect(differences).toEqual([]);
  expect(instructions).toBeGreaterThan(10_000);
});

test("and so has everything in the samples' executable sections", { timeout: 60_000 }, () => {
  forEachHostProgram(join(root, "samples", "bin"), (_path, bytes) => compareProgram(comparison, bytes));
  const { instructions, differences } = comparison.take();
  expect(differences).toEqual([]);
  expect(instructions).toBeGreaterThan(100_000);
});

test("a difference is seen", () => {
  // What Capstone does not know: nop with the reserved opcode 0F 1A, and one of its names in other clothes.
  comparison.one(Uint8Array.of(0x0f, 0x1a, 0xc0));
  expect(comparison.take().explained.size).toBe(1);
  comparison.sweep(Uint8Array.of(0x90, 0x06, 0xc3), 0x1000);
  expect(comparison.take()).toMatchObject({ instructions: 3, differences: [] });
});
