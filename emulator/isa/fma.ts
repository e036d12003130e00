/**
 * FMA: ±(a × b) ± c with one rounding. WebAssembly has no such operation; the lifts make it of doubles.
 *
 * Singles: the product of two is exact in a double; the sum is rounded to odd, which a second rounding to single does not notice.
 * Doubles: the product as a sum of two (Dekker), added by S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums: proved
 * algorithms using rounding to odd", IEEE Transactions on Computers 57 (2008). Where a part could underflow or overflow, the exact path.
 */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { multiplyAdd, type FusedSigns } from "../soft-float/arithmetic.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Operand } from "./operand.ts";
import { productError, sumError } from "./error-free.ts";
import { FloatLanes } from "./float-lanes.ts";
import { leaveFor, promoted, StickyFlags } from "./sticky-flags.ts";
import { exactEach, formatOf } from "./vector-exact.ts";
import { lanesOf, precisions, writeLanes, type Precision } from "./vector-float.ts";
import { doubles, integers64, zeroVector } from "./vector-lift.ts";

function twoSum(lanes: FloatLanes, x: Node, y: Node): { readonly value: Node; readonly error: Node } {
  const value = lanes.op("add", x, y);
  return { value, error: sumError(lanes, x, y, value) };
}

/** x + y rounded to odd: of the two doubles around an inexact sum the one whose last bit is set. */
function oddSum(b: Builder, x: Node, y: Node): { readonly odd: Node; readonly value: Node; readonly error: Node } {
  const { value, error } = twoSum(new FloatLanes(b, "f64x2"), x, y);
  // Ordered: the error of an infinite sum is a NaN.
  const inexact = b.op("f64x2.gt", b.op("f64x2.abs", error), zeroVector(b));
  const one = integers64(b, 1n);
  const odd = b.op("i64x2.sub", b.op("v128.and", value, one), one);
  // One unit away from zero if the error has the sign of the sum, else towards it.
  const step = b.op("v128.or", b.op("i64x2.shr_s", b.op("v128.xor", value, error), b.i32(63)), one);
  return { odd: b.op("i64x2.add", value, b.op("v128.and", step, b.op("v128.and", inexact, odd))), value, error };
}

interface Fused {
  readonly result: Node;
  /** v128, not 0 where the result is not to be trusted. */
  readonly unsafe?: Node;
  /** v128, not 0 where it is not exact, or may not be. */
  readonly inexact: () => Node;
}

/** x × y + z on doubles. */
function fusedDoubles(b: Builder, x: Node, y: Node, z: Node): Fused {
  const lanes = new FloatLanes(b, "f64x2");
  const product = lanes.op("mul", x, y);
  const lower = twoSum(lanes, z, productError(lanes, x, y, product));
  const upper = twoSum(lanes, product, lower.value);
  const { odd, value, error } = oddSum(b, upper.error, lower.error);
  const full = twoSum(lanes, upper.value, odd);
  // A zero product leaves the sign of a zero result to the addition.
  const isZero = b.op("f64x2.eq", product, zeroVector(b));
  const reallyZero = b.op("v128.or", b.op("f64x2.eq", x, zeroVector(b)), b.op("f64x2.eq", y, zeroVector(b)));
  const isBelow = (value: Node, limit: number): Node => b.op("f64x2.lt", b.op("f64x2.abs", value), doubles(b, limit));
  const large = 2 ** 990;
  const bounded = [x, y, z, product].map((value) => isBelow(value, large)).reduce((all, one) => b.op("v128.and", all, one)); // prettier-ignore
  const tiny = b.op("v128.andnot", isBelow(product, 2 ** -900), reallyZero);
  return {
    result: b.op("v128.bitselect", lanes.op("add", product, z), full.value, isZero),
    unsafe: b.op("v128.or", b.op("v128.not", bounded), tiny),
    inexact: () => lanes.or(lanes.isNotZero(error), lanes.isNotZero(sumError(lanes, upper.value, value, full.value))),
  };
}

const negated = (b: Builder, x: Node, lanes: readonly boolean[]): Node =>
  lanes.includes(true) ? b.op("v128.xor", x, integers64(b, ...lanes.map((lane) => (lane ? -(1n << 63n) : 0n)))) : x;

/** The signs of the even and of the odd lanes. */
type LaneSigns = readonly [FusedSigns, FusedSigns];

/** ±x × y ± z of two lanes of doubles. */
function fusedPair(b: Builder, isDouble: boolean, operands: readonly Node[], signs: LaneSigns): Fused {
  const [x, y, z] = operands;
  const first = negated(b, x, signs.map(({ negateProduct }) => negateProduct)); // prettier-ignore
  const addend = negated(b, z, signs.map(({ negateAddend }) => negateAddend)); // prettier-ignore
  if (isDouble) return fusedDoubles(b, first, y, addend);
  const { odd, value, error } = oddSum(b, b.op("f64x2.mul", first, y), addend);
  const lanes = new FloatLanes(b, "f64x2");
  const rounded = b.op("f64x2.promote_low_f32x4", b.op("f32x4.demote_f64x2_zero", value));
  return { result: odd, inexact: () => lanes.or(lanes.isNotZero(error), lanes.op("ne", rounded, value)) };
}

