/** Moves between vector registers, memory and general registers. */
import type { Builder } from "../ir/builder.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Operand } from "./operand.ts";
import { encodings, writeScalar, type Encodings } from "./vector-lift.ts";

/** Whole registers, in both directions where there are two opcodes. VEX does not relax the alignment of these. */
function whole(
  mnemonic: string,
  aligned: boolean,
  prefix: string,
  load: string | undefined,
  store: string | undefined,
  storeOperands = "xmm/m128,xmm",
): InstructionSpecification[] {
  const declare = (opcode: string | undefined, operands: string): InstructionSpecification[] =>
    opcode === undefined
      ? []
      : encodings(
          mnemonic,
          { legacy: `${prefix} 0F ${opcode} /r`, operands, vex: "AVX" },
          {
            lift(b, dst, src) {
              if (aligned) for (const operand of [dst, src]) b.aligned(operand);
              copy(b, dst, src);
            },
          },
        );
  return [...declare(load, "xmm,xmm/m128"), ...declare(store, storeOperands)];
}
function copy(b: Builder, dst: Operand, src: Operand): void {
  const low = b.read(src, "v128");
  if (src.width === 256) b.write256(dst, low, b.readHigh(src));
  else b.write(dst, low);
}
export const wholeMoves = [
  whole("MOVUPS", false, "NP", "10", "11"),
  whole("MOVUPD", false, "66", "10", "11"),
  whole("MOVAPS", true, "NP", "28", "29"),
  whole("MOVAPD", true, "66", "28", "29"),
  whole("MOVDQA", true, "66", "6F", "7F"),
  whole("MOVDQU", false, "F3", "6F", "7F"),
  whole("MOVNTPS", true, "NP", undefined, "2B", "m128,xmm"),
  whole("MOVNTPD", true, "66", undefined, "2B", "m128,xmm"),
  whole("MOVNTDQ", true, "66", undefined, "E7", "m128,xmm"),
].flat();

export const LDDQU = encodings(
  "LDDQU",
  { legacy: "F2 0F F0 /r", operands: "xmm,m128", vex: "AVX", feature: "SSE3" },
  { lift: copy },
);
export const MOVNTDQA = encodings(
  "MOVNTDQA",
  { legacy: "66 0F 38 2A /r", operands: "xmm,m128", vex: "AVX2", feature: "SSE4.1" },
  {
    lift(b, dst, src) {
      b.aligned(src);
      copy(b, dst, src);
    },
  },
);

/** A scalar from memory clears the rest of the register; from a register the rest is the destination's, or another's. */
function scalar(mnemonic: string, prefix: string, bits: 32 | 64): InstructionSpecification[] {
  const type = bits === 32 ? "i32" : "i64";
  const declare = (opcode: string, operands: string): InstructionSpecification[] =>
    encodings(
      mnemonic,
      { legacy: `${prefix} 0F ${opcode} /r`, operands, vex: "LIG" },
      {
        lift(b, dst, first, second?: Operand) {
          if (second) writeScalar(b, dst, first, b.read(second, type));
          else if (dst.kind === "register") b.writeZeroing(dst, b.read(first, type));
          else b.write(dst, b.read(first, type));
        },
      },
    );
  return [
    ...declare("10", "xmm,xmm.v,xmm.rm"),
    ...declare("10", `xmm,m${bits}`),
    ...declare("11", "xmm.rm,xmm.v,xmm"),
    ...declare("11", `m${bits},xmm`),
  ];
}
export const MOVSS = scalar("MOVSS", "F3", 32);
export const MOVSD = scalar("MOVSD", "F2", 64);

/** Between the low lane of a vector register, the rest of which becomes 0, and anything else. */
function lowLane(mnemonic: string, type: "i32" | "i64", ...forms: readonly (readonly [string, string])[]) {
  return forms.flatMap(([legacy, operands]) =>
    encodings(
      mnemonic,
      { legacy, operands, vex: "128" },
      {
        lift(b, dst, src) {
          if (dst.kind === "register" && dst.file === "xmm") b.writeZeroing(dst, b.read(src, type));
          else b.write(dst, b.read(src, type));
        },
      },
    ),
  );
}
export const MOVD = lowLane("MOVD", "i32", ["66 W0 0F 6E /r", "xmm,rm32"], ["66 W0 0F 7E /r", "rm32,xmm"]);
export const MOVQ = lowLane(
  "MOVQ",
  "i64",
  ["66 REX.W 0F 6E /r", "xmm,rm64"],
  ["66 REX.W 0F 7E /r", "rm64,xmm"],
  ["F3 0F 7E /r", "xmm,xmm/m64"],
  ["66 0F D6 /r", "xmm/m64,xmm"],
);

