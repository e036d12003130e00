/** SSE and SSE2: conversions between integers and floating-point numbers, and between the precisions. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Environment } from "../soft-float/environment.ts";
import type { Float } from "../soft-float/float.ts";
import { convert, round } from "../soft-float/round.ts";
import type { InstructionSpecification } from "./instruction.ts";
import { exactInteger, exactLanes, formatOf, roundingOf, type Lane, type Lanes } from "./vector-exact.ts"; // prettier-ignore
import { integersToSingles, integerToFloat, toDoubles, toIntegers, toSingles } from "./conversion-flags.ts";
import { leaveFor, type Outcome } from "./sticky-flags.ts";
import { encodings, halves, writeHalves, writeScalar, type Meaning } from "./vector-lift.ts";

type Scalar = "f32" | "f64";

/** To a floating-point lane; integers come as exact numbers. */
export const toFloat =
  (to: Scalar) =>
  (env: Environment, x: Float): Float =>
    x.kind === "finite" && !x.denormal
      ? round(env, formatOf(to), x.sign, x.significand, x.exponent)
      : convert(env, formatOf(to), x);

function fromInteger(mnemonic: string, prefix: string, type: Scalar): InstructionSpecification[] {
  const declare = (legacy: string, source: string): InstructionSpecification[] =>
    encodings(
      mnemonic,
      { legacy, operands: `xmm,xmm.v,${source}`, vex: "LIG" },
      {
        lift(b, dst, rest, src) {
          const value = b.read(src);
          const result = b.op(`${type}.convert_i${src.width}_s`, value);
          b.isNumber(result, type === "f32");
          // 32 bits are exact in a double.
          if (src.width === 64 || type === "f32") {
            const { checks, inexact } = integerToFloat(b, type, value, result);
            leaveFor(b, checks, inexact);
          }
          writeScalar(b, dst, rest, result);
        },
        execute: (machine, dst, rest, src) =>
          exactLanes(
            machine,
            dst,
            [src],
            { from: src.width === 64 ? "i64" : "i32", to: type, count: 1, rest },
            toFloat(type),
          ),
      },
    );
  return [...declare(`${prefix} W0 0F 2A /r`, "rm32"), ...declare(`${prefix} REX.W 0F 2A /r`, "rm64")];
}

