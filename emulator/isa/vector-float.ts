/**
 * SSE and SSE2: floating point. Results are those of round to nearest with all exceptions masked and denormals kept, NaNs as the processor
 * chooses them (first operand, quieted; else second; else the negative default). The sticky flags of MXCSR are not set yet, and its other rounding and
 * denormal modes have no effect yet.
 */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Operand } from "./operand.ts";
import { vector } from "./vector-integer.ts";

type Scalar = "f32" | "f64";
type Lanes = "f32x4" | "f64x2";

const quietBit = { f32: 0x40_0000n, f64: 0x8_0000_0000_0000n } as const;
const defaultNaN = { f32: 0xffc0_0000n, f64: 0xfff8_0000_0000_0000n } as const;
const integer = { f32: "i32", f64: "i64" } as const;

// NaNs: WebAssembly leaves sign and payload open.

const scalarBits = (b: Builder, type: Scalar, x: Node): Node => b.op(`${integer[type]}.reinterpret_${type}`, x);
function scalarConstant(b: Builder, type: Scalar, bits: bigint): Node {
  return type === "f32" ? b.i32(Number(BigInt.asIntN(32, bits))) : b.i64(bits);
}
/** `result` as bits (i32 or i64), or the NaN that the processor answers with for these operands. */
function patchScalar(b: Builder, type: Scalar, result: Node, operands: readonly Node[]): Node {
  const quiet = scalarConstant(b, type, quietBit[type]);
  let nan = scalarConstant(b, type, defaultNaN[type]);
  for (const operand of operands.toReversed())
    nan = b.select(b.op(`${type}.ne`, operand, operand), b.or(scalarBits(b, type, operand), quiet), nan);
  return b.select(b.op(`${type}.eq`, result, result), scalarBits(b, type, result), nan);
}
function splat(b: Builder, lanes: Lanes, bits: bigint): Node {
  return lanes === "f32x4"
    ? b.op("i32x4.splat", b.i32(Number(BigInt.asIntN(32, bits))))
    : b.op("i64x2.splat", b.i64(bits));
}
function patchPacked(b: Builder, lanes: Lanes, result: Node, operands: readonly Node[]): Node {
  const type = lanes === "f32x4" ? "f32" : "f64";
  const quiet = splat(b, lanes, quietBit[type]);
  let nan = splat(b, lanes, defaultNaN[type]);
  for (const operand of operands.toReversed())
    nan = b.op("v128.bitselect", b.op("v128.or", operand, quiet), nan, b.op(`${lanes}.ne`, operand, operand));
  return b.op("v128.bitselect", result, nan, b.op(`${lanes}.eq`, result, result));
}

/** The four precisions of an operation: PS, PD, SS, SD. */
function allPrecisions(
  name: string,
  opcode: string,
  packed: (b: Builder, lanes: Lanes, x: Node, y: Node) => Node,
  scalar: (b: Builder, type: Scalar, x: Node, y: Node) => Node,
): InstructionSpecification[] {
  const forPacked = (suffix: string, prefix: string, lanes: Lanes): InstructionSpecification =>
    instruction(name + suffix, {
      forms: [`${prefix} 0F ${opcode} /r xmm,xmm/m128`],
      lift(b, dst, src) {
        const y = vector(b, src);
        b.write(dst, packed(b, lanes, b.read(dst), y));
      },
    });
  const forScalar = (suffix: string, prefix: string, type: Scalar): InstructionSpecification =>
    instruction(name + suffix, {
      forms: [`${prefix} 0F ${opcode} /r xmm,xmm/m${type === "f32" ? 32 : 64}`],
      lift(b, dst, src) {
        const y = b.read(src, type);
        b.write(dst, scalar(b, type, b.read(dst, type), y));
      },
    });
  return [
    forPacked("PS", "NP", "f32x4"),
    forPacked("PD", "66", "f64x2"),
    forScalar("SS", "F3", "f32"),
    forScalar("SD", "F2", "f64"),
  ];
}
const arithmetic = (name: string, opcode: string, operation: string): InstructionSpecification[] =>
  allPrecisions(
    name,
    opcode,
    (b, lanes, x, y) => patchPacked(b, lanes, b.op(`${lanes}.${operation}`, x, y), [x, y]),
    (b, type, x, y) => patchScalar(b, type, b.op(`${type}.${operation}`, x, y), [x, y]),
  );

