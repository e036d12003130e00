import { describe, expect, it } from "vitest";
import { instructions } from "../isa/index.ts";
import { randomProgram, type ProgramOptions } from "./random-program.ts";
import { defaultLimits, type RegionLimits } from "./region.ts";
import { TestHost, type Stop } from "./test-host.ts";

const CODE = 0x1_4000_0000;
const DATA = 0x7ffe_1234_0000;
const DATA_SIZE = 0x3000;
const STACK = 0x20_0000_0000;
/** One instruction a region. */
const single: RegionLimits = { blocks: 1, instructions: 1 };

const hosts = new Map<RegionLimits, TestHost>();

function start(seed: number, options: ProgramOptions, limits: RegionLimits): TestHost {
  let host = hosts.get(limits);
  if (!host) hosts.set(limits, (host = new TestHost(instructions, limits)));
  host.reset();
  host.bytes(STACK - 0x1000, 0x1000).fill(0);
  const { bytes } = randomProgram(seed, options);
  host.map(CODE, 0x10_0000);
  host.bytes(CODE, bytes.length).set(bytes);
  host.map(DATA, DATA_SIZE);
  host.map(STACK - 0x1000, 0x1000);
  host.bytes(DATA, DATA_SIZE).forEach((_byte, index, data) => (data[index] = (index * 37 + seed) >> 3));
  for (let register = 0; register < 16; register++) host.setGpr(register, BigInt(seed * 0x1234567 + register * 0x1111) << BigInt(register)); // prettier-ignore
  host.setGpr(4, BigInt(STACK - 8));
  host.setGpr(14, BigInt(options.fuel));
  host.setGpr(15, BigInt(DATA));
  host.rip = BigInt(CODE);
  return host;
}

/** Runs in slices of at most `budget` and returns how it ended, and what the machine looks like then. */
function finish(host: TestHost, budget: number): string {
  let stop: Stop;
  do stop = host.run(budget);
  while (stop === "budget" && host.executed < 100_000);
  let hash = 0;
  for (const byte of [...host.bytes(DATA, DATA_SIZE), ...host.bytes(STACK - 0x1000, 0x1000)])
    hash = (Math.imul(hash, 31) + byte) | 0;
  return `${stop} ${host.executed} ${host.describe()} ${hash}`;
}

describe("a translated program does what its instructions do one by one", () => {
  const cases: readonly (readonly [string, ProgramOptions])[] = [
    ["straight code", { blocks: 2, instructions: 30, fuel: 2, dataSize: DATA_SIZE, wildEvery: 0 }],
    ["any control flow", { blocks: 12, instructions: 5, fuel: 200, dataSize: DATA_SIZE, wildEvery: 0 }],
    ["accesses that fault", { blocks: 6, instructions: 8, fuel: 50, dataSize: DATA_SIZE, wildEvery: 40 }],
  ];
  for (const [name, options] of cases)
    it(`with ${name}`, () => {
      for (let seed = 1; seed <= 8; seed++) {
        const expected = finish(start(seed, options, single), 1_000_000);
        for (const budget of [1_000_000, 1, 7, 100])
          expect(finish(start(seed, options, defaultLimits), budget), `seed ${seed}, budget ${budget}`).toBe(expected);
      }
    });
});