/** Out of range, and for NaN, the integer indefinite: the most negative. */
function toGeneralRegister(
  mnemonic: string,
  prefix: string,
  opcode: string,
  type: Scalar,
  truncate: boolean,
): InstructionSpecification[] {
  const source = `xmm/m${type === "f32" ? 32 : 64}`;
  const meaning: Meaning = {
    lift(b, dst, src) {
      const value = b.read(src, type);
      const x = type === "f32" ? b.op("f64.promote_f32", value) : value;
      const rounded = b.op(truncate ? "f64.trunc" : "f64.nearest", x);
      const wide = dst.width === 64;
      const { checks, inexact } = toIntegers(b, "f64", [x], [rounded], wide ? 64 : 32);
      leaveFor(b, checks, inexact);
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
  };
  return [
    ...encodings(mnemonic, { legacy: `${prefix} W0 0F ${opcode} /r`, operands: `r32,${source}`, vex: "LIG" }, meaning),
    ...encodings(
      mnemonic,
      { legacy: `${prefix} REX.W 0F ${opcode} /r`, operands: `r64,${source}`, vex: "LIG" },
      meaning,
    ),
  ];
}

const roundedSingles = (b: Builder, x: Node, truncate: boolean): Node => b.op(truncate ? "f32x4.trunc" : "f32x4.nearest", x); // prettier-ignore
const roundedDoubles = (b: Builder, x: Node, truncate: boolean): Node => b.op(truncate ? "f64x2.trunc" : "f64x2.nearest", x); // prettier-ignore
/** Lanes that are no integer of 32 bits become the integer indefinite; below the range saturation gives it already. */
function singlesToIntegers(b: Builder, x: Node, truncate: boolean): Node {
  const rounded = roundedSingles(b, x, truncate);
  const fits = b.op("f32x4.lt", rounded, b.op("f32x4.splat", b.f32(2 ** 31)));
  const indefinite = b.op("i32x4.splat", b.i32(-(2 ** 31)));
  return b.op("v128.bitselect", b.op("i32x4.trunc_sat_f32x4_s", rounded), indefinite, fits);
}
function doublesToIntegers(b: Builder, x: Node, truncate: boolean): Node {
  const rounded = roundedDoubles(b, x, truncate);
  const fits = b.op("f64x2.lt", rounded, b.op("f64x2.splat", b.f64(2 ** 31)));
  const zero = b.v128(new Uint8Array(16));
  // The upper half of the result is 0 and must stay so.
  const mask = b.shuffle(b.op("v128.not", fits), zero, [0, 1, 2, 3, 8, 9, 10, 11, ...new Array<number>(8).fill(16)]);
  const indefinite = b.op("i32x4.splat", b.i32(-(2 ** 31)));
  return b.op("v128.bitselect", indefinite, b.op("i32x4.trunc_sat_f64x2_s_zero", rounded), mask);
}

type Halves = readonly Node[];
interface Conversion {
  readonly lanes: Lanes;
  /** From the 16 bytes of the source, or twice that, to those of the destination. */
  readonly compute: (b: Builder, source: Halves, wide: boolean) => Halves;
  readonly truncate?: boolean;
  /** What `compute` leaves out; absent: nothing, whatever MXCSR says. */
  readonly outcome?: (b: Builder, source: Halves, results: Halves) => Outcome;
}
function convertPacked(
  mnemonic: string,
  legacy: string,
  [operands, wideOperands]: readonly [string, string],
  { lanes, compute, truncate, outcome }: Conversion,
): InstructionSpecification[] {
  const toFloatLanes = lanes.to === "f32" || lanes.to === "f64" ? lanes.to : undefined;
  return encodings(
    mnemonic,
    { legacy: `${legacy} /r`, operands, wideOperands, vex: "AVX" },
    {
      lift(b, dst, src) {
        const source = src.kind === "memory" && src.width === 64 ? [b.read(src, "v128")] : halves(b, src);
        const results = compute(b, source, dst.width === 256 || src.width === 256);
        if (outcome) {
          const { checks, inexact } = outcome(b, source, results);
          leaveFor(b, checks, inexact);
        }
        writeHalves(b, dst, results);
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
    },
  );
}
function convertScalar(mnemonic: string, prefix: string, from: Scalar, to: Scalar): InstructionSpecification[] {
  const operation = to === "f32" ? "f32.demote_f64" : "f64.promote_f32";
  return encodings(
    mnemonic,
    { legacy: `${prefix} 0F 5A /r`, operands: `xmm,xmm.v,xmm/m${from === "f32" ? 32 : 64}`, vex: "LIG" },
    {
      lift(b, dst, rest, src) {
        const x = b.read(src, from);
        const result = b.op(operation, x);
        const { checks, inexact } =
          to === "f64"
            ? toDoubles(b, "f64", [result])
            : toSingles(b, "f64", [x], () => b.op("f64.promote_f32", result));
        leaveFor(b, checks, inexact);
        writeScalar(b, dst, rest, result);
      },
      execute: (machine, dst, rest, src) => exactLanes(machine, dst, [src], { from, to, count: 1, rest }, toFloat(to)),
    },
  );
}

type Compute = Conversion["compute"];
/** As many bytes come out as go in. */
const same =
  (convert: (b: Builder, x: Node) => Node): Compute =>
  (b, source) =>
    source.map((x) => convert(b, x));
const upperHalf = (b: Builder, x: Node): Node =>
  b.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
/** Eight bytes become sixteen. */
const widening =
  (convert: (b: Builder, x: Node) => Node): Compute =>
  (b, [x], wide) =>
    wide ? [convert(b, x), convert(b, upperHalf(b, x))] : [convert(b, x)];
/** Sixteen bytes become eight; `convert` leaves 0 above them. */
const narrowing =
  (convert: (b: Builder, x: Node) => Node): Compute =>
  (b, source) => {
    const [low, high] = source.map((x) => convert(b, x));
    return [high ? b.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]) : low];
  };

