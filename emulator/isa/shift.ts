/** Shifts and rotates. */
import type { Builder, Width } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

const forms = (n: number): string[] => [
  `C0 /${n} ib rm8,imm8`,
  `C1 /${n} ib rm,imm8`,
  `D0 /${n} rm8,1`,
  `D1 /${n} rm,1`,
  `D2 /${n} rm8,CL`,
  `D3 /${n} rm,CL`,
];
const shiftUndefined = { AF: "when the count is not 0", OF: "when the count is not 1", CF: "when the count exceeds the width" } as const; // prettier-ignore
const rotateUndefined = { OF: "when the count is not 1" } as const;

/** The count as the processor masks it, i32. */
function maskedCount(b: Builder, count: Operand, width: Width): Node {
  return b.and(b.read(count, "i32"), width === 64 ? 63 : 31);
}
const likeWidth = (b: Builder, count: Node, width: Width): Node => (width === 64 ? b.extendU(count) : count);
const bit0 = (b: Builder, x: Node): Node => b.wrap(b.and(x, 1));
/** Bit `width - 1` as 0 or 1. */
const top = (b: Builder, x: Node, width: Width): Node => bit0(b, b.shrU(x, width - 1));

function shiftFlags(b: Builder, count: Node, cf: Node, of: Node, result: Node, width: Width): void {
  b.flags.setIf(count, { cf, of, af: b.i32(0), ...b.flags.result(result, width) });
}

const shl: InstructionSpecification["definition"]["lift"] = (b, dst, src) => {
  const width = dst.width as Width;
  const x = b.read(dst);
  const count = maskedCount(b, src, width);
  const n = likeWidth(b, count, width);
  const result = b.shl(x, n);
  const cf = width < 32 ? bit0(b, b.shrU(result, width)) : bit0(b, b.shrU(x, b.neg(n)));
  b.write(dst, result);
  shiftFlags(b, count, cf, b.xor(top(b, result, width), cf), result, width);
};
export const SHL = instruction("SHL", { forms: forms(4), undefinedFlags: shiftUndefined, lift: shl });
export const SAL = instruction("SAL", { forms: forms(6), undefinedFlags: shiftUndefined, lift: shl });

export const SHR = instruction("SHR", {
  forms: forms(5),
  undefinedFlags: shiftUndefined,
  lift(b, dst, src) {
    const width = dst.width as Width;
    const x = b.read(dst);
    const count = maskedCount(b, src, width);
    const n = likeWidth(b, count, width);
    const result = b.shrU(x, n);
    b.write(dst, result);
    const cf = bit0(b, b.shrU(x, b.sub(n, 1)));
    shiftFlags(b, count, cf, top(b, x, width), result, width);
  },
});

export const SAR = instruction("SAR", {
  forms: forms(7),
  undefinedFlags: { AF: "when the count is not 0", OF: "when the count is not 1" },
  lift(b, dst, src) {
    const width = dst.width as Width;
    const x = b.signExtend(b.read(dst), width);
    const count = maskedCount(b, src, width);
    const n = likeWidth(b, count, width);
    const result = b.shrS(x, n);
    b.write(dst, result);
    const cf = bit0(b, b.shrS(x, b.sub(n, 1)));
    shiftFlags(b, count, cf, b.i32(0), result, width);
  },
});

/** `x` rotated left; 8 and 16 bits are repeated to fill 32. */
function rotated(b: Builder, x: Node, count: Node, width: Width, left: boolean): Node {
  const n = likeWidth(b, count, width);
  const filled = width === 8 ? b.mul(x, 0x0101_0101) : width === 16 ? b.mul(x, 0x0001_0001) : x;
  return left ? b.rotl(filled, n) : b.rotr(filled, n);
}

export const ROL = instruction("ROL", {
  forms: forms(0),
  undefinedFlags: rotateUndefined,
  lift(b, dst, src) {
    const width = dst.width as Width;
    const count = maskedCount(b, src, width);
    const result = rotated(b, b.read(dst), count, width, true);
    b.write(dst, result);
    const cf = bit0(b, result);
    b.flags.setIf(count, { cf, of: b.xor(cf, top(b, result, width)) });
  },
});

export const ROR = instruction("ROR", {
  forms: forms(1),
  undefinedFlags: rotateUndefined,
  lift(b, dst, src) {
    const width = dst.width as Width;
    const count = maskedCount(b, src, width);
    const result = rotated(b, b.read(dst), count, width, false);
    b.write(dst, result);
    const cf = top(b, result, width);
    b.flags.setIf(count, { cf, of: b.xor(cf, bit0(b, b.shrU(result, width - 2))) });
  },
});

