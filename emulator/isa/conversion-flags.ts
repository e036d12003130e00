/** Sticky flags of conversions: see sticky-flags.ts. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { Exceptions } from "../soft-float/environment.ts";
import { FloatLanes, type Shape } from "./float-lanes.ts";
import { StickyFlags, type Outcome } from "./sticky-flags.ts";

const { IE, DE, OE, UE, PE } = Exceptions;

/** Floating-point numbers, and what they were rounded to, to signed integers of `bits` bits. */
export function toIntegers(
  b: Builder,
  shape: Shape,
  x: readonly Node[],
  rounded: readonly Node[],
  bits: 32 | 64,
): Outcome {
  const flags = new StickyFlags(b, shape);
  const { lanes } = flags;
  const limit = 2 ** (bits - 1);
  const fits = (value: Node): Node =>
    lanes.and(lanes.op("ge", value, lanes.constant(-limit)), lanes.op("lt", value, lanes.constant(limit)));
  return {
    checks: [{ flags: IE, suspect: () => lanes.any(rounded.map((value) => lanes.not(fits(value)))) }],
    inexact: () => flags.differ(x, rounded),
  };
}

/** Signed integers of 32 bits as singles. */
export function integersToSingles(b: Builder, x: readonly Node[], results: readonly Node[]): Outcome {
  const lanes = new FloatLanes(b, "f32x4");
  const differs = (value: Node, half: number): Node => {
    const back = b.op("i32x4.trunc_sat_f32x4_s", results[half]);
    return lanes.or(b.op("i32x4.ne", back, value), isLimit(lanes, results[half], 32));
  };
  return { checks: [], inexact: () => lanes.any(x.map(differs)) };
}
/** A signed integer as `type`. */
export function integerToFloat(b: Builder, type: "f32" | "f64", x: Node, result: Node): Outcome {
  const lanes = new FloatLanes(b, type);
  const differs = (): Node => b.ne(b.op(`${x.type}.trunc_sat_${type}_s`, result), x);
  return { checks: [], inexact: () => lanes.or(differs(), isLimit(lanes, result, x.type === "i64" ? 64 : 32)) };
}
/** Saturation would take it for the largest integer. */
const isLimit = (lanes: FloatLanes, x: Node, bits: 32 | 64): Node => lanes.op("eq", x, lanes.constant(2 ** (bits - 1)));

/** Singles that became `results`, doubles. */
export function toDoubles(b: Builder, shape: "f64" | "f64x2", results: readonly Node[]): Outcome {
  const flags = new StickyFlags(b, shape);
  const { lanes } = flags;
  const wasDenormal = (r: Node): Node =>
    lanes.and(lanes.op("lt", lanes.op("abs", r), lanes.constant(2 ** -126)), lanes.isNotZero(r));
  for (const r of results) b.isNumber(r, false);
  return {
    checks: [flags.nan(results), { flags: DE, suspect: () => lanes.any(results.map(wasDenormal)) }],
  };
}

/** Doubles on their way to singles. `there`: as singles, and as doubles again. */
export function toSingles(b: Builder, shape: "f64" | "f64x2", x: readonly Node[], there: (x: Node) => Node): Outcome {
  const flags = new StickyFlags(b, shape);
  const { lanes } = flags;
  const absolute = (value: Node): Node => lanes.op("abs", value);
  const overflows = (value: Node): Node => lanes.op("ge", absolute(value), lanes.constant((2 - 2 ** -24) * 2 ** 127));
  const isTiny = (value: Node): Node => lanes.op("le", absolute(value), lanes.constant(2 ** -126));
  return {
    checks: [
      flags.nan(x),
      ...flags.denormal(x),
      {
        flags: OE | PE,
        suspect: () => lanes.any(x.map(overflows)),
        confirm: () => lanes.any(x.map((value) => lanes.and(overflows(value), lanes.isFinite(value)))),
      },
      { flags: UE | PE, suspect: () => lanes.any(x.map((value) => lanes.and(isTiny(value), lanes.isNotZero(value)))) },
    ],
    inexact: () => flags.differ(x, x.map(there)),
  };
}
