/**
 * What lifts of floating-point instructions leave to `execute` so that the sticky flags of MXCSR are right. A lift rounds to nearest with everything masked
 * and denormals kept. It does not set flags: where it might have to set one that is not set yet, the instruction is executed. In a region FTZ and DAZ are
 * no reason to leave: denormal operands and tiny results are, as where DE and UE are not set. docs/decisions/0006.
 */
import { layout } from "../context-layout.ts";
import type { Builder } from "../ir/builder.ts";
import type { TestedPart } from "../ir/instruction-ir.ts";
import type { Node, VectorPart } from "../ir/node.ts";
import { Exceptions } from "../soft-float/environment.ts";
import { differenceError, productError, SMALLEST_SAFE_PRODUCT, sumError } from "./error-free.ts";
import { FloatLanes, type Shape } from "./float-lanes.ts";

const { IE, DE, ZE, OE, UE, PE } = Exceptions;
/** Masks, rounding control, DAZ and FTZ as after reset: all that is not a sticky flag. */
const CONTROL = 0xffc0;
const DEFAULT_CONTROL = 0x1f80;
const FTZ = 0x8000;
const DAZ = 0x0040;

const mxcsr = (b: Builder): Node => b.state({ offset: layout.mxcsr, bytes: 4 });

/** A handler of the interpreter: nothing is known of its operands, and nobody asks what it knows of its results. */
const isHandler = (b: Builder): boolean => b.site.address === undefined;

/** i32, not 0 where MXCSR asks for anything but the default, FTZ and DAZ aside in a region, or lacks PE where that is taken for set. */
function unusualMode(b: Builder): Node {
  const known = b.site.inexact ? PE : 0;
  const control = isHandler(b) ? CONTROL : CONTROL & ~(FTZ | DAZ);
  return b.ne(b.and(mxcsr(b), control | known), DEFAULT_CONTROL | known);
}
/** i32, not 0 where the flags are not all set, or say nothing: with FTZ or DAZ what raises DE and UE has other results than without. */
function missing(b: Builder, flags: number): Node {
  const flushes = flags & (DE | UE) ? FTZ | DAZ : 0;
  return b.ne(b.and(mxcsr(b), flags | flushes), flags);
}

/** A reason to leave an instruction to its `execute`. */
export interface Check {
  /** Once these flags are set the reason is none. 0: the lift's result is not the processor's. */
  readonly flags: number;
  /** i32, seldom not 0; what is cheap to know. */
  readonly suspect: () => Node;
  /** i32: whether the reason holds where `suspect` does. Absent: it does. */
  readonly confirm?: (missing: (flags: number) => Node) => Node;
  /** The register that it tests, where it does nothing else. */
  readonly tested?: TestedPart | undefined;
}

