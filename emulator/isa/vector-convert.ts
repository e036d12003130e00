/** SSE and SSE2: conversions between integers and floating-point numbers, and between the precisions. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Environment } from "../soft-float/environment.ts";
import type { Float } from "../soft-float/float.ts";
import { convert, round } from "../soft-float/round.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import { exactInteger, exactLanes, formatOf, roundingOf, unusualMode, type Lane, type Lanes } from "./vector-exact.ts";
import { hasNaN } from "./vector-float.ts";
import { vector } from "./vector-lift.ts";

type Scalar = "f32" | "f64";

/** To a floating-point lane; integers come as exact numbers. */
export const toFloat =
  (to: Scalar) =>
  (env: Environment, x: Float): Float =>
    x.kind === "finite" && !x.denormal
      ? round(env, formatOf(to), x.sign, x.significand, x.exponent)
      : convert(env, formatOf(to), x);

function fromInteger(mnemonic: string, prefix: string, type: Scalar): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} W0 0F 2A /r xmm,rm32`, `${prefix} REX.W 0F 2A /r xmm,rm64`],
    lift(b, dst, src) {
      const value = b.read(src);
      // 32 bits are exact in a double.
      if (src.width === 64 || type === "f32") b.fallback(unusualMode(b));
      b.write(dst, b.op(`${type}.convert_i${src.width}_s`, value));
    },
    execute: (machine, dst, src) =>
      exactLanes(machine, dst, [src], { from: src.width === 64 ? "i64" : "i32", to: type, count: 1 }, toFloat(type)),
  });
}

/** Out of range, and for NaN, the integer indefinite: the most negative. */
function toGeneralRegister(
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
      b.fallback(unusualMode(b));
      const x = type === "f32" ? b.op("f64.promote_f32", value) : value;
      const rounded = b.op(truncate ? "f64.trunc" : "f64.nearest", x);
      const wide = dst.width === 64;
      const limit = wide ? 2 ** 63 : 2 ** 31;
      const inRange = b.and(b.op("f64.ge", rounded, b.f64(-limit)), b.op("f64.lt", rounded, b.f64(limit)));
      const whole = b.op(wide ? "i64.trunc_sat_f64_s" : "i32.trunc_sat_f64_s", rounded);
      b.write(dst, b.select(inRange, whole, wide ? b.i64(-(1n << 63n)) : b.i32(-(2 ** 31))));
    },
    execute: (machine, dst, src) =>
      exactLanes(
        machine,
        dst,
        [src],
        { from: type, to: dst.width === 64 ? "i64" : "i32", count: 1 },
        exactInteger(dst.width),
        roundingOf(truncate),
      ),
  });
}

/** Lanes that are no integer of 32 bits become the integer indefinite; below the range saturation gives it already. */
function singlesToIntegers(b: Builder, x: Node, truncate: boolean): Node {
  const rounded = b.op(truncate ? "f32x4.trunc" : "f32x4.nearest", x);
  const fits = b.op("f32x4.lt", rounded, b.op("f32x4.splat", b.f32(2 ** 31)));
  const indefinite = b.op("i32x4.splat", b.i32(-(2 ** 31)));
  return b.op("v128.bitselect", b.op("i32x4.trunc_sat_f32x4_s", rounded), indefinite, fits);
}
function doublesToIntegers(b: Builder, x: Node, truncate: boolean): Node {
  const rounded = b.op(truncate ? "f64x2.trunc" : "f64x2.nearest", x);
  const fits = b.op("f64x2.lt", rounded, b.op("f64x2.splat", b.f64(2 ** 31)));
  const zero = b.v128(new Uint8Array(16));
  // The upper half of the result is 0 and must stay so.
  const mask = b.shuffle(b.op("v128.not", fits), zero, [0, 1, 2, 3, 8, 9, 10, 11, ...new Array<number>(8).fill(16)]);
  const indefinite = b.op("i32x4.splat", b.i32(-(2 ** 31)));
  return b.op("v128.bitselect", indefinite, b.op("i32x4.trunc_sat_f64x2_s_zero", rounded), mask);
}

interface Conversion {
  readonly lanes: Lanes;
  readonly compute: (b: Builder, x: Node) => Node;
  readonly truncate?: boolean;
  /** Exact for every operand: MXCSR does not matter. */
  readonly exact?: boolean;
}
function convertPacked(
  mnemonic: string,
  form: string,
  { lanes, compute, truncate, exact }: Conversion,
): InstructionSpecification {
  const fromFloat = lanes.from === "f32" || lanes.from === "f64";
  const toFloatLanes = lanes.to === "f32" || lanes.to === "f64" ? lanes.to : undefined;
  return instruction(mnemonic, {
    forms: [form],
    lift(b, dst, src) {
      const x = src.width === 64 ? b.read(src, "v128") : vector(b, src);
      const result = compute(b, x);
      if (!exact) {
        const nan = fromFloat && toFloatLanes && hasNaN(b, toFloatLanes === "f32" ? "f32x4" : "f64x2", result);
        b.fallback(nan ? b.or(unusualMode(b), nan) : unusualMode(b));
      }
      b.write(dst, result);
    },
    execute: (machine, dst, src) =>
      exactLanes(
        machine,
        dst,
        [src],
        lanes,
        toFloatLanes ? toFloat(toFloatLanes) : exactInteger(32),
        roundingOf(truncate ?? false),
      ),
  });
}
function convertScalar(mnemonic: string, prefix: string, from: Scalar, to: Scalar): InstructionSpecification {
  const operation = to === "f32" ? "f32.demote_f64" : "f64.promote_f32";
  return instruction(mnemonic, {
    forms: [`${prefix} 0F 5A /r xmm,xmm/m${from === "f32" ? 32 : 64}`],
    lift(b, dst, src) {
      const result = b.op(operation, b.read(src, from));
      b.fallback(b.or(unusualMode(b), hasNaN(b, to, result)));
      b.write(dst, result);
    },
    execute: (machine, dst, src) => exactLanes(machine, dst, [src], { from, to, count: 1 }, toFloat(to)),
  });
}

const lanes = (from: Lane, to: Lane, count: number, clearRest = false): Lanes => ({ from, to, count, clearRest });
export const conversions = [
  fromInteger("CVTSI2SS", "F3", "f32"),
  fromInteger("CVTSI2SD", "F2", "f64"),
  toGeneralRegister("CVTTSS2SI", "F3", "2C", "f32", true),
  toGeneralRegister("CVTTSD2SI", "F2", "2C", "f64", true),
  toGeneralRegister("CVTSS2SI", "F3", "2D", "f32", false),
  toGeneralRegister("CVTSD2SI", "F2", "2D", "f64", false),
  convertScalar("CVTSS2SD", "F3", "f32", "f64"),
  convertScalar("CVTSD2SS", "F2", "f64", "f32"),
  convertPacked("CVTPS2PD", "NP 0F 5A /r xmm,xmm/m64", {
    lanes: lanes("f32", "f64", 2),
    compute: (b, x) => b.op("f64x2.promote_low_f32x4", x),
  }),
  convertPacked("CVTPD2PS", "66 0F 5A /r xmm,xmm/m128", {
    lanes: lanes("f64", "f32", 2, true),
    compute: (b, x) => b.op("f32x4.demote_f64x2_zero", x),
  }),
  convertPacked("CVTDQ2PS", "NP 0F 5B /r xmm,xmm/m128", {
    lanes: lanes("i32", "f32", 4),
    compute: (b, x) => b.op("f32x4.convert_i32x4_s", x),
  }),
  convertPacked("CVTPS2DQ", "66 0F 5B /r xmm,xmm/m128", {
    lanes: lanes("f32", "i32", 4),
    compute: (b, x) => singlesToIntegers(b, x, false),
  }),
  convertPacked("CVTTPS2DQ", "F3 0F 5B /r xmm,xmm/m128", {
    lanes: lanes("f32", "i32", 4),
    compute: (b, x) => singlesToIntegers(b, x, true),
    truncate: true,
  }),
  convertPacked("CVTDQ2PD", "F3 0F E6 /r xmm,xmm/m64", {
    lanes: lanes("i32", "f64", 2),
    compute: (b, x) => b.op("f64x2.convert_low_i32x4_s", x),
    exact: true,
  }),
  convertPacked("CVTPD2DQ", "F2 0F E6 /r xmm,xmm/m128", {
    lanes: lanes("f64", "i32", 2, true),
    compute: (b, x) => doublesToIntegers(b, x, false),
  }),
  convertPacked("CVTTPD2DQ", "66 0F E6 /r xmm,xmm/m128", {
    lanes: lanes("f64", "i32", 2, true),
    compute: (b, x) => doublesToIntegers(b, x, true),
    truncate: true,
  }),
];