// Halves of 64 bits

const half = (b: Builder, operand: Operand, lane: 0 | 1) => b.lane("i64x2.extract_lane", lane, b.read(operand, "v128"));
const replaceHigh = (b: Builder, dst: Operand, rest: Operand, value: ReturnType<typeof half>): void =>
  b.write(dst, b.lane("i64x2.replace_lane", 1, b.read(rest, "v128"), value));
const nondestructive = (prefix: string, opcode: string, source: string): Encodings => ({
  legacy: `${prefix} 0F ${opcode} /r`,
  operands: `xmm,xmm.v,${source}`,
  vex: "128",
});

export const MOVHLPS = encodings("MOVHLPS", nondestructive("NP", "12", "xmm.rm"), {
  lift: (b, dst, rest, src) => writeScalar(b, dst, rest, half(b, src, 1)),
});
export const MOVLHPS = encodings("MOVLHPS", nondestructive("NP", "16", "xmm.rm"), {
  lift: (b, dst, rest, src) => replaceHigh(b, dst, rest, half(b, src, 0)),
});
const stored = (prefix: string, opcode: string): Encodings => ({
  legacy: `${prefix} 0F ${opcode} /r`,
  operands: "m64,xmm",
  vex: "128",
});
const lowHalf = (mnemonic: string, prefix: string): InstructionSpecification[] => [
  ...encodings(mnemonic, nondestructive(prefix, "12", "m64"), {
    lift: (b, dst, rest, src) => writeScalar(b, dst, rest, b.read(src, "i64")),
  }),
  ...encodings(mnemonic, stored(prefix, "13"), { lift: (b, dst, src) => b.write(dst, b.read(src, "i64")) }),
];
export const MOVLPS = lowHalf("MOVLPS", "NP");
export const MOVLPD = lowHalf("MOVLPD", "66");
const highHalf = (mnemonic: string, prefix: string): InstructionSpecification[] => [
  ...encodings(mnemonic, nondestructive(prefix, "16", "m64"), {
    lift: (b, dst, rest, src) => replaceHigh(b, dst, rest, b.read(src, "i64")),
  }),
  ...encodings(mnemonic, stored(prefix, "17"), { lift: (b, dst, src) => b.write(dst, half(b, src, 1)) }),
];
export const MOVHPS = highHalf("MOVHPS", "NP");
export const MOVHPD = highHalf("MOVHPD", "66");

// Duplicates

export const MOVDDUP = encodings(
  "MOVDDUP",
  { legacy: "F2 0F 12 /r", operands: "xmm,xmm/m64", wideOperands: "ymm,ymm/m256", vex: "AVX", feature: "SSE3" },
  {
    lift(b, dst, src) {
      if (dst.width !== 256) b.write(dst, b.op("i64x2.splat", b.read(src, "i64")));
      else {
        const low = b.op("i64x2.splat", half(b, src, 0));
        b.write256(dst, low, b.op("i64x2.splat", b.lane("i64x2.extract_lane", 0, b.readHigh(src))));
      }
    },
  },
);

// Signs

/** A bit a lane, to a general register. */
function signMask(
  mnemonic: string,
  prefix: string,
  opcode: string,
  lanes: "i8x16" | "i32x4" | "i64x2",
  vex: "AVX" | "AVX2",
): InstructionSpecification[] {
  const count = Number(lanes.split("x")[1]);
  return encodings(
    mnemonic,
    { legacy: `${prefix} 0F ${opcode} /r`, operands: "r32,xmm.rm", vex },
    {
      lift(b, dst, src) {
        const mask = b.op(`${lanes}.bitmask`, b.read(src));
        const upper = src.width === 256 && b.shl(b.op(`${lanes}.bitmask`, b.readHigh(src)), count);
        b.write(dst, upper ? b.or(mask, upper) : mask);
      },
    },
  );
}
export const MOVMSKPS = signMask("MOVMSKPS", "NP", "50", "i32x4", "AVX");
export const MOVMSKPD = signMask("MOVMSKPD", "66", "50", "i64x2", "AVX");
export const PMOVMSKB = signMask("PMOVMSKB", "66", "D7", "i8x16", "AVX2");

// AVX's own: what clears upper halves

const clearing = (mnemonic: string, length: 128 | 256, parts: readonly ("v128" | "high")[]): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [`VEX.${length}.NP.0F.WIG 77`],
    feature: "AVX",
    lift: (b) => {
      for (const part of parts) for (let register = 0; register < 16; register++) b.clearVector(register, part);
    },
  });
export const VZEROUPPER = clearing("VZEROUPPER", 128, ["high"]);
export const VZEROALL = clearing("VZEROALL", 256, ["v128", "high"]);
