/** Error-free transformations: the rounding errors of sums and products, as numbers. */
import type { Node } from "../ir/node.ts";
import type { FloatLanes } from "./float-lanes.ts";

/** x + y - value, exactly, where `value` is x + y rounded to nearest and finite (Møller and Knuth). */
export function sumError(lanes: FloatLanes, x: Node, y: Node, value: Node): Node {
  const ofY = lanes.op("sub", value, x);
  const ofX = lanes.op("sub", value, ofY);
  return lanes.op("add", lanes.op("sub", x, ofX), lanes.op("sub", y, ofY));
}
/** The same of x - y. */
export function differenceError(lanes: FloatLanes, x: Node, y: Node, value: Node): Node {
  const ofY = lanes.op("sub", value, x);
  const ofX = lanes.op("sub", value, ofY);
  return lanes.op("sub", lanes.op("sub", x, ofX), lanes.op("add", y, ofY));
}

/** The upper 26 bits of the significand of a double, and the rest (Veltkamp). Above 2^996 a NaN or an infinity. */
function split(lanes: FloatLanes, x: Node): { readonly upper: Node; readonly lower: Node } {
  const scaled = lanes.op("mul", x, lanes.constant(2 ** 27 + 1));
  const upper = lanes.op("sub", scaled, lanes.op("sub", scaled, x));
  return { upper, lower: lanes.op("sub", x, upper) };
}

/** x × y - value of doubles, exactly, where `value` is x × y rounded to nearest and not below 2^-968 (Dekker). Not a number where a part overflows. */
export function productError(lanes: FloatLanes, x: Node, y: Node, value: Node): Node {
  const p = split(lanes, x);
  const q = split(lanes, y);
  const parts = (left: Node, right: Node): Node => lanes.op("mul", left, right);
  return [parts(p.upper, q.lower), parts(p.lower, q.upper), parts(p.lower, q.lower)].reduce(
    (sum, part) => lanes.op("add", sum, part),
    lanes.op("sub", parts(p.upper, q.upper), value),
  );
}
/** Products below this (doubles) may have errors that are no doubles. */
export const SMALLEST_SAFE_PRODUCT = 2 ** -960;