const lanes = (from: Lane, to: Lane, count: number): Lanes => ({ from, to, count });
const equal = ["xmm,xmm/m128", "ymm,ymm/m256"] as const;
const wider = ["xmm,xmm/m64", "ymm,xmm/m128"] as const;
const narrower = ["xmm,xmm/m128", "xmm,ymm/m256"] as const;
export const conversions = [
  fromInteger("CVTSI2SS", "F3", "f32"),
  fromInteger("CVTSI2SD", "F2", "f64"),
  toGeneralRegister("CVTTSS2SI", "F3", "2C", "f32", true),
  toGeneralRegister("CVTTSD2SI", "F2", "2C", "f64", true),
  toGeneralRegister("CVTSS2SI", "F3", "2D", "f32", false),
  toGeneralRegister("CVTSD2SI", "F2", "2D", "f64", false),
  convertScalar("CVTSS2SD", "F3", "f32", "f64"),
  convertScalar("CVTSD2SS", "F2", "f64", "f32"),
  convertPacked("CVTPS2PD", "NP 0F 5A", wider, {
    lanes: lanes("f32", "f64", 2),
    compute: widening((b, x) => b.op("f64x2.promote_low_f32x4", x)),
    outcome: (b, _source, results) => toDoubles(b, "f64x2", results),
  }),
  convertPacked("CVTPD2PS", "66 0F 5A", narrower, {
    lanes: lanes("f64", "f32", 2),
    compute: narrowing((b, x) => b.op("f32x4.demote_f64x2_zero", x)),
    outcome: (b, source) =>
      toSingles(b, "f64x2", source, (x) => b.op("f64x2.promote_low_f32x4", b.op("f32x4.demote_f64x2_zero", x))),
  }),
  convertPacked("CVTDQ2PS", "NP 0F 5B", equal, {
    lanes: lanes("i32", "f32", 4),
    compute: same((b, x) => b.op("f32x4.convert_i32x4_s", x)),
    outcome: integersToSingles,
  }),
  convertPacked("CVTPS2DQ", "66 0F 5B", equal, {
    lanes: lanes("f32", "i32", 4),
    compute: same((b, x) => singlesToIntegers(b, x, false)),
    outcome: (b, source) =>
      toIntegers(
        b,
        "f32x4",
        source,
        source.map((x) => roundedSingles(b, x, false)),
        32,
      ),
  }),
  convertPacked("CVTTPS2DQ", "F3 0F 5B", equal, {
    lanes: lanes("f32", "i32", 4),
    compute: same((b, x) => singlesToIntegers(b, x, true)),
    outcome: (b, source) =>
      toIntegers(
        b,
        "f32x4",
        source,
        source.map((x) => roundedSingles(b, x, true)),
        32,
      ),
    truncate: true,
  }),
  convertPacked("CVTDQ2PD", "F3 0F E6", wider, {
    lanes: lanes("i32", "f64", 2),
    compute: widening((b, x) => b.op("f64x2.convert_low_i32x4_s", x)),
  }),
  convertPacked("CVTPD2DQ", "F2 0F E6", narrower, {
    lanes: lanes("f64", "i32", 2),
    compute: narrowing((b, x) => doublesToIntegers(b, x, false)),
    outcome: (b, source) =>
      toIntegers(
        b,
        "f64x2",
        source,
        source.map((x) => roundedDoubles(b, x, false)),
        32,
      ),
  }),
  convertPacked("CVTTPD2DQ", "66 0F E6", narrower, {
    lanes: lanes("f64", "i32", 2),
    compute: narrowing((b, x) => doublesToIntegers(b, x, true)),
    outcome: (b, source) =>
      toIntegers(
        b,
        "f64x2",
        source,
        source.map((x) => roundedDoubles(b, x, true)),
        32,
      ),
    truncate: true,
  }),
].flat();
