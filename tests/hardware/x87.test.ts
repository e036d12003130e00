/**
 * emulator/soft-float against hardware: recorded outcomes everywhere, fresh ones where there is an x86-64 processor.
 * `RECORD=1` writes the recorded ones anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hardwareMissing } from "./hardware.ts";
import { computeInSoftware, x87Operations } from "./x87-operations.ts";
import type { X87Case, X87Operation, X87Outcome } from "./x87-operations.ts";
import { casesOf, decodeOutcomes, encodeOutcomes, observe, RECORDED_CASES } from "./x87-vectors.ts";

const file = new URL("x87-outcomes.bin", import.meta.url);
if (process.env["RECORD"]) {
  const outcomes = x87Operations.flatMap((operation) => observe(operation, casesOf(operation, RECORDED_CASES)));
  writeFileSync(file, encodeOutcomes(outcomes));
}
const recorded = new Uint8Array(readFileSync(file));
const missing = hardwareMissing();

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString("hex");
const C1 = 0x200;

/** Undefined where they agree. */
function difference(operation: X87Operation, one: X87Case, expected: X87Outcome): string | undefined {
  const ours = computeInSoftware(operation, one);
  const result = new Uint8Array(10);
  result.set(ours.result);
  const distance = BigInt(`0x${hex(result)}`) - BigInt(`0x${hex(expected.result)}`);
  const tolerated = operation.approximate ? 1n : 0n;
  const status = ours.status ^ expected.status;
  // Which way an approximation was rounded depends on bits that vendors do not share.
  const same =
    distance <= tolerated &&
    -distance <= tolerated &&
    hex(ours.second) === hex(expected.second) &&
    (operation.approximate ? status & ~C1 : status) === 0;
  if (same) return undefined;
  const operands = `control ${one.control.toString(16)}, ST(0) ${hex(one.st0)}, ST(1) ${hex(one.st1)}`;
  const show = (o: X87Outcome): string => `${hex(o.result)} ${hex(o.second)} status ${o.status.toString(16)}`;
  return `${operands}: hardware ${show(expected)}, ours ${show({ ...ours, result })}`;
}

describe.each(x87Operations)("$name", (operation) => {
  it("is what hardware was recorded to do", () => {
    const cases = casesOf(operation, RECORDED_CASES);
    const expected = decodeOutcomes(recorded, operation);
    expect(cases.map((one, i) => difference(operation, one, expected[i])).filter(Boolean)).toEqual([]);
  });

  it.skipIf(missing)(`is what this processor does${missing ? ` (skipped: ${missing})` : ""}`, () => {
    const cases = casesOf(operation, 1000, Number(process.env["SEED"] ?? 1));
    const expected = observe(operation, cases);
    expect(cases.map((one, i) => difference(operation, one, expected[i])).filter(Boolean)).toEqual([]);
  });
});
