/** MMX: moves, conversions, and what has no counterpart in vector registers. Arithmetic stands with that of the vectors. */
import { layout } from "../context-layout.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import { CpuException, type Machine } from "./machine.ts";
import { enterMmx, enterMmxState, low64, mmx, readMmx, writeMmx } from "./mmx-lift.ts";
import type { Operand } from "./operand.ts";
import { toFloat } from "./vector-convert.ts";
import { exactInteger, exactLanes, roundingOf, vectorView } from "./vector-exact.ts";
import { encodings, zeroVector } from "./vector-lift.ts";
import { waitForPending } from "./x87-control.ts";

const RDI = 7;

export const EMMS = instruction("EMMS", {
  forms: ["NP 0F 77"],
  execute(machine) {
    waitForPending(machine);
    machine.context.view.setUint16(layout.ftw, 0xffff, true);
  },
});

const isMmx = (operand: Operand): boolean => operand.kind === "register" && operand.file === "mmx";
export const MOVD_MMX = mmx("MOVD", ["NP W0 0F 6E /r mm,rm32", "NP W0 0F 7E /r rm32,mm"], {}, (b, dst, src) => {
  const value = isMmx(src) ? readMmx(b, src) : b.read(src, "i64");
  enterMmx(b);
  if (isMmx(dst)) writeMmx(b, dst, value);
  else b.write(dst, b.wrap(value));
});
export const MOVQ_MMX = mmx(
  "MOVQ",
  ["NP REX.W 0F 6E /r mm,rm64", "NP REX.W 0F 7E /r rm64,mm", "NP 0F 6F /r mm,mm/m64", "NP 0F 7F /r mm/m64,mm"],
  {},
  (b, dst, src) => {
    const value = readMmx(b, src);
    enterMmx(b);
    writeMmx(b, dst, value);
  },
);
export const MOVNTQ = mmx("MOVNTQ", ["NP 0F E7 /r m64,mm"], {}, (b, dst, src) => {
  const value = readMmx(b, src);
  enterMmx(b);
  b.write(dst, value);
});
export const MOVQ2DQ = mmx("MOVQ2DQ", ["F3 0F D6 /r xmm,mm.rm"], {}, (b, dst, src) => {
  enterMmx(b);
  b.writeZeroing(dst, readMmx(b, src));
});
export const MOVDQ2Q = mmx("MOVDQ2Q", ["F2 0F D6 /r mm,xmm.rm"], {}, (b, dst, src) => {
  enterMmx(b);
  writeMmx(b, dst, b.read(src, "i64"));
});

export const PMOVMSKB_MMX = mmx("PMOVMSKB", ["NP 0F D7 /r r32,mm.rm"], {}, (b, dst, src) => {
  const x = b.lane("i64x2.replace_lane", 0, zeroVector(b), readMmx(b, src));
  enterMmx(b);
  b.write(dst, b.op("i8x16.bitmask", x));
});
export const PEXTRW_MMX = mmx(
  "PEXTRW",
  ["NP 0F C5 /r ib r32,mm.rm,imm8"],
  { constantImmediate: true },
  (b, dst, src, lane) => {
    const x = b.op("i64x2.splat", readMmx(b, src));
    enterMmx(b);
    b.write(dst, b.lane("i16x8.extract_lane_u", b.number(lane) & 3, x));
  },
);
export const PINSRW_MMX = mmx(
  "PINSRW",
  ["NP 0F C4 /r ib mm,r32/m16,imm8"],
  { constantImmediate: true },
  (b, dst, src, lane) => {
    const value = b.read(src, "i32");
    const x = b.op("i64x2.splat", readMmx(b, dst));
    enterMmx(b);
    writeMmx(b, dst, low64(b, b.lane("i16x8.replace_lane", b.number(lane) & 3, x, value)));
  },
);
export const PSHUFW = mmx(
  "PSHUFW",
  ["NP 0F 70 /r ib mm,mm/m64,imm8"],
  { constantImmediate: true },
  (b, dst, src, selector) => {
    const x = b.op("i64x2.splat", readMmx(b, src));
    enterMmx(b);
    const order = Array.from({ length: 16 }, (_, i) => ((b.number(selector) >> ((i >> 1) * 2)) & 3) * 2 + (i & 1));
    writeMmx(b, dst, low64(b, b.shuffle(x, x, order)));
  },
);
export const PALIGNR_MMX = mmx(
  "PALIGNR",
  ["NP 0F 3A 0F /r ib mm,mm/m64,imm8"],
  { constantImmediate: true, feature: "SSSE3" },
  (b, dst, src, start) => {
    const y = b.op("i64x2.splat", readMmx(b, src));
    const both = b.lane("i64x2.replace_lane", 1, y, readMmx(b, dst));
    enterMmx(b);
    const order = Array.from({ length: 16 }, (_, i) => Math.min(i + (b.number(start) & 0xff), 16));
    writeMmx(b, dst, low64(b, b.shuffle(both, zeroVector(b), order)));
  },
);

