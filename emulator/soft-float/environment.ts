/** What an operation needs to know besides its operands, and what it reports besides its result. */
import type { Float, Sign } from "./float.ts";
import { indefinite, isSignalling, quieted } from "./float.ts";

/** Exception flags; the bits of the x87 status word, its control word (masks) and of MXCSR alike. */
export const Exceptions = { IE: 0x01, DE: 0x02, ZE: 0x04, OE: 0x08, UE: 0x10, PE: 0x20, all: 0x3f } as const;

/** RC of the control word and of MXCSR. */
export const Rounding = { nearest: 0, down: 1, up: 2, towardZero: 3 } as const;

export interface EnvironmentOptions {
  readonly rounding: number;
  /** Set bits are masked exceptions. */
  readonly masks: number;
  /**
   * Which of two NaNs survives (SDM volume 1, table 4-7): x87 takes a quiet one before a signalling one, then the larger
   * significand; SSE takes the first operand.
   */
  readonly unit: "x87" | "sse";
  /** What an unmasked overflow or underflow adds to a result's exponent; 0 where such a result is not delivered. */
  readonly exponentWrap: number;
  readonly flushToZero?: boolean;
}

export class Environment {
  readonly rounding: number;
  readonly masks: number;
  readonly unit: "x87" | "sse";
  readonly exponentWrap: number;
  readonly flushToZero: boolean;
  /** Exceptions raised so far. */
  raised = 0;
  /** The last rounding enlarged the magnitude: C1 of the x87. */
  roundedUp = false;

  constructor(options: EnvironmentOptions) {
    this.rounding = options.rounding;
    this.masks = options.masks;
    this.unit = options.unit;
    this.exponentWrap = options.exponentWrap;
    this.flushToZero = options.flushToZero ?? false;
  }

  raise(exceptions: number): void {
    this.raised |= exceptions;
  }
  isMasked(exception: number): boolean {
    return (this.masks & exception) !== 0;
  }
  invalid(): Float {
    this.raise(Exceptions.IE);
    return indefinite;
  }

  /** The result that a NaN or unsupported operand decides; undefined when all operands are ordinary. */
  propagate(a: Float, b?: Float): Float | undefined {
    if (a.kind === "unsupported" || b?.kind === "unsupported") return this.invalid();
    const aIsNaN = a.kind === "nan";
    const bIsNaN = b?.kind === "nan";
    if (!aIsNaN && !bIsNaN) return undefined;
    if (isSignalling(a) || (b && isSignalling(b))) this.raise(Exceptions.IE);
    if (!b || !bIsNaN) return quieted(a);
    if (!aIsNaN) return quieted(b);
    if (this.unit === "sse") return quieted(a);
    if (isSignalling(a) !== isSignalling(b)) return isSignalling(a) ? b : a;
    if (a.significand !== b.significand) return quieted(a.significand > b.significand ? a : b);
    return quieted(a.sign === 0 ? a : b);
  }

  /** The same for SSE operations of any number of operands: the first NaN. */
  propagateFirst(operands: readonly Float[]): Float | undefined {
    if (operands.some(isSignalling)) this.raise(Exceptions.IE);
    const first = operands.find(({ kind }) => kind === "nan");
    return first && quieted(first);
  }

  noteDenormals(a: Float, b?: Float): void {
    if (a.denormal || b?.denormal) this.raise(Exceptions.DE);
  }
}

/** Does rounding a magnitude away from zero apply, given what was cut off (in comparison with half a unit)? */
export function roundsAway(
  rounding: number,
  sign: Sign,
  odd: boolean,
  cut: "none" | "below" | "half" | "above",
): boolean {
  if (cut === "none") return false;
  switch (rounding) {
    case Rounding.nearest:
      return cut === "above" || (cut === "half" && odd);
    case Rounding.down:
      return sign === 1;
    case Rounding.up:
      return sign === 0;
    default:
      return false;
  }
}

/** Splits off the bits of `significand` below bit `shift`; `sticky` stands for more non-zero bits below all of them. */
export function cutBits(
  significand: bigint,
  shift: number,
  sticky: boolean,
): { readonly quotient: bigint; readonly cut: "none" | "below" | "half" | "above" } {
  if (shift <= 0) return { quotient: significand << BigInt(-shift), cut: sticky ? "below" : "none" };
  const distance = BigInt(shift);
  const quotient = significand >> distance;
  const rest = significand - (quotient << distance);
  const half = 1n << (distance - 1n);
  if (rest === 0n) return { quotient, cut: sticky ? "below" : "none" };
  if (rest === half) return { quotient, cut: sticky ? "above" : "half" };
  return { quotient, cut: rest < half ? "below" : "above" };
}