export const floatArithmetic = [
  ...arithmetic("ADD", "58", "add"),
  ...arithmetic("MUL", "59", "mul"),
  ...arithmetic("SUB", "5C", "sub"),
  ...arithmetic("DIV", "5E", "div"),
  ...allPrecisions(
    "SQRT",
    "51",
    (b, lanes, _x, y) => patchPacked(b, lanes, b.op(`${lanes}.sqrt`, y), [y]),
    (b, type, _x, y) => patchScalar(b, type, b.op(`${type}.sqrt`, y), [y]),
  ),
  // The second operand, unless the comparison holds: also for NaNs and zeros of either sign.
  ...allPrecisions(
    "MIN",
    "5D",
    (b, lanes, x, y) => b.op("v128.bitselect", x, y, b.op(`${lanes}.lt`, x, y)),
    (b, type, x, y) => b.select(b.op(`${type}.lt`, x, y), scalarBits(b, type, x), scalarBits(b, type, y)),
  ),
  ...allPrecisions(
    "MAX",
    "5F",
    (b, lanes, x, y) => b.op("v128.bitselect", x, y, b.op(`${lanes}.gt`, x, y)),
    (b, type, x, y) => b.select(b.op(`${type}.gt`, x, y), scalarBits(b, type, x), scalarBits(b, type, y)),
  ),
];

// Comparisons

/** The eight predicates, the upper four the negations of the lower. */
function predicate(b: Builder, prefix: Lanes | Scalar, code: number, x: Node, y: Node): Node {
  const and = prefix === "f32x4" || prefix === "f64x2" ? "v128.or" : "i32.or";
  switch (code & 3) {
    case 0:
      return b.op(`${prefix}.eq`, x, y);
    case 1:
      return b.op(`${prefix}.lt`, x, y);
    case 2:
      return b.op(`${prefix}.le`, x, y);
    default:
      return b.op(and, b.op(`${prefix}.ne`, x, x), b.op(`${prefix}.ne`, y, y));
  }
}
function compare(suffix: string, prefix: string, lanes: Lanes, scalar: Scalar | undefined): InstructionSpecification {
  const memory = scalar ? (scalar === "f32" ? 32 : 64) : 128;
  return instruction(`CMP${suffix}`, {
    forms: [`${prefix} 0F C2 /r ib xmm,xmm/m${memory},imm8`],
    constantImmediate: true,
    lift(b, dst, src, immediate) {
      const code = b.number(immediate) & 7;
      if (scalar) {
        const y = b.read(src, scalar);
        const holds = predicate(b, scalar, code, b.read(dst, scalar), y);
        const mask = b.sub(b.i32(0), code & 4 ? b.eqz(holds) : holds);
        b.write(dst, scalar === "f64" ? b.extendS(mask) : mask);
        return;
      }
      const y = vector(b, src);
      const holds = predicate(b, lanes, code, b.read(dst), y);
      b.write(dst, code & 4 ? b.op("v128.not", holds) : holds);
    },
  });
}
export const floatCompare = [
  compare("PS", "NP", "f32x4", undefined),
  compare("PD", "66", "f64x2", undefined),
  compare("SS", "F3", "f32x4", "f32"),
  compare("SD", "F2", "f64x2", "f64"),
];