/** Stores the bytes whose mask has its sign bit set, at [rDI]. */
function maskedStore(machine: Machine, source: Operand, mask: Operand, bytes: 8 | 16): void {
  const { space, instruction: decoded } = machine;
  const [values, chosen] = [vectorView(machine, source), vectorView(machine, mask)];
  const memory: Operand = {
    kind: "memory", width: bytes * 8, base: RDI, index: -1, scale: 0, displacement: 0, segment: undefined,
    addressWidth: decoded.addressSize, deferred: false,
  }; // prettier-ignore
  const address = machine.address(memory);
  // Also if the store faults.
  if (bytes === 8) enterMmxState(machine);
  // Whether bytes that are not stored may fault is left open; on Zen 5 they do.
  space.probe(address, bytes, "write");
  for (let i = 0; i < bytes; i++) if (chosen.getUint8(i) & 0x80) space.writeUint8(address + i, values.getUint8(i));
}
export const MASKMOVQ = instruction("MASKMOVQ", {
  forms: ["NP 0F F7 /r mm,mm.rm"],
  execute(machine, source, mask) {
    waitForPending(machine);
    maskedStore(machine, source, mask, 8);
  },
});
export const MASKMOVDQU = encodings(
  "MASKMOVDQU",
  { legacy: "66 0F F7 /r", operands: "xmm,xmm.rm", vex: "128" },
  { execute: (machine, source, mask) => maskedStore(machine, source, mask, 16) },
);

// Conversions: rare enough to be executed

/** The registers become MMX's even where `convert` raises #XM. */
function asMmx(machine: Machine, convert: () => void): void {
  try {
    convert();
  } catch (error) {
    if (error instanceof CpuException && error.vector === "XM") enterMmxState(machine);
    throw error;
  }
  enterMmxState(machine);
}
function toMmx(mnemonic: string, form: string, from: "f32" | "f64", truncate: boolean): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine, dst, src) {
      waitForPending(machine);
      if (src.kind === "memory" && src.width === 128 && !machine.isAligned(src, 16)) machine.raise("GP");
      asMmx(machine, () =>
        exactLanes(machine, dst, [src], { from, to: "i32", count: 2 }, exactInteger(32), roundingOf(truncate)),
      );
    },
  });
}
function fromMmx(mnemonic: string, form: string, to: "f32" | "f64"): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine, dst, src) {
      waitForPending(machine);
      const convert = (): void =>
        exactLanes(machine, dst, [src], { from: "i32", to, count: 2, rest: dst }, toFloat(to));
      if (src.kind === "register") asMmx(machine, convert);
      else convert();
    },
  });
}
export const mmxConversions = [
  fromMmx("CVTPI2PS", "NP 0F 2A /r xmm,mm/m64", "f32"),
  fromMmx("CVTPI2PD", "66 0F 2A /r xmm,mm/m64", "f64"),
  toMmx("CVTTPS2PI", "NP 0F 2C /r mm,xmm/m64", "f32", true),
  toMmx("CVTTPD2PI", "66 0F 2C /r mm,xmm/m128", "f64", true),
  toMmx("CVTPS2PI", "NP 0F 2D /r mm,xmm/m64", "f32", false),
  toMmx("CVTPD2PI", "66 0F 2D /r mm,xmm/m128", "f64", false),
];
