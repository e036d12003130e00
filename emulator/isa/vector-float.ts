/** SSE and SSE2: floating-point arithmetic and comparisons. See vector-exact.ts for what the lifts leave out. */
import { Flag } from "../context.ts";
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { add, divide, multiply, squareRoot, subtract, type Relation } from "../soft-float/arithmetic.ts";
import type { Environment } from "../soft-float/environment.ts";
import type { Float, Format } from "../soft-float/float.ts";
import type { InstructionSpecification } from "./instruction.ts";
import type { Operand } from "./operand.ts";
import { exactExtreme, exactLanes, exactPredicate, exactRelation, formatOf, predicateOf, type Predicate } from "./vector-exact.ts"; // prettier-ignore
import type { Shape } from "./float-lanes.ts";
import { leaveFor, StickyFlags, type Outcome } from "./sticky-flags.ts";
import { encodings, halves, onDestination, writeHalves, writeScalar, zeroVector, type Meaning } from "./vector-lift.ts";

type Scalar = "f32" | "f64";

export interface Precision {
  readonly suffix: "PS" | "PD" | "SS" | "SD";
  readonly prefix: string;
  readonly shape: Shape;
  readonly lane: Scalar;
  /** Lanes of 128 bits that are computed. */
  readonly count: number;
  /** Of the last operand: `xmm/m128`. */
  readonly source: string;
  readonly vex: "AVX" | "LIG";
}
export const precisions: readonly Precision[] = [
  { suffix: "PS", prefix: "NP", shape: "f32x4", lane: "f32", count: 4, source: "xmm/m128", vex: "AVX" },
  { suffix: "PD", prefix: "66", shape: "f64x2", lane: "f64", count: 2, source: "xmm/m128", vex: "AVX" },
  { suffix: "SS", prefix: "F3", shape: "f32", lane: "f32", count: 1, source: "xmm/m32", vex: "LIG" },
  { suffix: "SD", prefix: "F2", shape: "f64", lane: "f64", count: 1, source: "xmm/m64", vex: "LIG" },
];
const isPacked = ({ count }: Precision): boolean => count > 1;

/** The lanes that the precision uses, of a register or memory: once, or twice for 256 bits. */
export const lanesOf = (b: Builder, precision: Precision, operand: Operand): Node[] =>
  isPacked(precision) ? halves(b, operand) : [b.read(operand, precision.lane)];
/** Writes them; what a scalar leaves out is that of `rest`. */
export function writeLanes(
  b: Builder,
  precision: Precision,
  dst: Operand,
  rest: Operand,
  values: readonly Node[],
): void {
  if (isPacked(precision)) writeHalves(b, dst, values);
  else writeScalar(b, dst, rest, values[0]);
}

interface Operation {
  /** On lanes of a shape, for numbers in the default mode. */
  readonly compute: (b: Builder, shape: Shape, x: Node, y: Node) => Node;
  readonly exact: (env: Environment, format: Format, x: Float, y: Float) => Float | bigint;
  /** What the lift leaves out. */
  readonly outcome: (flags: StickyFlags, x: readonly Node[], y: readonly Node[], results: readonly Node[]) => Outcome;
  /** The first operand gives scalars the other lanes; packed forms do not have it. */
  readonly unary?: boolean;
}

/** PS, PD, SS, SD of an operation: dst = operation(first, second). */
function allPrecisions(
  name: string,
  opcode: string,
  { compute, exact, outcome, unary }: Operation,
): InstructionSpecification[] {
  return precisions.flatMap((precision) => {
    const { suffix, prefix, shape, lane, count, source, vex } = precision;
    const hasOne = unary && isPacked(precision);
    const run: Meaning = {
      lift(b, dst, first, second) {
        const y = lanesOf(b, precision, second);
        const x = unary ? y : lanesOf(b, precision, first);
        const results = y.map((_, half) => compute(b, shape, x[half], y[half]));
        const { checks, inexact } = outcome(new StickyFlags(b, shape), x, y, results);
        leaveFor(b, checks, inexact);
        writeLanes(b, precision, dst, first, results);
      },
      execute: (machine, dst, first, second) =>
        exactLanes(machine, dst, [first, second], { from: lane, to: lane, count, rest: first }, (env, x, y) =>
          exact(env, formatOf(lane), x, y),
        ),
    };
    return encodings(
      name + suffix,
      { legacy: `${prefix} 0F ${opcode} /r`, operands: hasOne ? `xmm,${source}` : `xmm,xmm.v,${source}`, vex },
      hasOne ? onDestination(run) : run,
    );
  });
}

