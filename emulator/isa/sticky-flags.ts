/**
 * What lifts of floating-point instructions leave to `execute` so that the sticky flags of MXCSR are right. A lift rounds to nearest with everything masked
 * and denormals kept. It does not set flags: where it might have to set one that is not set yet, the instruction is executed. docs/decisions/0006.
 */
import { layout } from "../context-layout.ts";
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { Exceptions } from "../soft-float/environment.ts";
import { differenceError, productError, SMALLEST_SAFE_PRODUCT, sumError } from "./error-free.ts";
import { FloatLanes, type Shape } from "./float-lanes.ts";

const { IE, DE, ZE, OE, UE, PE } = Exceptions;
/** Masks, rounding control, DAZ and FTZ as after reset: all that is not a sticky flag. */
const CONTROL = 0xffc0;
const DEFAULT_CONTROL = 0x1f80;

const mxcsr = (b: Builder): Node => b.state({ offset: layout.mxcsr, bytes: 4 });

/** i32, not 0 where MXCSR asks for anything but the default, or lacks flags that are taken for set. */
export function unusualMode(b: Builder): Node {
  const known = b.site.sticky ?? 0;
  return b.ne(b.and(mxcsr(b), CONTROL | known), DEFAULT_CONTROL | known);
}

/** A reason to leave an instruction to its `execute`. */
export interface Check {
  /** Once these flags are set the reason is none. 0: the lift's result is not the processor's. */
  readonly flags: number;
  /** i32, seldom not 0; what is cheap to know. */
  readonly suspect: () => Node;
  /** i32: whether the reason holds where `suspect` does. Absent: it does. */
  readonly confirm?: (missing: (flags: number) => Node) => Node;
}

/** `inexact`: i32, not 0 where PE is to be raised, or may be. */
export function leaveFor(b: Builder, checks: readonly Check[], inexact?: () => Node): void {
  b.fallback(unusualMode(b));
  const known = b.site.sticky;
  const missing = (flags: number): Node => b.ne(b.and(mxcsr(b), flags), flags);
  for (const { flags, suspect, confirm } of checks) {
    if (known !== undefined && flags && !(flags & ~known)) continue;
    const decisive = confirm?.(missing);
    const stillMissing = flags && (decisive || known === undefined) ? missing(flags) : undefined;
    if (decisive) b.fallback(stillMissing ? b.and(decisive, stillMissing) : decisive, suspect());
    else if (stillMissing) b.fallback(stillMissing, suspect());
    else b.fallback(suspect());
  }
  if (inexact && !((known ?? 0) & PE)) b.fallback(inexact(), b.eqz(b.and(mxcsr(b), PE)));
}

type Halves = readonly Node[];

/** The checks of operations on `shape`. Operands and results come as halves of a register: one node, or two for 256 bits. */
export class StickyFlags {
  readonly lanes: FloatLanes;
  readonly #b: Builder;
  constructor(b: Builder, shape: Shape) {
    this.#b = b;
    this.lanes = new FloatLanes(b, shape);
  }

  /** Operands that are denormal; the smallest normal number counts as one. */
  denormal(...operands: Halves[]): Check {
    const { lanes } = this;
    const ones = lanes.integerConstant(-1n);
    const zeroIfDenormal = (x: Node): Node =>
      lanes.shift("shr_u", lanes.integer("add", lanes.shift("shl", lanes.bits(x), 1), ones), lanes.fractionBits + 1);
    return { flags: DE, suspect: () => lanes.anyZero(operands.flat().map(zeroIfDenormal)) };
  }
  /** Results that are NaNs: which one is not WebAssembly's to say. */
  nan(results: Halves): Check {
    const { lanes } = this;
    return { flags: 0, suspect: () => lanes.any(results.map((r) => lanes.isNaN(r))) };
  }
  /** NaNs among the results, and infinite results of finite operands, which raise `flags`. */
  overflow(results: Halves, operands: readonly Halves[], flags: number = OE | PE): Check {
    const { lanes } = this;
    const known = this.#b.site.sticky ?? 0;
    if (!(flags & ~known)) return this.nan(results);
    // NaN for what is not finite.
    const differences = results.map((r) => lanes.op("sub", r, r));
    return {
      flags: 0,
      suspect: () => lanes.any(differences.map((difference) => lanes.isNaN(difference))),
      confirm: (missing) => {
        const nan = lanes.any(results.map((r) => lanes.isNaN(r)));
        const raised = results.map((r, half) =>
          operands.map((operand) => lanes.isFinite(operand[half])).reduce((x, y) => lanes.and(x, y), lanes.not(lanes.isFinite(r))), // prettier-ignore
        );
        return this.#b.or(nan, this.#b.and(lanes.any(raised), missing(flags)));
      },
    };
  }
  /** Results that are tiny, or may have been before they were rounded. `mayBe`: masks of the lanes in which a result of 0 is no exact one. */
  underflow(results: Halves, mayBe: () => Halves): Check {
    const { lanes } = this;
    const zeroIfTiny = (r: Node): Node => lanes.shift("shr_u", lanes.shift("shl", lanes.bits(r), 1), lanes.fractionBits + 2);
    const isTiny = (r: Node): Node => lanes.op("lt", lanes.op("abs", r), lanes.constant(lanes.isSingle ? 2 ** -125 : 2 ** -1021)); // prettier-ignore
    return {
      flags: UE | PE,
      suspect: () => lanes.anyZero(results.map(zeroIfTiny)),
      confirm: () => lanes.any(mayBe().map((mask, half) => lanes.and(mask, isTiny(results[half])))),
    };
  }
  /** NaNs among the operands of a comparison. `quiet`: signalling ones only. */
  unordered(x: Halves, y: Halves, quiet: boolean): Check {
    const { lanes } = this;
    const both = [...x, ...y];
    return {
      flags: IE,
      suspect: () => lanes.any(both.map((operand) => lanes.isNaN(operand))),
      ...(quiet && { confirm: () => lanes.any(both.map((operand) => lanes.isSignalling(operand))) }),
    };
  }

