/** MUL, IMUL, DIV, IDIV and the sign extensions of the accumulator that go before them. */
import type { Builder, Width } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

const RAX = 0;
const RDX = 2;

/** Upper 64 bits of the product of two unsigned 64-bit values, from four products of halves. */
export function multiplyHighUnsigned(b: Builder, x: Node, y: Node): Node {
  const low = (v: Node): Node => b.and(v, 0xffff_ffffn);
  const high = (v: Node): Node => b.shrU(v, 32);
  const first = b.add(b.mul(high(x), low(y)), high(b.mul(low(x), low(y))));
  const second = b.add(b.mul(low(x), high(y)), low(first));
  return b.add(b.add(b.mul(high(x), high(y)), high(first)), high(second));
}
function multiplyHighSigned(b: Builder, x: Node, y: Node): Node {
  const correction = b.add(b.and(b.shrS(x, 63), y), b.and(b.shrS(y, 63), x));
  return b.sub(multiplyHighUnsigned(b, x, y), correction);
}

/** CF = OF = the upper half says something; the others, undefined, follow the lower half. */
function productFlags(b: Builder, overflow: Node, low: Node, width: Width): void {
  b.flags.set({ cf: overflow, of: overflow, af: b.i32(0), ...b.flags.result(low, width) });
}
const undefinedFlags = { SF: "always", ZF: "always", AF: "always", PF: "always" } as const;

/** rDX:rAX (AX for bytes) = rAX × src. */
function wideProduct(b: Builder, src: Operand, signed: boolean): void {
  const width = src.width as Width;
  const x = b.gpr(RAX, width);
  const y = b.read(src);
  if (width === 64) {
    const low = b.mul(x, y);
    const high = signed ? multiplyHighSigned(b, x, y) : multiplyHighUnsigned(b, x, y);
    b.writeGpr(RAX, 64, low);
    b.writeGpr(RDX, 64, high);
    productFlags(b, b.ne(high, signed ? b.shrS(low, 63) : b.i64(0n)), low, 64);
    return;
  }
  if (width === 32) {
    const extend = signed ? b.extendS : b.extendU;
    const product = b.mul(extend(x), extend(y));
    b.writeGpr(RAX, 64, b.and(product, 0xffff_ffffn));
    b.writeGpr(RDX, 64, b.shrU(product, 32));
    const overflow = signed ? b.ne(product, b.signExtend(product, 32)) : b.ne(b.shrU(product, 32), 0);
    productFlags(b, overflow, b.wrap(product), 32);
    return;
  }
  const product = signed ? b.mul(b.signExtend(x, width), b.signExtend(y, width)) : b.mul(x, y);
  const overflow = signed ? b.ne(product, b.signExtend(product, width)) : b.ne(b.shrU(product, width), 0);
  if (width === 8) b.writeGpr(RAX, 16, product);
  else {
    b.writeGpr(RAX, 16, product);
    b.writeGpr(RDX, 16, b.shrU(product, 16));
  }
  productFlags(b, overflow, product, width);
}

/** dst = x × y, signed, truncated. */
function truncatedProduct(b: Builder, dst: Operand, first: Operand, second: Operand): void {
  const width = dst.width as Width;
  const x = b.read(first);
  const y = b.read(second);
  const low = b.mul(x, y);
  let overflow: Node;
  if (width === 64) overflow = b.ne(multiplyHighSigned(b, x, y), b.shrS(low, 63));
  else if (width === 32) {
    const product = b.mul(b.extendS(x), b.extendS(y));
    overflow = b.ne(product, b.signExtend(product, 32));
  } else {
    const product = b.mul(b.signExtend(x, width), b.signExtend(y, width));
    overflow = b.ne(product, b.signExtend(product, width));
  }
  b.write(dst, low);
  productFlags(b, overflow, low, width);
}

export const MUL = instruction("MUL", {
  forms: ["F6 /4 rm8", "F7 /4 rm"],
  undefinedFlags,
  lift: (b, src) => wideProduct(b, src, false),
});

export const IMUL = instruction("IMUL", {
  forms: ["F6 /5 rm8", "F7 /5 rm"],
  undefinedFlags,
  lift: (b, src) => wideProduct(b, src, true),
});

