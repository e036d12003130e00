/** SSE and SSE2: floating-point arithmetic and comparisons. See vector-exact.ts for what the lifts leave out. */
import { Flag } from "../context.ts";
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { add, divide, multiply, squareRoot, subtract } from "../soft-float/arithmetic.ts";
import type { Environment } from "../soft-float/environment.ts";
import type { Float, Format } from "../soft-float/float.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import { exactExtreme, exactLanes, exactPredicate, exactRelation, formatOf, unusualMode } from "./vector-exact.ts";
import { vector } from "./vector-lift.ts";

type Scalar = "f32" | "f64";
type Shape = Scalar | "f32x4" | "f64x2";

interface Precision {
  readonly suffix: "PS" | "PD" | "SS" | "SD";
  readonly prefix: string;
  readonly shape: Shape;
  readonly scalar: Scalar;
  readonly count: number;
  readonly memory: 32 | 64 | 128;
}
const precisions: readonly Precision[] = [
  { suffix: "PS", prefix: "NP", shape: "f32x4", scalar: "f32", count: 4, memory: 128 },
  { suffix: "PD", prefix: "66", shape: "f64x2", scalar: "f64", count: 2, memory: 128 },
  { suffix: "SS", prefix: "F3", shape: "f32", scalar: "f32", count: 1, memory: 32 },
  { suffix: "SD", prefix: "F2", shape: "f64", scalar: "f64", count: 1, memory: 64 },
];

/** i32, not 0 if `x` holds a NaN. */
export function hasNaN(b: Builder, shape: Shape, x: Node): Node {
  const isNaN = b.op(`${shape}.ne`, x, x);
  return x.type === "v128" ? b.op("v128.any_true", isNaN) : isNaN;
}

/** The lanes that the precision uses, of a register or memory. */
const read = (b: Builder, { memory, scalar }: Precision, operand: Parameters<typeof vector>[1]): Node =>
  memory === 128 ? vector(b, operand) : b.read(operand, scalar);

interface Operation {
  /** On lanes of a shape, for numbers in the default mode. */
  readonly compute: (b: Builder, shape: Shape, x: Node, y: Node) => Node;
  readonly exact: (env: Environment, format: Format, x: Float, y: Float) => Float | bigint;
  /** The result's NaNs are the right ones: no need to look. */
  readonly total?: boolean;
}