/** Of the lanes of a precision that one half has. */
function fused(b: Builder, { shape }: Precision, operands: readonly Node[], signs: LaneSigns): Fused {
  switch (shape) {
    case "f64x2":
      return fusedPair(b, true, operands, signs);
    case "f64": {
      const pair = fusedPair(b, true, operands.map((x) => b.op("f64x2.splat", x)), signs); // prettier-ignore
      return { ...pair, result: b.lane("f64x2.extract_lane", 0, pair.result) };
    }
    case "f32": {
      const pair = fusedPair(b, false, operands.map((x) => b.op("f64x2.splat", b.op("f64.promote_f32", x))), signs); // prettier-ignore
      return { ...pair, result: b.op("f32.demote_f64", b.lane("f64x2.extract_lane", 0, pair.result)) };
    }
    case "f32x4": {
      const lanes = new FloatLanes(b, shape);
      const promotedOperands = operands.map((x) => promoted(b, lanes, x));
      const pairs = [0, 1].map((half) => fusedPair(b, false, promotedOperands.map((pair) => pair[half]), signs)); // prettier-ignore
      const [low, high] = pairs.map(({ result }) => b.op("f32x4.demote_f64x2_zero", result));
      return {
        result: b.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]),
        inexact: () => b.op("v128.or", pairs[0].inexact(), pairs[1].inexact()),
      };
    }
  }
}

/** Multiplicand, multiplier and addend among the operands: the three digits of the mnemonic say which is which. */
const orders: readonly (readonly [digits: string, opcode: number, order: readonly [number, number, number]])[] = [
  ["132", 0x90, [0, 2, 1]],
  ["213", 0xa0, [1, 0, 2]],
  ["231", 0xb0, [1, 2, 0]],
];

function fusedInstruction(
  name: string,
  opcode: number,
  signs: LaneSigns,
  alternating = false,
): InstructionSpecification[] {
  return orders.flatMap(([digits, base, order]) =>
    precisions
      .filter(({ count }) => !alternating || count > 1)
      .map((precision) => {
        const { suffix, lane, count, source, vex } = precision;
        const code = (base + opcode + (count > 1 ? 0 : 1)).toString(16).toUpperCase();
        const form = (length: string, operands: string): string =>
          `VEX.${length}.66.0F38.W${lane === "f64" ? 1 : 0} ${code} /r ${operands}`;
        return instruction(`V${name}${digits}${suffix}`, {
          forms:
            vex === "LIG"
              ? [form("LIG", `xmm,xmm.v,${source}`)]
              : [form("128", "xmm,xmm.v,xmm/m128"), form("256", "ymm,ymm.v,ymm/m256")],
          feature: "FMA",
          lift(b, ...operands) {
            const halves = order.map((index) => lanesOf(b, precision, operands[index]));
            const all = halves[0].map((_, half) => fused(b, precision, halves.map((parts) => parts[half]), signs)); // prettier-ignore
            const results = all.map(({ result }) => result);
            const anyTrue = (masks: readonly Node[]): Node => b.op("v128.any_true", masks.reduce((x, y) => b.op("v128.or", x, y))); // prettier-ignore
            const unsafe = all.flatMap((one) => one.unsafe ?? []);
            const checks = unsafe.length
              ? [{ flags: 0, suspect: () => anyTrue(unsafe) }]
              : new StickyFlags(b, precision.shape).fusedSingles(halves, results);
            const denormal = new StickyFlags(b, precision.shape).denormal(...halves);
            leaveFor(b, [...denormal, ...checks], () => anyTrue(all.map(({ inexact }) => inexact())));
            writeLanes(b, precision, operands[0], operands[0], results);
          },
          execute(machine, ...operands: Operand[]) {
            const lanes = { from: lane, to: lane, count, rest: operands[0] };
            exactEach(machine, operands[0], operands, lanes, (env, read, i) => {
              const [x, y, z] = order.map((index) => read(index, i));
              return multiplyAdd(env, formatOf(lane), [x, y, z], signs[i & 1]);
            });
          },
        });
      }),
  );
}

const sum: FusedSigns = { negateProduct: false, negateAddend: false };
const difference: FusedSigns = { negateProduct: false, negateAddend: true };
const negativeSum: FusedSigns = { negateProduct: true, negateAddend: false };
const negativeDifference: FusedSigns = { negateProduct: true, negateAddend: true };

export const fusedMultiplyAdd = [
  fusedInstruction("FMADDSUB", 6, [difference, sum], true),
  fusedInstruction("FMSUBADD", 7, [sum, difference], true),
  fusedInstruction("FMADD", 8, [sum, sum]),
  fusedInstruction("FMSUB", 0xa, [difference, difference]),
  fusedInstruction("FNMADD", 0xc, [negativeSum, negativeSum]),
  fusedInstruction("FNMSUB", 0xe, [negativeDifference, negativeDifference]),
].flat();
