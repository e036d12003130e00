import { expect, test } from "vitest";
import { hashTargets } from "./target-hash.ts";

const slotOf = (target: number, { multiplier, shift }: ReturnType<typeof hashTargets>): number =>
  Math.imul(target | 0, multiplier) >>> shift;

test.each([1, 2, 3, 10, 24, 64])("%i cases of a switch nearly all get a slot of their own", (count) => {
  const targets = Array.from({ length: count }, (_, index) => 0x7ff6_1234_0000 + index * 37);
  const hash = hashTargets(targets);
  expect(hash.slots.length).toBeLessThanOrEqual(4 * count);
  const placed = targets.filter((target, index) => hash.slots[slotOf(target, hash)] === index);
  expect(placed.length).toBeGreaterThanOrEqual(Math.floor(count * 0.8));
  expect(hash.slots.filter((index) => index >= 0)).toHaveLength(placed.length);
});
