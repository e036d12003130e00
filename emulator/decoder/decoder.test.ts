import { expect, test } from "vitest";
import { instructions } from "../isa/index.ts";
import { Decoder, isInstruction } from "./decoder.ts";

const decoder = new Decoder(instructions, 3);
function decode(hex: string, address = 0x1000) {
  const bytes = hex.split(" ").map((byte) => parseInt(byte, 16));
  return decoder.decode({ byteAt: (at) => bytes[at - address] ?? 0x90 }, address);
}
function text(hex: string): string {
  const decoded = decode(hex);
  if (!isInstruction(decoded)) return `${decoded.outcome} ${decoded.length}`;
  const operands = decoded.operands.map((operand) => {
    switch (operand.kind) {
      case "register":
        return `${operand.file}${operand.register}${operand.high ? "h" : ""}:${operand.width}`;
      case "immediate":
        return `${operand.value}:${operand.width}`;
      case "memory":
        return `[${operand.segment ?? ""} ${operand.base} ${operand.index}<<${operand.scale} ${operand.displacement}]:${operand.width}`;
    }
  });
  return `${decoded.form.specification.mnemonic} ${operands.join(" ")} (${decoded.length})`;
}

test.each([
  ["48 89 e5", "MOV gpr5:64 gpr4:64 (3)"],
  ["88 e5", "MOV gpr1h:8 gpr0h:8 (2)"],
  ["40 88 e5", "MOV gpr5:8 gpr4:8 (3)"],
  ["66 b8 34 12", "MOV gpr0:16 4660:16 (4)"],
  ["48 b8 ff ff ff ff ff ff ff ff", "MOV gpr0:64 -1:64 (10)"],
  ["48 8b 05 10 00 00 00", "MOV gpr0:64 [ -1 -1<<0 4119]:64 (7)"],
  ["65 48 8b 04 25 30 00 00 00", "MOV gpr0:64 [gs -1 -1<<0 48]:64 (9)"],
  ["83 44 8b fc ff", "ADD [ 3 1<<2 -4]:32 -1:32 (5)"],
  ["90", "NOP  (1)"],
  ["41 90", "XCHG gpr8:32 gpr0:32 (2)"],
  ["f3 90", "PAUSE  (2)"],
  ["f3 0f 1e fa", "ENDBR64  (4)"],
  ["0f 1f 84 00 00 00 00 00", "NOP [ 0 0<<0 0]:32 gpr0:32 (8)"],
  ["74 fe", "JE 4096:64 (2)"],
  ["0f 84 00 01 00 00", "JE 4358:64 (6)"],
  ["41 55", "PUSH gpr13:64 (2)"],
  ["f0 48 0f c7 0e", "CMPXCHG16B [ 6 -1<<0 0]:128 (5)"],
  ["f3 48 0f bd c1", "LZCNT gpr0:64 gpr1:64 (5)"],
  ["f3 a4", "MOVS [ 7 -1<<0 0]:8 [ 6 -1<<0 0]:8 (2)"],
  ["d1 e0", "SHL gpr0:32 1:8 (2)"],
  // Of these hardware ignores the mod field.
  ["0f 20 00", "MOV gpr0:64 control0:64 (3)"],
  ["44 0f 22 44", "MOV control8:64 gpr4:64 (4)"],
  ["0f 23 84", "MOV debug0:64 gpr4:64 (3)"],
  ["f0 01 c0", "UD 3"],
  // Not CR8: that is AMD's, where CPUID says so.
  ["f0 0f 20 c0", "UD 4"],
  ["06", "UD 1"],
  ["c4 e2 6d 90 0c a0", "VPGATHERDD xmm1:256 [ 0 -1<<2 0]:32 xmm4:256 xmm2:256 (6)"],
  // The mask is the destination; there is no SIB byte; a register in the place of memory.
  ["c4 e2 75 90 0c a0", "UD 6"],
  ["c4 e2 6d 90 08", "UD 5"],
  ["c4 e2 6d 90 cc", "UD 5"],
  // VEX with the wrong W, length, vvvv, prefix, opcode, map.
  ["c4 e2 fd 18 08", "UD 4"],
  ["c4 e3 79 06 c1 00", "UD 4"],
  ["c4 e2 75 18 08", "UD 5"],
  ["c4 e2 7c 18 08", "UD 4"],
  ["c5 f8 05", "UD 3"],
  ["c4 e4 79 10 c1", "UD 4"],
  ["cb", "RETF  (1)"],
  ["0f 0f c0 9e", "UD 2"],
  ["62 f1 7c 48 58 c0", "UD 1"],
  ["66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "GP 15"],
])("%s is %s", (hex, expected) => {
  expect(text(hex)).toBe(expected);
});

test("no two forms of one level have the same encoding", () => {
  const seen = new Set<string>();
  for (const { forms, mnemonic } of instructions)
    for (const { text } of forms) {
      const encoding = text.replace(/ [^ ]*[a-z][^ ]*$/, "");
      const key = `${encoding} ${/\b(mem|m\d*)\b/.test(text) ? "memory" : ""}`;
      expect(seen.has(key), `${mnemonic} ${text}`).toBe(false);
      seen.add(key);
    }
});