export const IMUL2 = instruction("IMUL", {
  forms: ["0F AF /r r,rm"],
  undefinedFlags,
  lift: (b, dst, src) => truncatedProduct(b, dst, dst, src),
});

export const IMUL3 = instruction("IMUL", {
  forms: ["6B /r ib r,rm,simm8", "69 /r iz r,rm,simm"],
  undefinedFlags,
  lift: truncatedProduct,
});

const allUndefined = { CF: "always", OF: "always", ...undefinedFlags } as const;

/**
 * Unsigned division of 128 bits by 64 whose quotient fits in 64 (`high` < `divisor`): two digits of 32 bits, each estimated by the divisor's upper half and
 * then at most two too large. Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D.
 */
function divideLong(b: Builder, high: Node, low: Node, divisor: Node): { quotient: Node; remainder: Node } {
  const shift = b.clz(divisor);
  const normalized = b.shl(divisor, shift);
  const upper = b.shrU(normalized, 32);
  const lower = b.and(normalized, 0xffff_ffffn);
  // A shift by 64 - shift in two steps: it is 64 when shift is 0.
  const top = b.or(b.shl(high, shift), b.shrU(b.shrU(low, 1), b.sub(b.i64(63n), shift)));
  const bottom = b.shl(low, shift);

  const digit = (dividend: Node, next: Node): { quotient: Node; remainder: Node } => {
    let quotient = b.divU(dividend, upper);
    let rest = b.sub(dividend, b.mul(quotient, upper));
    for (let step = 0; step < 2; step++) {
      const wide = b.ne(b.shrU(quotient, 32), 0);
      const tooLarge = b.gtU(b.mul(quotient, lower), b.or(b.shl(rest, 32), next));
      const wrong = b.extendU(b.and(b.or(wide, tooLarge), b.eqz(b.shrU(rest, 32))));
      quotient = b.sub(quotient, wrong);
      rest = b.add(rest, b.and(b.neg(wrong), upper));
    }
    const remainder = b.sub(b.or(b.shl(dividend, 32), next), b.mul(quotient, normalized));
    return { quotient, remainder };
  };
  const first = digit(top, b.shrU(bottom, 32));
  const second = digit(first.remainder, b.and(bottom, 0xffff_ffffn));
  return {
    quotient: b.add(b.shl(first.quotient, 32), second.quotient),
    remainder: b.shrU(second.remainder, shift),
  };
}

/** Signed division of rDX:rAX by 64 bits, where the lift's 64-bit division does not do. */
function divideWide(machine: Machine, src: Operand): void {
  const { context } = machine;
  const divisor = BigInt.asIntN(64, machine.read(src));
  if (divisor === 0n) machine.raise("DE");
  const dividend = BigInt.asIntN(128, (context.get(RDX) << 64n) | context.get(RAX));
  const quotient = dividend / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) machine.raise("DE");
  context.set(RAX, BigInt.asUintN(64, quotient));
  context.set(RDX, BigInt.asUintN(64, dividend % divisor));
}

/** AX, DX:AX or EDX:EAX as a number of twice `width` bits: i32 for bytes, else i64. */
function dividendOf(b: Builder, width: Width, signed: boolean): Node {
  if (width === 8) return signed ? b.signExtend(b.gpr(RAX, 16), 16) : b.gpr(RAX, 16);
  const low = b.extendU(b.gpr(RAX, width));
  const dividend = b.or(b.shl(b.extendU(b.gpr(RDX, width)), width), low);
  return signed ? b.signExtend(dividend, width === 16 ? 32 : 64) : dividend;
}
function writeQuotient(b: Builder, width: Width, quotient: Node, remainder: Node): void {
  if (width === 8) {
    b.writeGpr(RAX, 8, quotient);
    b.writeGpr(RAX, 8, remainder, true);
  } else {
    const fit = (value: Node): Node => (width === 64 ? value : b.wrap(value));
    b.writeGpr(RAX, width, fit(quotient));
    b.writeGpr(RDX, width, fit(remainder));
  }
}

