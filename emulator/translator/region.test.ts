import { expect, test } from "vitest";
import { Decoder } from "../decoder/decoder.ts";
import { instructions } from "../isa/index.ts";
import { DecodedCode } from "./code-source.ts";
import { superfluousTests } from "./known-numbers.ts";
import { discover } from "./region.ts";

const decoder = new Decoder(instructions, 3);

function regionOf(code: readonly number[], entry = 0) {
  const reader = { byteAt: (address: number) => code[address] ?? 0xcc };
  return discover(
    new DecodedCode(decoder, reader, { endsAt: () => false, endsBefore: () => false, any: false }),
    entry,
  );
}

/** The block that `offset` loops to: dec rcx; jnz. */
const back = (offset: number): number[] => [0x48, 0xff, 0xc9, 0x75, -offset & 0xff];

test("a loop of floating point is entered by a copy of its first block, whose tests the loop need not repeat", () => {
  // addsd xmm1, xmm1
  const region = regionOf([0xf2, 0x0f, 0x58, 0xc9, ...back(9)]);
  expect(region.blocks.map(({ address }) => address)).toEqual([0, 0, 9]);
  expect(region.graph.successors.slice(0, 2)).toEqual([
    [1, 2],
    [1, 2],
  ]);
  const left = superfluousTests(region);
  const tests = region.blocks.map((block) =>
    block.instructions.flatMap(({ ir }) =>
      (ir?.effects ?? []).flatMap((effect) => (effect.kind === "fallback" && effect.tested ? [effect] : [])),
    ),
  );
  expect(tests[0].length).toBeGreaterThan(0);
  expect(tests[0].some((effect) => left.has(effect))).toBe(false);
  expect(tests[1]).toHaveLength(tests[0].length);
  expect(tests[1].every((effect) => left.has(effect))).toBe(true);
});

test("other entries stand once", () => {
  // add rdx, rax
  expect(regionOf([0x48, 0x01, 0xc2, ...back(8)]).blocks.map(({ address }) => address)).toEqual([0, 8]);
  // addsd xmm1, xmm1 before the loop
  const straight = regionOf([0xf2, 0x0f, 0x58, 0xc9, 0x48, 0x01, 0xc2, ...back(8)]);
  expect(straight.blocks.map(({ address }) => address)).toEqual([0, 4, 12]);
});
