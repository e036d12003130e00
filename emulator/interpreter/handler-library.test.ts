import { expect, test } from "vitest";
import { Decoder, isInstruction } from "../decoder/decoder.ts";
import { instructions } from "../isa/index.ts";
import type { Instruction } from "../isa/instruction.ts";
import { HandlerLibrary } from "./handler-library.ts";

const decoder = new Decoder(instructions, 3);

function decode(hex: string): Instruction {
  const bytes = hex.split(" ").map((byte) => parseInt(byte, 16));
  const decoded = decoder.decode({ byteAt: (address) => bytes[address] ?? 0 }, 0);
  if (!isInstruction(decoded)) throw new Error(`${hex} is no instruction`);
  return decoded;
}

test("instructions that differ in registers, immediates and displacements share a handler, others do not", () => {
  const library = new HandlerLibrary(instructions);
  const same = (left: string, right: string) => library.handler(decode(left)) === library.handler(decode(right));
  expect(same("48 01 d8", "4c 01 e1")).toBe(true); // ADD RAX, RBX; ADD RCX, R12
  expect(same("88 e0", "88 c8")).toBe(true); // MOV AL, AH; MOV AL, CL
  expect(same("48 8b 43 08", "48 8b 85 00 01 00 00")).toBe(true); // MOV RAX, [RBX + 8]; MOV RAX, [RBP + 256]
  expect(same("48 01 d8", "01 d8")).toBe(false); // of 64 and 32 bits
  expect(same("48 8b 43 08", "48 8b 44 8b 08")).toBe(false); // with an index
  expect(same("48 8b 03", "65 48 8b 03")).toBe(false); // by GS
  expect(same("48 8b 03", "67 48 8b 03")).toBe(false); // of 32-bit addresses
  expect(same("66 0f 70 c1 1b", "66 0f 70 c1 1c")).toBe(false); // PSHUFD, whose lift looks at its immediate
  expect(same("c5 fd fe c1", "c5 f9 fe c1")).toBe(false); // VPADDD of 256 and 128 bits
});

test("saved handlers are there without being made", () => {
  const codes = ["48 01 d8", "c3", "0f a2", "48 8b 43 08", "66 0f 70 c1 1b"].map(decode);
  const library = new HandlerLibrary(instructions);
  const made = codes.map((code) => library.handler(code));
  const restored = new HandlerLibrary(instructions, library.windowSize, library.save());
  const found = codes.map((code) => restored.handler(code));
  expect(restored.size).toBe(codes.length);
  expect(found.map(({ number, endsBlock }) => ({ number, endsBlock }))).toEqual(
    made.map(({ number, endsBlock }) => ({ number, endsBlock })),
  );
  for (const { module } of found) expect(module).toBeDefined();
});