export const DIV = instruction("DIV", {
  forms: ["F6 /6 rm8", "F7 /6 rm"],
  undefinedFlags: allUndefined,
  lift(b, src) {
    const width = src.width as Width;
    const operand = b.read(src);
    if (width === 64) {
      const high = b.gpr(RDX, 64);
      // A divisor of 0 is among them.
      b.guard(b.geU(high, operand), "DE");
      const { quotient, remainder } = divideLong(b, high, b.gpr(RAX, 64), operand);
      writeQuotient(b, width, quotient, remainder);
      return;
    }
    b.guard(b.eqz(operand), "DE");
    const dividend = dividendOf(b, width, false);
    const divisor = width === 8 ? operand : b.extendU(operand);
    const quotient = b.divU(dividend, divisor);
    b.guard(b.ne(b.truncate(quotient, width), quotient), "DE");
    writeQuotient(b, width, quotient, b.remU(dividend, divisor));
  },
});

export const IDIV = instruction("IDIV", {
  forms: ["F6 /7 rm8", "F7 /7 rm"],
  undefinedFlags: allUndefined,
  lift(b, src) {
    const width = src.width as Width;
    const operand = b.read(src);
    b.guard(b.eqz(operand), "DE");
    const divisor = width === 8 ? b.signExtend(operand, 8) : width === 64 ? operand : b.extendS(b.signExtend(operand, width)); // prettier-ignore
    const minusOne = b.eq(divisor, -1);
    if (width === 64) {
      const x = b.gpr(RAX, 64);
      b.fallback(b.ne(b.gpr(RDX, 64), b.shrS(x, 63)));
      b.guard(b.and(minusOne, b.eq(x, -0x8000_0000_0000_0000n)), "DE");
      writeQuotient(b, width, b.divS(x, divisor), b.remS(x, divisor));
      return;
    }
    const dividend = dividendOf(b, width, true);
    // The one quotient of 64 bits that WebAssembly traps on.
    if (width === 32) b.guard(b.and(minusOne, b.eq(dividend, -0x8000_0000_0000_0000n)), "DE");
    const quotient = b.divS(dividend, divisor);
    b.guard(b.ne(b.signExtend(quotient, width), quotient), "DE");
    writeQuotient(b, width, quotient, b.remS(dividend, divisor));
  },
  execute: divideWide,
});

export const CBW = instruction("CBW", {
  forms: ["o16 98"],
  lift: (b) => b.writeGpr(RAX, 16, b.signExtend(b.gpr(RAX, 8), 8)),
});
export const CWDE = instruction("CWDE", {
  forms: ["o32 98"],
  lift: (b) => b.writeGpr(RAX, 32, b.signExtend(b.gpr(RAX, 16), 16)),
});
export const CDQE = instruction("CDQE", {
  forms: ["o64 98"],
  lift: (b) => b.writeGpr(RAX, 64, b.extendS(b.gpr(RAX, 32))),
});
export const CWD = instruction("CWD", {
  forms: ["o16 99"],
  lift: (b) => b.writeGpr(RDX, 16, b.shrS(b.signExtend(b.gpr(RAX, 16), 16), 15)),
});
export const CDQ = instruction("CDQ", {
  forms: ["o32 99"],
  lift: (b) => b.writeGpr(RDX, 32, b.shrS(b.gpr(RAX, 32), 31)),
});
export const CQO = instruction("CQO", {
  forms: ["o64 99"],
  lift: (b) => b.writeGpr(RDX, 64, b.shrS(b.gpr(RAX, 64), 63)),
});

/** MULX: an unsigned product without flags; the high half wins when both destinations are one register. */
export const MULX = instruction("MULX", {
  forms: ["VEX.LZ.F2.0F38.W0 F6 /r r32,rv32,rm32", "VEX.LZ.F2.0F38.W1 F6 /r r64,rv64,rm64"],
  feature: "BMI2",
  lift(b, high, low, src) {
    const width = src.width as Width;
    const x = b.gpr(RDX, width);
    const y = b.read(src);
    if (width === 64) {
      b.write(low, b.mul(x, y));
      b.write(high, multiplyHighUnsigned(b, x, y));
    } else {
      const product = b.mul(b.extendU(x), b.extendU(y));
      b.write(low, b.wrap(product));
      b.write(high, b.wrap(b.shrU(product, 32)));
    }
  },
});