/** PS, PD, SS, SD of an operation: dst = operation(dst, src). */
function allPrecisions(name: string, opcode: string, { compute, exact, total }: Operation): InstructionSpecification[] {
  return precisions.map((precision) => {
    const { suffix, prefix, shape, scalar, count, memory } = precision;
    return instruction(name + suffix, {
      forms: [`${prefix} 0F ${opcode} /r xmm,xmm/m${memory}`],
      lift(b, dst, src) {
        const y = read(b, precision, src);
        const x = read(b, precision, dst);
        const result = compute(b, shape, x, y);
        b.fallback(total ? unusualMode(b) : b.or(unusualMode(b), hasNaN(b, shape, result)));
        b.write(dst, result);
      },
      execute: (machine, dst, src) =>
        exactLanes(machine, dst, [dst, src], { from: scalar, to: scalar, count }, (env, x, y) =>
          exact(env, formatOf(scalar), x, y),
        ),
    });
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
  allPrecisions("ADD", "58", { compute: byName("add"), exact: add }),
  allPrecisions("MUL", "59", { compute: byName("mul"), exact: multiply }),
  allPrecisions("SUB", "5C", { compute: byName("sub"), exact: subtract }),
  allPrecisions("DIV", "5E", { compute: byName("div"), exact: divide }),
  allPrecisions("SQRT", "51", {
    compute: (b, shape, _x, y) => b.op(`${shape}.sqrt`, y),
    exact: (env, format, _x, y) => squareRoot(env, format, y),
  }),
  allPrecisions("MIN", "5D", {
    compute: (b, shape, x, y) => extreme(b, shape, "lt", x, y),
    exact: (env, _format, x, y) => exactExtreme("less")(env, x, y),
    total: true,
  }),
  allPrecisions("MAX", "5F", {
    compute: (b, shape, x, y) => extreme(b, shape, "gt", x, y),
    exact: (env, _format, x, y) => exactExtreme("greater")(env, x, y),
    total: true,
  }),
].flat();

// Comparisons

/** The lower four predicates; the upper four are their negations. */
function predicate(b: Builder, shape: Shape, code: number, x: Node, y: Node): Node {
  switch (code & 3) {
    case 0:
      return b.op(`${shape}.eq`, x, y);
    case 1:
      return b.op(`${shape}.lt`, x, y);
    case 2:
      return b.op(`${shape}.le`, x, y);
    default:
      return b.op(isVector(shape) ? "v128.or" : "i32.or", b.op(`${shape}.ne`, x, x), b.op(`${shape}.ne`, y, y));
  }
}
export const floatCompare = precisions.map((precision) => {
  const { suffix, prefix, shape, scalar, count, memory } = precision;
  return instruction(`CMP${suffix}`, {
    forms: [`${prefix} 0F C2 /r ib xmm,xmm/m${memory},imm8`],
    constantImmediate: true,
    lift(b, dst, src, immediate) {
      const code = b.number(immediate) & 7;
      const y = read(b, precision, src);
      const holds = predicate(b, shape, code, read(b, precision, dst), y);
      b.fallback(unusualMode(b));
      if (isVector(shape)) {
        b.write(dst, code & 4 ? b.op("v128.not", holds) : holds);
        return;
      }
      const mask = b.sub(b.i32(0), code & 4 ? b.eqz(holds) : holds);
      b.write(dst, shape === "f64" ? b.extendS(mask) : mask);
    },
    execute: (machine, dst, src, immediate) =>
      exactLanes(
        machine,
        dst,
        [dst, src],
        { from: scalar, to: scalar === "f32" ? "i32" : "i64", count },
        exactPredicate(Number(machine.read(immediate))),
      ),
  });
});

const relationFlags = { less: Flag.CF, equal: Flag.ZF, greater: 0, unordered: Flag.ZF | Flag.PF | Flag.CF };
const allFlags = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

function compareToFlags(mnemonic: string, prefix: string, opcode: string, type: Scalar): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} 0F ${opcode} /r xmm,xmm/m${type === "f32" ? 32 : 64}`],
    lift(b, left, right) {
      const y = b.read(right, type);
      const x = b.read(left, type);
      const unordered = b.or(b.op(`${type}.ne`, x, x), b.op(`${type}.ne`, y, y));
      const none = b.i32(0);
      b.fallback(unusualMode(b));
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
      const relation = exactRelation(machine, left, right, type, mnemonic.startsWith("U"));
      const { context } = machine;
      context.rflags = (context.rflags & ~allFlags) | relationFlags[relation];
    },
  });
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
    instruction(`${name}PS`, {
      forms: [`NP 0F ${opcode} /r xmm,xmm/m128`],
      lift: (b, dst, src) => b.write(dst, approximate(b, vector(b, src))),
    }),
    instruction(`${name}SS`, {
      forms: [`F3 0F ${opcode} /r xmm,xmm/m32`],
      lift(b, dst, src) {
        const result = approximate(b, b.op("i32x4.splat", b.read(src, "i32")));
        b.write(dst, b.lane("i32x4.extract_lane", 0, result));
      },
    }),
  ];
}
export const RCP = approximation("RCP", "53", (b, x) => b.op("f32x4.div", b.op("f32x4.splat", b.f32(1)), x));
export const RSQRT = approximation("RSQRT", "52", (b, x) =>
  b.op("f32x4.div", b.op("f32x4.splat", b.f32(1)), b.op("f32x4.sqrt", x)),
);
