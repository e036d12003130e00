import { describe, expect, test } from "vitest";
import { PAGE_SIZE, Protection } from "../cpu.ts";
import { bulkFunctions } from "./bulk.ts";
import { WindowSpace } from "./window-space.ts";

const BASE = 0x7ff_7000_0000;
const PAGES = 6;
const SIZE = PAGES * PAGE_SIZE;
const RW = Protection.Read | Protection.Write;

/** Touched pages, the last of them read-only. */
function memory() {
  const space = new WindowSpace();
  space.map(BASE, SIZE, RW);
  const contents = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  space.write(BASE, contents);
  space.protect(BASE + SIZE - PAGE_SIZE, PAGE_SIZE, Protection.Read);
  return { space, contents, ...bulkFunctions(space.memory) };
}

/** Element after element, as the SDM has it. */
function copyElements(bytes: Uint8Array, to: number, from: number, count: number, size: number): void {
  for (let element = 0; element < count; element++)
    bytes.copyWithin(to + element * size, from + element * size, from + (element + 1) * size);
}

describe.each([1, 2, 4, 8])("elements of %i bytes", (size) => {
  test.each([
    { to: 0x100, from: 0x900, count: 5 },
    { to: 0x100, from: 0x103, count: 100 },
    { to: 0x103, from: 0x100, count: 100 },
    { to: 0x1001, from: 0xff9, count: 50 },
    { to: 0x800, from: 0x800, count: 10 },
    { to: 0xff0, from: 0x1ff1, count: 300 },
    { to: 0x10, from: 0x5f00, count: 0x100 / size },
    { to: 0x10, from: 0x900, count: 0 },
  ])("are copied: $count from $from to $to", ({ to, from, count }) => {
    const { space, contents, copy } = memory();
    expect(copy(BigInt(BASE + to), BigInt(BASE + from), BigInt(count), size)).toBe(1);
    copyElements(contents, to, from, count, size);
    expect(Buffer.compare(space.read(BASE, SIZE), contents)).toBe(0);
  });

  test.each([0n, 0x1122_3344_5566_7788n, 0x5555_5555_5555_5555n])("are filled with %i", (value) => {
    for (const [at, count] of [
      [0x123, 3],
      [0xffe, 200],
    ] as const) {
      const { space, contents, fill } = memory();
      expect(fill(BigInt(BASE + at), value, BigInt(count), size)).toBe(1);
      for (let index = 0; index < count * size; index++)
        contents[at + index] = Number((value >> BigInt((index % size) * 8)) & 0xffn);
      expect(Buffer.compare(space.read(BASE, SIZE), contents)).toBe(0);
    }
  });
});

test("nothing is done over the end of the window", () => {
  const space = new WindowSpace();
  space.map(0x7ff_ffff_f000, 0x2_0000, RW);
  space.write(0x7ff_ffff_f000, new Uint8Array(0x2_0000).fill(1));
  expect(bulkFunctions(space.memory).fill(0x7ff_ffff_fff8n, 0n, 16n, 1)).toBe(0);
});

test("nothing is done where a page is in the way", () => {
  const { space, contents, copy, fill } = memory();
  const end = BigInt(BASE + SIZE);
  const start = BigInt(BASE);
  // Not writable; not mapped, before and behind; no address; too many
  expect(fill(end - 0x1004n, 1n, 8n, 1)).toBe(0);
  expect(fill(end - 4n, 1n, 8n, 1)).toBe(0);
  expect(copy(start, end - 4n, 8n, 1)).toBe(0);
  expect(copy(start - 1n, start, 4n, 1)).toBe(0);
  expect(fill(0xffff_ffff_ffff_fff0n, 1n, 32n, 1)).toBe(0);
  expect(fill(start, 1n, 1n << 60n, 8)).toBe(0);
  expect(copy(start, start, 0x2000_0000_0000_0000n, 8)).toBe(0);
  // Pages with code, and pages that a snapshot holds, are for the slow path.
  space.markCode(BASE / PAGE_SIZE);
  expect(fill(start, 1n, 8n, 1)).toBe(0);
  const image = space.save();
  expect(copy(start + 0x1000n, start, 8n, 1)).toBe(0);
  expect(Buffer.compare(space.read(BASE, SIZE), contents)).toBe(0);
  expect(image.runs.length).toBeGreaterThan(0);
});