  /** i32, not 0 where lanes are not equal. */
  differ(x: Halves, y: Halves): Node {
    return this.lanes.any(x.map((one, half) => this.lanes.op("ne", one, y[half])));
  }

  // Whole operations

  /** Comparisons, minima and maxima, which are exact. */
  compare(x: Halves, y: Halves, quiet: boolean): Outcome {
    return { checks: [this.denormal(x, y), this.unordered(x, y, quiet)] };
  }

  #sum(x: Halves, y: Halves, results: Halves, error: typeof sumError): Outcome {
    const { lanes } = this;
    return {
      checks: [this.denormal(x, y), this.overflow(results, [x, y])],
      inexact: () => lanes.any(results.map((r, half) => lanes.isNotZero(error(lanes, x[half], y[half], r)))),
    };
  }
  add = (x: Halves, y: Halves, results: Halves): Outcome => this.#sum(x, y, results, sumError);
  subtract = (x: Halves, y: Halves, results: Halves): Outcome => this.#sum(x, y, results, differenceError);
  multiply(x: Halves, y: Halves, results: Halves): Outcome {
    const { lanes } = this;
    const areNotZero = (half: number): Node => lanes.and(lanes.isNotZero(x[half]), lanes.isNotZero(y[half]));
    return {
      checks: [
        this.denormal(x, y),
        this.underflow(results, () => results.map((_, half) => areNotZero(half))),
        this.overflow(results, [x, y]),
      ],
      inexact: () => lanes.any(results.flatMap((r, half) => this.#productDiffers(x[half], y[half], r))),
    };
  }
  divide(x: Halves, y: Halves, results: Halves): Outcome {
    const { lanes } = this;
    const isQuotient = (half: number): Node => lanes.and(lanes.isNotZero(x[half]), lanes.isFinite(y[half]));
    return {
      checks: [
        this.denormal(x, y),
        this.underflow(results, () => results.map((_, half) => isQuotient(half))),
        this.overflow(results, [x, y], ZE | OE | PE),
      ],
      inexact: () => lanes.any(results.flatMap((r, half) => this.#productDiffers(r, y[half], x[half]))),
    };
  }
  squareRoot(y: Halves, results: Halves): Outcome {
    const { lanes } = this;
    return {
      checks: [this.denormal(y), this.nan(results)],
      inexact: () => lanes.any(results.flatMap((r, half) => this.#productDiffers(r, r, y[half]))),
    };
  }
  /** x × y + z of singles; of doubles the lift knows more. */
  fusedSingles([x, y, z]: readonly Halves[], results: Halves): Check[] {
    const { lanes } = this;
    const mayBe = (half: number): Node =>
      lanes.or(
        lanes.isNotZero(results[half]),
        lanes.and(lanes.isNotZero(x[half]), lanes.isNotZero(y[half])),
      );
    return [
      this.underflow(results, () => results.map((_, half) => mayBe(half))),
      this.overflow(results, [x, y, z]),
    ];
  }
  /** Masks, not empty where x × y is not `value` exactly, or may not be. Of vectors they have other lanes. */
  #productDiffers(x: Node, y: Node, value: Node): Node[] {
    const { lanes } = this;
    if (lanes.isSingle) {
      const inDoubles = [x, y, value].map((operand) => promoted(this.#b, lanes, operand));
      const doubles = doublesOf(this.#b, lanes);
      return inDoubles[0].map((_, i) => doubles.op("ne", doubles.op("mul", inDoubles[0][i], inDoubles[1][i]), inDoubles[2][i])); // prettier-ignore
    }
    const product = lanes.op("mul", x, y);
    const isSmall = lanes.op("lt", lanes.op("abs", value), lanes.constant(SMALLEST_SAFE_PRODUCT));
    return [
      lanes.op("ne", product, value),
      lanes.isNotZero(productError(lanes, x, y, product)),
      lanes.and(isSmall, lanes.isNotZero(value)),
    ];
  }
}

export interface Outcome {
  readonly checks: readonly Check[];
  /** Absent: never. */
  readonly inexact?: () => Node;
}

/** The lanes of doubles that hold singles of `lanes`. */
export const doublesOf = (b: Builder, lanes: FloatLanes): FloatLanes => new FloatLanes(b, lanes.isVector ? "f64x2" : "f64"); // prettier-ignore
/** Singles as doubles: of a vector the lower two, then the upper two. */
export function promoted(b: Builder, { isVector }: FloatLanes, x: Node): Node[] {
  if (!isVector) return [b.op("f64.promote_f32", x)];
  const upper = b.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  return [x, upper].map((pair) => b.op("f64x2.promote_low_f32x4", pair));
}
