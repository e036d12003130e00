import { expect, test } from "vitest";
import { knownBuild, lookup, numbersOf, windowsBuilds } from "./numbers.ts";

test("the calls that every Windows 10 and 11 numbers alike", () => {
  for (const { build } of windowsBuilds)
    expect([0x55, 0x08, 0x0f, 0x2c].map((number) => lookup(build, number))).toEqual([
      "NtCreateFile",
      "NtWriteFile",
      "NtClose",
      "NtTerminateProcess",
    ]);
});

test("a number that moved between builds", () => {
  const numberOf = (build: number) => [...numbersOf(build)].find(([, name]) => name === "NtCreateThreadEx")?.[0];
  expect([10240, 19041, 19045, 22000].map(numberOf)).toEqual([0xb3, 0xc1, 0xc2, 0xc6]);
});

test("numbers are dense: no build has a gap or uses a number twice", () => {
  for (const { build } of windowsBuilds) {
    const numbers = [...numbersOf(build).keys()].sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  }
});

test("a build between two known ones has the older one's numbers", () => {
  expect(knownBuild(19046)).toBe(19045);
  expect(knownBuild(7601)).toBeUndefined();
  expect(lookup(7601, 0x55)).toBeUndefined();
});