const isVector = (shape: Shape): shape is "f32x4" | "f64x2" => shape === "f32x4" || shape === "f64x2";
/** The second operand, unless the comparison holds: also for NaNs and zeros of either sign. */
function extreme(b: Builder, shape: Shape, relation: "lt" | "gt", x: Node, y: Node): Node {
  const holds = b.op(`${shape}.${relation}`, x, y);
  if (isVector(shape)) return b.op("v128.bitselect", x, y, holds);
  const bits = (value: Node): Node => b.op(`${shape === "f32" ? "i32" : "i64"}.reinterpret_${shape}`, value);
  return b.select(holds, bits(x), bits(y));
}

const byName =
  (operation: string): Operation["compute"] =>
  (b, shape, x, y) =>
    b.op(`${shape}.${operation}`, x, y);
export const floatArithmetic = [
  allPrecisions("ADD", "58", { compute: byName("add"), exact: add, outcome: (flags, x, y, r) => flags.add(x, y, r) }),
  allPrecisions("MUL", "59", {
    compute: byName("mul"),
    exact: multiply,
    outcome: (flags, x, y, r) => flags.multiply(x, y, r),
  }),
  allPrecisions("SUB", "5C", {
    compute: byName("sub"),
    exact: subtract,
    outcome: (flags, x, y, r) => flags.subtract(x, y, r),
  }),
  allPrecisions("DIV", "5E", {
    compute: byName("div"),
    exact: divide,
    outcome: (flags, x, y, r) => flags.divide(x, y, r),
  }),
  allPrecisions("SQRT", "51", {
    compute: (b, shape, _x, y) => b.op(`${shape}.sqrt`, y),
    exact: (env, format, _x, y) => squareRoot(env, format, y),
    outcome: (flags, _x, y, results) => flags.squareRoot(y, results),
    unary: true,
  }),
  allPrecisions("MIN", "5D", {
    compute: (b, shape, x, y) => extreme(b, shape, "lt", x, y),
    exact: (env, _format, x, y) => exactExtreme("less")(env, x, y),
    outcome: (flags, x, y, r) => flags.extreme(x, y, r),
  }),
  allPrecisions("MAX", "5F", {
    compute: (b, shape, x, y) => extreme(b, shape, "gt", x, y),
    exact: (env, _format, x, y) => exactExtreme("greater")(env, x, y),
    outcome: (flags, x, y, r) => flags.extreme(x, y, r),
  }),
].flat();

// Comparisons

/** i32 or lanes of ones where one of the relations holds. */
function related(b: Builder, shape: Shape, relations: readonly Relation[], x: Node, y: Node): Node {
  const packed = isVector(shape);
  const negated = (holds: Node): Node => (packed ? b.op("v128.not", holds) : b.eqz(holds));
  if (relations.includes("unordered")) {
    const others = (["less", "equal", "greater"] as const).filter((relation) => !relations.includes(relation));
    return negated(related(b, shape, others, x, y));
  }
  const both = (left: Node, right: Node): Node => b.op(packed ? "v128.and" : "i32.and", left, right);
  switch (relations.join()) {
    case "":
      return packed ? zeroVector(b) : b.i32(0);
    case "equal":
      return b.op(`${shape}.eq`, x, y);
    case "less":
      return b.op(`${shape}.lt`, x, y);
    case "greater":
      return b.op(`${shape}.gt`, x, y);
    case "less,equal":
      return b.op(`${shape}.le`, x, y);
    case "equal,greater":
      return b.op(`${shape}.ge`, x, y);
    case "less,greater":
      return b.op(packed ? "v128.or" : "i32.or", b.op(`${shape}.lt`, x, y), b.op(`${shape}.gt`, x, y));
    default:
      return both(b.op(`${shape}.eq`, x, x), b.op(`${shape}.eq`, y, y));
  }
}
export const floatCompare = precisions.flatMap((precision) => {
  const { suffix, prefix, shape, lane, count, source, vex } = precision;
  /** Legacy encodings have three bits. */
  const predicate = (immediate: number, legacy: boolean): Predicate => predicateOf(immediate & (legacy ? 7 : 31));
  return encodings(
    `CMP${suffix}`,
    { legacy: `${prefix} 0F C2 /r ib`, operands: `xmm,xmm.v,${source},imm8`, vex },
    {
      constantImmediate: true,
      lift(b, dst, first, second, immediate) {
        const { relations, quiet } = predicate(b.number(immediate), !b.site.vex);
        const y = lanesOf(b, precision, second);
        const x = lanesOf(b, precision, first);
        const results = y.map((_, half) => related(b, shape, relations, x[half], y[half]));
        leaveFor(b, new StickyFlags(b, shape).compare(x, y, quiet).checks);
        if (isPacked(precision)) writeHalves(b, dst, results);
        else {
          const mask = b.sub(b.i32(0), results[0]);
          writeScalar(b, dst, first, lane === "f64" ? b.extendS(mask) : mask);
        }
      },
      execute: (machine, dst, first, second, immediate) =>
        exactLanes(
          machine,
          dst,
          [first, second],
          { from: lane, to: lane === "f32" ? "i32" : "i64", count, rest: first },
          exactPredicate(predicate(Number(machine.read(immediate)), machine.instruction.form.vex === undefined)),
        ),
    },
  );
});

