import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

/** Where a pace ends up when an instruction takes `nanoseconds`. */
function settle(pace: Pace, nanoseconds: number, slices = 40): number {
  for (let slice = 0; slice < slices; slice++) pace.took((pace.instructions * nanoseconds) / 1e6);
  return (pace.instructions * nanoseconds) / 1e6;
}

test.each([1, 8, 140, 5_000])("slices take their time where an instruction takes %i ns", (nanoseconds) => {
  expect(settle(new Pace(20), nanoseconds)).toBeCloseTo(20, 1);
});

test("one slice is enough to meet slower code", () => {
  const pace = new Pace(20);
  settle(pace, 2);
  expect(settle(pace, 5_000, 1)).toBeCloseTo(20, 1);
});

test("a slice never becomes empty, nor longer than a budget may be", () => {
  const pace = new Pace(20);
  settle(pace, 1e9);
  expect(pace.instructions).toBeGreaterThan(0);
  settle(pace, 0, 100);
  expect(pace.instructions).toBeLessThan(2 ** 31);
});