/** `inexact`: i32, not 0 where PE is to be raised, or may be. */
export function leaveFor(b: Builder, checks: readonly Check[], inexact?: () => Node): void {
  b.fallback(unusualMode(b), undefined, "mode");
  for (const { flags, suspect, confirm, tested } of checks) {
    const decisive = confirm?.((some) => missing(b, some));
    if (!flags) b.fallback(decisive ?? suspect(), decisive && suspect());
    else b.fallback(decisive ? b.and(decisive, missing(b, flags)) : missing(b, flags), suspect(), tested);
  }
  if (inexact && !b.site.inexact) b.fallback(inexact(), b.eqz(b.and(mxcsr(b), PE)));
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

  /** Operands that are denormal; in vectors the smallest normal number counts as one. */
  denormal(...operands: Halves[]): Check[] {
    if (isHandler(this.#b)) return [this.#denormal(operands.flat())];
    // In a region each by itself: many are known.
    return [...new Set(operands.flat())].map((x) => this.#denormal([x]));
  }
  #denormal(operands: Halves): Check {
    const { lanes } = this;
    const [first] = operands;
    const tested = operands.length === 1 && first.op === "xmm" ? { part: first.imm as VectorPart, isSingle: lanes.isSingle } : undefined; // prettier-ignore
    if (!lanes.isVector) {
      const isDenormal = (x: Node): Node =>
        lanes.and(lanes.isNotZero(x), lanes.op("lt", lanes.op("abs", x), lanes.constant(lanes.isSingle ? 2 ** -126 : 2 ** -1022))); // prettier-ignore
      // Zeroes are suspect as well.
      const isSuspect = (x: Node): Node => this.#b.eqz(this.#b.and(lanes.upperBits(x), exponentMask(lanes)));
      return {
        flags: DE,
        suspect: () => lanes.any(operands.map(isSuspect)),
        confirm: () => lanes.any(operands.map(isDenormal)),
        tested,
      };
    }
    const ones = lanes.integerConstant(-1n);
    const zeroIfDenormal = (x: Node): Node =>
      lanes.shift("shr_u", lanes.integer("add", lanes.shift("shl", lanes.bits(x), 1), ones), lanes.fractionBits + 1);
    return { flags: DE, suspect: () => lanes.anyZero(operands.map(zeroIfDenormal)), tested };
  }
  /** Results that are NaNs: which one is not WebAssembly's to say. */
  nan(results: Halves): Check {
    const { lanes } = this;
    return { flags: 0, suspect: () => lanes.any(results.map((r) => lanes.isNaN(r))) };
  }
  /**
   * Results that are NaNs, infinite ones of finite operands (`overflow`: the flags for them), and those that are tiny, or may have been before they were
   * rounded (UE; `mayUnderflow`: masks of the lanes in which 0 is not the exact result; absent where tiny results are exact). In a region a denormal result
   * is left where DE is not set, so that who uses it need not look.
   */
  results(
    results: Halves,
    operands: readonly Halves[],
    { overflow = OE | PE, mayUnderflow }: { overflow?: number; mayUnderflow?: (half: number) => Node } = {},
  ): Check[] {
    const b = this.#b;
    const { lanes } = this;
    const underflow = (mayUnderflow ? UE | PE : 0) | (isHandler(b) ? 0 : DE);
    const isTiny = (r: Node): Node => lanes.op("lt", lanes.op("abs", r), lanes.constant(lanes.isSingle ? 2 ** -125 : 2 ** -1021)); // prettier-ignore
    const tiny = (missing: (flags: number) => Node): Node => {
      const mayBe = (half: number): Node => mayUnderflow?.(half) ?? lanes.isNotZero(results[half]);
      return b.and(lanes.any(results.map((r, half) => lanes.and(mayBe(half), isTiny(r)))), missing(underflow));
    };
    const nan = (): Node => lanes.any(results.map((r) => lanes.isNaN(r)));
    const infinite = (missing: (flags: number) => Node): Node => {
      const raised = results.map(
        (r, half) =>
        operands.map((operand) => lanes.isFinite(operand[half])).reduce((x, y) => lanes.and(x, y), lanes.not(lanes.isFinite(r))), // prettier-ignore
      );
      return b.or(nan(), b.and(lanes.any(raised), missing(overflow)));
    };
    for (const r of results) b.isNumber(r, lanes.isSingle);
    const exponent = (r: Node, bits: number): Node => lanes.shift("shr_u", lanes.shift("shl", lanes.bits(r), 1), lanes.fractionBits + bits); // prettier-ignore
    if (underflow && !lanes.isVector)
      return [
        {
          flags: 0,
          suspect: () => lanes.any(results.map((r) => this.#outside(r))),
          confirm: (missing) => b.or(infinite(missing), tiny(missing)),
        },
      ];
    // NaN for what is not finite.
    const notFinite = (): Node => lanes.any(results.map((r) => lanes.isNaN(lanes.op("sub", r, r))));
    const checks: Check[] = [{ flags: 0, suspect: notFinite, confirm: infinite }];
    if (underflow)
      checks.push({ flags: 0, suspect: () => lanes.anyZero(results.map((r) => exponent(r, 2))), confirm: tiny });
    return checks;
  }
  /** i32, not 0 for scalars around the smallest normal number and below, infinities and NaNs. */
  #outside(x: Node): Node {
    const b = this.#b;
    const { lanes } = this;
    // The lowest bit of the exponent when the sign is shifted out
    const unit = lanes.isSingle ? 1 << 24 : 1 << 21;
    const exponents = (lanes.isSingle ? 0xff : 0x7ff) - 2;
    return b.geU(b.sub(b.shl(lanes.upperBits(x), 1), 2 * unit), (exponents * unit) | 0);
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

  extreme(x: Halves, y: Halves, results: Halves): Outcome {
    for (const r of results) this.#b.isNumber(r, this.lanes.isSingle);
    return this.compare(x, y, false);
  }
  compare(x: Halves, y: Halves, quiet: boolean): Outcome {
    return { checks: [...this.denormal(x, y), this.unordered(x, y, quiet)] };
  }

  #sum(x: Halves, y: Halves, results: Halves, error: typeof sumError): Outcome {
    const { lanes } = this;
    return {
      checks: [...this.denormal(x, y), ...this.results(results, [x, y])],
      inexact: () => lanes.any(results.map((r, half) => lanes.isNotZero(error(lanes, x[half], y[half], r)))),
    };
  }
  add = (x: Halves, y: Halves, results: Halves): Outcome => this.#sum(x, y, results, sumError);
  subtract = (x: Halves, y: Halves, results: Halves): Outcome => this.#sum(x, y, results, differenceError);
  multiply(x: Halves, y: Halves, results: Halves): Outcome {
    const { lanes } = this;
    const areNotZero = (half: number): Node => lanes.and(lanes.isNotZero(x[half]), lanes.isNotZero(y[half]));
    return {
      checks: [...this.denormal(x, y), ...this.results(results, [x, y], { mayUnderflow: areNotZero })],
      inexact: () => lanes.any(results.flatMap((r, half) => this.#productDiffers(x[half], y[half], r))),
    };
  }
  divide(x: Halves, y: Halves, results: Halves): Outcome {
    const { lanes } = this;
    const isQuotient = (half: number): Node => lanes.and(lanes.isNotZero(x[half]), lanes.isFinite(y[half]));
    return {
      checks: [
        ...this.denormal(x, y),
        ...this.results(results, [x, y], { overflow: ZE | OE | PE, mayUnderflow: isQuotient }),
      ],
      inexact: () => lanes.any(results.flatMap((r, half) => this.#productDiffers(r, y[half], x[half]))),
    };
  }
  squareRoot(y: Halves, results: Halves): Outcome {
    const { lanes } = this;
    for (const r of results) this.#b.isNumber(r, lanes.isSingle);
    return {
      checks: [...this.denormal(y), this.nan(results)],
      inexact: () => lanes.any(results.flatMap((r, half) => this.#productDiffers(r, r, y[half]))),
    };
  }
  /** x × y + z of singles; of doubles the lift knows more. */
  fusedSingles([x, y, z]: readonly Halves[], results: Halves): Check[] {
    const { lanes } = this;
    const mayBe = (half: number): Node =>
      lanes.or(lanes.isNotZero(results[half]), lanes.and(lanes.isNotZero(x[half]), lanes.isNotZero(y[half])));
    return this.results(results, [x, y, z], { mayUnderflow: mayBe });
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

const exponentMask = ({ isSingle }: FloatLanes): number => (isSingle ? 0x7f80_0000 : 0x7ff0_0000);

/** The lanes of doubles that hold singles of `lanes`. */
export const doublesOf = (b: Builder, lanes: FloatLanes): FloatLanes => new FloatLanes(b, lanes.isVector ? "f64x2" : "f64"); // prettier-ignore
/** Singles as doubles: of a vector the lower two, then the upper two. */
export function promoted(b: Builder, { isVector }: FloatLanes, x: Node): Node[] {
  if (!isVector) return [b.op("f64.promote_f32", x)];
  const upper = b.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  return [x, upper].map((pair) => b.op("f64x2.promote_low_f32x4", pair));
}