const relationFlags = { less: Flag.CF, equal: Flag.ZF, greater: 0, unordered: Flag.ZF | Flag.PF | Flag.CF };
const allFlags = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

function compareToFlags(mnemonic: string, prefix: string, opcode: string, type: Scalar): InstructionSpecification[] {
  const operands = `xmm,xmm/m${type === "f32" ? 32 : 64}`;
  const isQuiet = mnemonic.startsWith("U");
  return encodings(
    mnemonic,
    { legacy: `${prefix} 0F ${opcode} /r`, operands, vex: "LIG" },
    {
      lift(b, left, right) {
        const y = b.read(right, type);
        const x = b.read(left, type);
        const unordered = b.or(b.op(`${type}.ne`, x, x), b.op(`${type}.ne`, y, y));
        const none = b.i32(0);
        leaveFor(b, new StickyFlags(b, type).compare([x], [y], isQuiet).checks);
        b.flags.set({
          zf: b.or(unordered, b.op(`${type}.eq`, x, y)),
          // Even parity is PF.
          pf: b.eqz(unordered),
          cf: b.or(unordered, b.op(`${type}.lt`, x, y)),
          of: none,
          sf: none,
          af: none,
        });
      },
      execute(machine, left, right) {
        const relation = exactRelation(machine, left, right, type, isQuiet);
        const { context } = machine;
        context.rflags = (context.rflags & ~allFlags) | relationFlags[relation];
      },
    },
  );
}
export const floatCompareToFlags = [
  compareToFlags("UCOMISS", "NP", "2E", "f32"),
  compareToFlags("UCOMISD", "66", "2E", "f64"),
  compareToFlags("COMISS", "NP", "2F", "f32"),
  compareToFlags("COMISD", "66", "2F", "f64"),
];

// Approximations: 12 bits are promised, all 24 are given

/** Denormal operands count as zero and denormal results become zero, whatever MXCSR says. */
function approximation(
  name: string,
  opcode: string,
  compute: (b: Builder, x: Node) => Node,
): InstructionSpecification[] {
  const splat = (b: Builder, bits: number): Node => b.op("i32x4.splat", b.i32(bits));
  const flushed = (b: Builder, x: Node): Node => {
    const isDenormal = b.op("f32x4.lt", b.op("f32x4.abs", x), b.op("f32x4.splat", b.f32(2 ** -126)));
    return b.op("v128.bitselect", b.op("v128.and", x, splat(b, 0x8000_0000 | 0)), x, isDenormal);
  };
  const approximate = (b: Builder, operand: Node): Node => {
    const result = flushed(b, compute(b, flushed(b, operand)));
    const quieted = b.op("v128.or", operand, splat(b, 0x40_0000));
    const ofNumber = b.op("v128.bitselect", result, splat(b, 0xffc0_0000 | 0), b.op("f32x4.eq", result, result));
    return b.op("v128.bitselect", ofNumber, quieted, b.op("f32x4.eq", operand, operand));
  };
  return [
    ...encodings(
      `${name}PS`,
      { legacy: `NP 0F ${opcode} /r`, operands: "xmm,xmm/m128", vex: "AVX" },
      { lift: (b, dst, src) => writeHalves(b, dst, halves(b, src).map((x) => approximate(b, x))) }, // prettier-ignore
    ),
    ...encodings(
      `${name}SS`,
      { legacy: `F3 0F ${opcode} /r`, operands: "xmm,xmm.v,xmm/m32", vex: "LIG" },
      {
        lift(b, dst, rest, src) {
          const result = approximate(b, b.op("i32x4.splat", b.read(src, "i32")));
          writeScalar(b, dst, rest, b.lane("i32x4.extract_lane", 0, result));
        },
      },
    ),
  ];
}
export const RCP = approximation("RCP", "53", (b, x) => b.op("f32x4.div", b.op("f32x4.splat", b.f32(1)), x));
export const RSQRT = approximation("RSQRT", "52", (b, x) =>
  b.op("f32x4.div", b.op("f32x4.splat", b.f32(1)), b.op("f32x4.sqrt", x)),
);