function compareToFlags(mnemonic: string, prefix: string, opcode: string, type: Scalar): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} 0F ${opcode} /r xmm,xmm/m${type === "f32" ? 32 : 64}`],
    lift(b, left, right) {
      const y = b.read(right, type);
      const x = b.read(left, type);
      const unordered = b.or(b.op(`${type}.ne`, x, x), b.op(`${type}.ne`, y, y));
      const zero = b.i32(0);
      b.flags.set({
        zf: b.or(unordered, b.op(`${type}.eq`, x, y)),
        // Even parity is PF.
        pf: b.eqz(unordered),
        cf: b.or(unordered, b.op(`${type}.lt`, x, y)),
        of: zero,
        sf: zero,
        af: zero,
      });
    },
  });
}
export const floatCompareToFlags = [
  compareToFlags("UCOMISS", "NP", "2E", "f32"),
  compareToFlags("UCOMISD", "66", "2E", "f64"),
  compareToFlags("COMISS", "NP", "2F", "f32"),
  compareToFlags("COMISD", "66", "2F", "f64"),
];

// Conversions

function fromInteger(mnemonic: string, prefix: string, type: Scalar): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} W0 0F 2A /r xmm,rm32`, `${prefix} REX.W 0F 2A /r xmm,rm64`],
    lift(b, dst, src) {
      b.write(dst, b.op(`${type}.convert_i${src.width}_s`, b.read(src)));
    },
  });
}
/** Out of range, and for NaN, the integer indefinite: the most negative. */
function toInteger(
  mnemonic: string,
  prefix: string,
  opcode: string,
  type: Scalar,
  truncate: boolean,
): InstructionSpecification {
  const bits = type === "f32" ? 32 : 64;
  return instruction(mnemonic, {
    forms: [`${prefix} W0 0F ${opcode} /r r32,xmm/m${bits}`, `${prefix} REX.W 0F ${opcode} /r r64,xmm/m${bits}`],
    lift(b, dst, src) {
      const value = b.read(src, type);
      const x = type === "f32" ? b.op("f64.promote_f32", value) : value;
      const rounded = b.op(truncate ? "f64.trunc" : "f64.nearest", x);
      const wide = dst.width === 64;
      const limit = wide ? 2 ** 63 : 2 ** 31;
      const inRange = b.and(b.op("f64.ge", rounded, b.f64(-limit)), b.op("f64.lt", rounded, b.f64(limit)));
      const whole = b.op(wide ? "i64.trunc_sat_f64_s" : "i32.trunc_sat_f64_s", rounded);
      b.write(dst, b.select(inRange, whole, wide ? b.i64(-(1n << 63n)) : b.i32(-(2 ** 31))));
    },
  });
}
/** Lanes that are no integer of 32 bits become the integer indefinite; below the range saturation gives it already. */
function packedToInteger(b: Builder, x: Node, truncate: boolean): Node {
  const rounded = b.op(truncate ? "f32x4.trunc" : "f32x4.nearest", x);
  const fits = b.op("f32x4.lt", rounded, b.op("f32x4.splat", b.f32(2 ** 31)));
  const indefinite = b.op("i32x4.splat", b.i32(-(2 ** 31)));
  return b.op("v128.bitselect", b.op("i32x4.trunc_sat_f32x4_s", rounded), indefinite, fits);
}
function doublesToInteger(b: Builder, x: Node, truncate: boolean): Node {
  const rounded = b.op(truncate ? "f64x2.trunc" : "f64x2.nearest", x);
  const fits = b.op("f64x2.lt", rounded, b.op("f64x2.splat", b.f64(2 ** 31)));
  const zero = b.v128(new Uint8Array(16));
  const low = [0, 1, 2, 3, 8, 9, 10, 11];
  // The upper half of the result is 0 and must stay so.
  const mask = b.shuffle(b.op("v128.not", fits), zero, [...low, 16, 16, 16, 16, 16, 16, 16, 16]);
  const indefinite = b.op("i32x4.splat", b.i32(-(2 ** 31)));
  return b.op("v128.bitselect", indefinite, b.op("i32x4.trunc_sat_f64x2_s_zero", rounded), mask);
}
function convertPacked(
  mnemonic: string,
  form: string,
  operation: (b: Builder, x: Node) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    lift(b, dst, src) {
      const x = src.width === 64 ? b.read(src, "v128") : vector(b, src);
      b.write(dst, operation(b, x));
    },
  });
}
const convertScalar = (mnemonic: string, prefix: string, from: Scalar, operation: string): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [`${prefix} 0F 5A /r xmm,xmm/m${from === "f32" ? 32 : 64}`],
    lift(b, dst: Operand, src) {
      b.write(dst, b.op(operation, b.read(src, from)));
    },
  });

export const conversions = [
  fromInteger("CVTSI2SS", "F3", "f32"),
  fromInteger("CVTSI2SD", "F2", "f64"),
  toInteger("CVTTSS2SI", "F3", "2C", "f32", true),
  toInteger("CVTTSD2SI", "F2", "2C", "f64", true),
  toInteger("CVTSS2SI", "F3", "2D", "f32", false),
  toInteger("CVTSD2SI", "F2", "2D", "f64", false),
  convertScalar("CVTSS2SD", "F3", "f32", "f64.promote_f32"),
  convertScalar("CVTSD2SS", "F2", "f64", "f32.demote_f64"),
  convertPacked("CVTPS2PD", "NP 0F 5A /r xmm,xmm/m64", (b, x) => b.op("f64x2.promote_low_f32x4", x)),
  convertPacked("CVTPD2PS", "66 0F 5A /r xmm,xmm/m128", (b, x) => b.op("f32x4.demote_f64x2_zero", x)),
  convertPacked("CVTDQ2PS", "NP 0F 5B /r xmm,xmm/m128", (b, x) => b.op("f32x4.convert_i32x4_s", x)),
  convertPacked("CVTPS2DQ", "66 0F 5B /r xmm,xmm/m128", (b, x) => packedToInteger(b, x, false)),
  convertPacked("CVTTPS2DQ", "F3 0F 5B /r xmm,xmm/m128", (b, x) => packedToInteger(b, x, true)),
  convertPacked("CVTDQ2PD", "F3 0F E6 /r xmm,xmm/m64", (b, x) => b.op("f64x2.convert_low_i32x4_s", x)),
  convertPacked("CVTPD2DQ", "F2 0F E6 /r xmm,xmm/m128", (b, x) => doublesToInteger(b, x, false)),
  convertPacked("CVTTPD2DQ", "66 0F E6 /r xmm,xmm/m128", (b, x) => doublesToInteger(b, x, true)),
];
