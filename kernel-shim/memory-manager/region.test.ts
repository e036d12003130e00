import { expect, test } from "vitest";
import { PAGE_SIZE } from "../../emulator/cpu.ts";
import { Random } from "../executive/random.ts";
import { Region } from "./region.ts";

const START = 0x10_0000;
const PAGES = 24;
const PROTECTIONS = [undefined, 0x02, 0x04] as const;
const address = (page: number): number => START + page * PAGE_SIZE;

/** What runs must be, from the protection of each page. */
function runsOf(pages: readonly (number | undefined)[], from = 0, to = PAGES) {
  const runs: { start: number; end: number; protect: number }[] = [];
  for (let page = from; page < to; page++) {
    const protect = pages[page];
    if (protect === undefined) continue;
    const last = runs.at(-1);
    if (last?.end === address(page) && last.protect === protect) last.end = address(page + 1);
    else runs.push({ start: address(page), end: address(page + 1), protect });
  }
  return runs;
}

test("runs say of each page what was set last, with as few as can be", () => {
  const random = new Random(1);
  const below = (limit: number): number => random.next() % limit;
  const region = new Region(address(0), address(PAGES), 0x2_0000, 0x04);
  const pages = new Array<number | undefined>(PAGES).fill(undefined);
  for (let round = 0; round < 2000; round++) {
    const first = below(PAGES);
    const end = first + 1 + below(PAGES - first);
    const protect = PROTECTIONS[below(PROTECTIONS.length)];
    region.set(address(first), address(end), protect);
    pages.fill(protect, first, end);
    expect(region.runs).toEqual(runsOf(pages));
    const from = below(PAGES);
    const to = from + 1 + below(PAGES - from);
    expect([...region.runsIn(address(from), address(to))]).toEqual(runsOf(pages, from, to));
    expect(region.runAt(address(from) + 5)?.protect).toBe(pages[from]);
  }
});

test("thousands of pages with alternating protections cost what a few do", () => {
  const count = 50_000;
  const region = new Region(address(0), address(count), 0x2_0000, 0x04);
  // Rebuilding the runs each time would take minutes.
  for (let page = 0; page < count; page++) region.set(address(page), address(page + 1), page % 2 ? 0x02 : 0x04);
  expect(region.runs.length).toBe(count);
  expect(region.committedIn(address(10), address(20))).toBe(10 * PAGE_SIZE);
}, 5000);
