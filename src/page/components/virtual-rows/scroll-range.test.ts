import { expect, test } from "vitest";
import { longestElement, scrollRange, toOffset, toScroll } from "./scroll-range.ts";

test("a list that fits scrolls one to one", () => {
  const range = scrollRange(100_000, 24, 480);
  expect(range.element).toBe(2_400_000);
  expect(toScroll(range, 1234)).toBe(1234);
  expect(toOffset(range, 1234, { offset: 0, scroll: 0 })).toBe(1234);
});

test("ten million rows reach both ends", () => {
  const range = scrollRange(10_000_000, 24, 480);
  expect(range.element).toBe(longestElement);
  expect(toOffset(range, range.lastScroll, { offset: 0, scroll: 0 })).toBe(10_000_000 * 24 - 480);
  expect(toOffset(range, 0, { offset: 5000, scroll: 900 })).toBe(0);
  expect(toScroll(range, range.last)).toBe(range.lastScroll);
});

test("a wheel moves a long list by rows, not by thousands of them", () => {
  const range = scrollRange(10_000_000, 24, 480);
  const scroll = toScroll(range, 24_000_000);
  expect(toOffset(range, scroll + 72, { offset: 24_000_000, scroll })).toBe(24_000_072);
});
