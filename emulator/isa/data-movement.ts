/** MOV and its relatives, LEA, XCHG, BSWAP, SETcc, CMOVcc. */
import type { Builder, Width } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { conditional, instruction } from "./instruction.ts";
import type { MemoryOperand, Operand } from "./operand.ts";

export const MOV = instruction("MOV", {
  forms: [
    "88 /r rm8,r8",
    "89 /r rm,r",
    "8A /r r8,rm8",
    "8B /r r,rm",
    "A0 moffs AL,moffs8",
    "A1 moffs rAX,moffs",
    "A2 moffs moffs8,AL",
    "A3 moffs moffs,rAX",
    "B0+r ib ro8,imm8",
    "B8+r iv ro,imm",
    "C6 /0 ib rm8,imm8",
    "C7 /0 iz rm,simm",
  ],
  lift: (b, dst, src) => b.write(dst, b.read(src)),
});

export const MOVZX = instruction("MOVZX", {
  forms: ["0F B6 /r r,rm8", "0F B7 /r r,rm16"],
  lift: (b, dst, src) => b.write(dst, b.resize(b.read(src), dst.width)),
});

function signExtended(b: Builder, dst: Operand, src: Operand): void {
  const value = b.signExtend(b.read(src), src.width);
  b.write(dst, dst.width === 64 ? b.extendS(value) : value);
}
export const MOVSX = instruction("MOVSX", { forms: ["0F BE /r r,rm8", "0F BF /r r,rm16"], lift: signExtended });
export const MOVSXD = instruction("MOVSXD", {
  forms: ["o16 63 /r r16,rm16", "o32 63 /r r32,rm32", "o64 63 /r r64,rm32"],
  lift: signExtended,
});

export const MOVNTI = instruction("MOVNTI", {
  forms: ["NP 0F C3 /r m,r"],
  lift: (b, dst, src) => b.write(dst, b.read(src)),
});

export const LEA = instruction("LEA", {
  forms: ["8D /r r,mem"],
  lift(b, dst, src) {
    const offset = b.offset(src as MemoryOperand);
    b.write(dst, dst.width === 64 ? offset : b.wrap(offset));
  },
});

export const XCHG = instruction("XCHG", {
  forms: ["86 /r rm8,r8", "87 /r rm,r", "90+r ro,rAX"],
  lock: true,
  lift(b, first, second) {
    const x = b.read(first);
    const y = b.read(second);
    b.write(first, y);
    b.write(second, x);
  },
});

function swapBytes(b: Builder, x: Node, width: Width): Node {
  if (width === 16) return b.or(b.shrU(x, 8), b.shl(x, 8));
  if (width === 32) return b.or(b.and(b.rotl(x, 8), 0x00ff_00ff), b.and(b.rotr(x, 8), 0xff00_ff00 | 0));
  const bytes = b.or(b.and(b.shrU(x, 8), 0x00ff_00ff_00ff_00ffn), b.shl(b.and(x, 0x00ff_00ff_00ff_00ffn), 8));
  const words = b.or(b.and(b.shrU(bytes, 16), 0x0000_ffff_0000_ffffn), b.shl(b.and(bytes, 0x0000_ffff_0000_ffffn), 16));
  return b.rotl(words, 32);
}
export const BSWAP = instruction("BSWAP", {
  forms: ["0F C8+r ro"],
  lift(b, dst) {
    // With an operand size of 16 the result is undefined; processors clear the register.
    b.write(dst, dst.width === 16 ? b.i32(0) : swapBytes(b, b.read(dst), dst.width as Width));
  },
});
export const MOVBE = instruction("MOVBE", {
  forms: ["NFx 0F 38 F0 /r r,m", "NFx 0F 38 F1 /r m,r"],
  feature: "MOVBE",
  lift: (b, dst, src) => b.write(dst, swapBytes(b, b.read(src), dst.width as Width)),
});

export const XLAT = instruction("XLAT", {
  forms: ["D7 m8:rBX"],
  lift(b, table) {
    const index = b.extendU(b.gpr(0, 8));
    const memory = table as MemoryOperand;
    const address =
      memory.addressWidth === 64
        ? b.add(b.address(memory), index)
        : b.add(b.sub(b.address(memory), b.offset(memory)), b.and(b.add(b.offset(memory), index), 0xffff_ffffn));
    b.writeGpr(0, 8, b.load(address, 1));
  },
});

export const SETcc = conditional(
  "SET",
  (digit) => [`0F 9${digit} /r rm8`],
  (code) => (b, dst) => b.write(dst, b.condition(code)),
);

export const CMOVcc = conditional(
  "CMOV",
  (digit) => [`0F 4${digit} /r r,rm`],
  (code) => (b, dst, src) => b.write(dst, b.select(b.condition(code), b.read(src), b.read(dst))),
);
