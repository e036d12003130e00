/** SSE and SSE2: moves between vector registers, memory and general registers. */
import type { Builder } from "../ir/builder.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Operand } from "./operand.ts";

const copy = (b: Builder, dst: Operand, src: Operand): void => b.write(dst, b.read(src, "v128"));

function whole(mnemonic: string, aligned: boolean, ...forms: string[]): InstructionSpecification {
  return instruction(mnemonic, {
    forms,
    lift(b, dst, src) {
      if (aligned) for (const operand of [dst, src]) b.aligned16(operand);
      copy(b, dst, src);
    },
  });
}
export const MOVUPS = whole("MOVUPS", false, "NP 0F 10 /r xmm,xmm/m128", "NP 0F 11 /r xmm/m128,xmm");
export const MOVUPD = whole("MOVUPD", false, "66 0F 10 /r xmm,xmm/m128", "66 0F 11 /r xmm/m128,xmm");
export const MOVAPS = whole("MOVAPS", true, "NP 0F 28 /r xmm,xmm/m128", "NP 0F 29 /r xmm/m128,xmm");
export const MOVAPD = whole("MOVAPD", true, "66 0F 28 /r xmm,xmm/m128", "66 0F 29 /r xmm/m128,xmm");
export const MOVDQA = whole("MOVDQA", true, "66 0F 6F /r xmm,xmm/m128", "66 0F 7F /r xmm/m128,xmm");
export const MOVDQU = whole("MOVDQU", false, "F3 0F 6F /r xmm,xmm/m128", "F3 0F 7F /r xmm/m128,xmm");
export const MOVNTPS = whole("MOVNTPS", true, "NP 0F 2B /r m128,xmm");
export const MOVNTPD = whole("MOVNTPD", true, "66 0F 2B /r m128,xmm");
export const MOVNTDQ = whole("MOVNTDQ", true, "66 0F E7 /r m128,xmm");

/** A scalar from memory clears the rest of the register, from a register it does not. */
function scalar(mnemonic: string, prefix: string, bits: 32 | 64): InstructionSpecification {
  const type = bits === 32 ? "i32" : "i64";
  return instruction(mnemonic, {
    forms: [
      `${prefix} 0F 10 /r xmm,xmm.rm`,
      `${prefix} 0F 10 /r xmm,m${bits}`,
      `${prefix} 0F 11 /r xmm.rm,xmm`,
      `${prefix} 0F 11 /r m${bits},xmm`,
    ],
    lift(b, dst, src) {
      if (src.kind === "memory") b.writeZeroing(dst, b.read(src, type));
      else b.write(dst, b.read(src, type));
    },
  });
}
export const MOVSS = scalar("MOVSS", "F3", 32);
export const MOVSD = scalar("MOVSD", "F2", 64);

export const MOVD = instruction("MOVD", {
  forms: ["66 W0 0F 6E /r xmm,rm32", "66 W0 0F 7E /r rm32,xmm"],
  lift(b, dst, src) {
    if (dst.kind === "register" && dst.file === "xmm") b.writeZeroing(dst, b.read(src, "i32"));
    else b.write(dst, b.read(src, "i32"));
  },
});
export const MOVQ = instruction("MOVQ", {
  forms: [
    "66 REX.W 0F 6E /r xmm,rm64",
    "66 REX.W 0F 7E /r rm64,xmm",
    "F3 0F 7E /r xmm,xmm/m64",
    "66 0F D6 /r xmm/m64,xmm",
  ],
  lift(b, dst, src) {
    if (dst.kind === "register" && dst.file === "xmm") b.writeZeroing(dst, b.read(src, "i64"));
    else b.write(dst, b.read(src, "i64"));
  },
});

const half = (b: Builder, operand: Operand, lane: 0 | 1) => b.lane("i64x2.extract_lane", lane, b.read(operand, "v128"));
const replaceHigh = (b: Builder, dst: Operand, value: ReturnType<typeof half>): void =>
  b.write(dst, b.lane("i64x2.replace_lane", 1, b.read(dst, "v128"), value));

export const MOVHLPS = instruction("MOVHLPS", {
  forms: ["NP 0F 12 /r xmm,xmm.rm"],
  lift: (b, dst, src) => b.write(dst, half(b, src, 1)),
});
export const MOVLHPS = instruction("MOVLHPS", {
  forms: ["NP 0F 16 /r xmm,xmm.rm"],
  lift: (b, dst, src) => replaceHigh(b, dst, half(b, src, 0)),
});
function lowHalf(mnemonic: string, prefix: string): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} 0F 12 /r xmm,m64`, `${prefix} 0F 13 /r m64,xmm`],
    lift: (b, dst, src) => b.write(dst, b.read(src, "i64")),
  });
}
export const MOVLPS = lowHalf("MOVLPS", "NP");
export const MOVLPD = lowHalf("MOVLPD", "66");
function highHalf(mnemonic: string, prefix: string): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} 0F 16 /r xmm,m64`, `${prefix} 0F 17 /r m64,xmm`],
    lift(b, dst, src) {
      if (dst.kind === "memory") b.write(dst, half(b, src, 1));
      else replaceHigh(b, dst, b.read(src, "i64"));
    },
  });
}
export const MOVHPS = highHalf("MOVHPS", "NP");
export const MOVHPD = highHalf("MOVHPD", "66");

function signMask(mnemonic: string, prefix: string, opcode: string, operation: string): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} 0F ${opcode} /r r32,xmm.rm`],
    lift: (b, dst, src) => b.write(dst, b.op(operation, b.read(src))),
  });
}
export const MOVMSKPS = signMask("MOVMSKPS", "NP", "50", "i32x4.bitmask");
export const MOVMSKPD = signMask("MOVMSKPD", "66", "50", "i64x2.bitmask");
export const PMOVMSKB = signMask("PMOVMSKB", "66", "D7", "i8x16.bitmask");