/** Rotates `width + 1` bits, CF on top, left by `count`. */
function rotateThroughCarry(machine: Machine, dst: Operand, src: Operand, left: boolean): void {
  const width = dst.width;
  const size = BigInt(width + 1);
  const masked = machine.read(src) & (width === 64 ? 63n : 31n);
  const flags = machine.context.rflags;
  if (dst.kind === "memory") machine.space.probe(machine.address(dst), width / 8, "write");
  const x = machine.read(dst);
  const count = masked % size;
  const n = left ? count : (size - count) % size;
  const whole = (BigInt(flags & 1) << BigInt(width)) | x;
  const turned = BigInt.asUintN(width + 1, (whole << n) | (whole >> (size - n)));
  const result = BigInt.asUintN(width, turned);
  machine.write(dst, result);
  if (masked === 0n) return;
  const cf = Number(turned >> BigInt(width));
  const sign = Number(result >> BigInt(width - 1));
  const below = Number((result >> BigInt(width - 2)) & 1n);
  const of = left ? sign ^ cf : sign ^ below;
  machine.context.rflags = (flags & ~0x801) | cf | (of << 11);
}
export const RCL = instruction("RCL", {
  forms: forms(2),
  undefinedFlags: rotateUndefined,
  execute: (machine, dst, src) => rotateThroughCarry(machine, dst, src, true),
});
export const RCR = instruction("RCR", {
  forms: forms(3),
  undefinedFlags: rotateUndefined,
  execute: (machine, dst, src) => rotateThroughCarry(machine, dst, src, false),
});

const doubleUndefined = { ...shiftUndefined, ZF: "16 bits by more than 16", SF: "16 bits by more than 16", PF: "16 bits by more than 16" }; // prettier-ignore

export const SHLD = instruction("SHLD", {
  forms: ["0F A4 /r ib rm,r,imm8", "0F A5 /r rm,r,CL"],
  undefinedFlags: doubleUndefined,
  lift(b, dst, src, countOperand) {
    const width = dst.width as Width;
    const x = b.read(dst);
    const y = b.read(src);
    const count = maskedCount(b, countOperand, width);
    const n = likeWidth(b, count, width);
    let result: Node;
    let cf: Node;
    if (width === 16) {
      const both = b.or(b.shl(x, 16), y);
      // By more than 16 the operands follow each other again, as Intel's processors do it.
      result = b.select(
        b.gtU(n, 16),
        b.shrU(b.shl(b.or(b.shl(y, 16), x), b.sub(n, 16)), 16),
        b.shrU(b.shl(both, n), 16),
      );
      cf = bit0(b, b.shrU(both, b.neg(n)));
    } else {
      result = b.select(count, b.or(b.shl(x, n), b.shrU(y, b.neg(n))), x);
      cf = bit0(b, b.shrU(x, b.neg(n)));
    }
    b.write(dst, result);
    shiftFlags(b, count, cf, b.xor(top(b, result, width), top(b, x, width)), result, width);
  },
});

export const SHRD = instruction("SHRD", {
  forms: ["0F AC /r ib rm,r,imm8", "0F AD /r rm,r,CL"],
  undefinedFlags: doubleUndefined,
  lift(b, dst, src, countOperand) {
    const width = dst.width as Width;
    const x = b.read(dst);
    const y = b.read(src);
    const count = maskedCount(b, countOperand, width);
    const n = likeWidth(b, count, width);
    let result: Node;
    let cf: Node;
    if (width === 16) {
      const both = b.or(b.shl(y, 16), x);
      result = b.select(b.gtU(n, 16), b.shrU(b.or(b.shl(x, 16), y), b.sub(n, 16)), b.shrU(both, n));
      cf = bit0(b, b.shrU(both, b.sub(n, 1)));
    } else {
      result = b.select(count, b.or(b.shrU(x, n), b.shl(y, b.neg(n))), x);
      cf = bit0(b, b.shrU(x, b.sub(n, 1)));
    }
    b.write(dst, result);
    shiftFlags(b, count, cf, b.xor(top(b, result, width), top(b, x, width)), result, width);
  },
});

/** BMI2: no flags, a count in a register. */
function flagless(
  mnemonic: string,
  prefix: string,
  operation: (b: Builder, x: Node, n: Node) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`VEX.LZ.${prefix}.0F38.W0 F7 /r r32,rm32,rv32`, `VEX.LZ.${prefix}.0F38.W1 F7 /r r64,rm64,rv64`],
    feature: "BMI2",
    lift: (b, dst, src, count) => b.write(dst, operation(b, b.read(src), b.read(count))),
  });
}
export const SARX = flagless("SARX", "F3", (b, x, n) => b.shrS(x, n));
export const SHLX = flagless("SHLX", "66", (b, x, n) => b.shl(x, n));
export const SHRX = flagless("SHRX", "F2", (b, x, n) => b.shrU(x, n));

export const RORX = instruction("RORX", {
  forms: ["VEX.LZ.F2.0F3A.W0 F0 /r ib r32,rm32,imm8", "VEX.LZ.F2.0F3A.W1 F0 /r ib r64,rm64,imm8"],
  feature: "BMI2",
  lift(b, dst, src, count) {
    b.write(dst, b.rotr(b.read(src), likeWidth(b, b.read(count, "i32"), dst.width as Width)));
  },
});
