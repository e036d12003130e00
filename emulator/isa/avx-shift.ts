/** AVX2: shifts of each element by a count of its own. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import { bothLengths, halves, writeHalves, zeroVector } from "./vector-lift.ts";

type Direction = "shl" | "shr_u" | "shr_s";

/** Element by element: WebAssembly shifts all by one count. */
function elements(b: Builder, x: Node, counts: Node, lanes: "i32x4" | "i64x2", direction: Direction): Node {
  const [type, count] = lanes === "i32x4" ? (["i32", 4] as const) : (["i64", 2] as const);
  let result = zeroVector(b);
  for (let i = 0; i < count; i++) {
    const element = (vector: Node): Node => b.lane(`${lanes}.extract_lane`, i, vector);
    result = b.lane(`${lanes}.replace_lane`, i, result, b.op(`${type}.${direction}`, element(x), element(counts)));
  }
  return result;
}
/** Counts that reach the width give 0; WebAssembly takes them modulo the width. */
function logical(b: Builder, x: Node, counts: Node, lanes: "i32x4" | "i64x2", direction: "shl" | "shr_u"): Node {
  const upperBits = b.op(`${lanes}.shr_u`, counts, b.i32(lanes === "i32x4" ? 5 : 6));
  const inRange = b.op(`${lanes}.eq`, upperBits, zeroVector(b));
  return b.op("v128.and", elements(b, x, counts, lanes, direction), inRange);
}
/** x × 2^count. The power of two is made as a float, whose exponent the count is, and 0 from 32 on. */
function shiftLeft(b: Builder, x: Node, counts: Node): Node {
  const bounded = b.op("i32x4.min_u", counts, b.op("i32x4.splat", b.i32(32)));
  const power = b.op("i32x4.add", b.op("i32x4.shl", bounded, b.i32(23)), b.op("i32x4.splat", b.i32(0x3f80_0000)));
  const isPower = b.op("i32x4.lt_s", bounded, b.op("i32x4.splat", b.i32(32)));
  return b.op("i32x4.mul", x, b.op("v128.and", b.op("i32x4.trunc_sat_f32x4_u", power), isPower));
}
/** Counts that reach the width give copies of the sign. */
function arithmetic(b: Builder, x: Node, counts: Node): Node {
  return elements(b, x, b.op("i32x4.min_u", counts, b.op("i32x4.splat", b.i32(31))), "i32x4", "shr_s");
}

function variableShift(
  mnemonic: string,
  encoding: string,
  shift: (b: Builder, x: Node, counts: Node) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: bothLengths(`0F38.${encoding} /r xmm,xmm.v,xmm/m128`),
    feature: "AVX2",
    lift(b, dst, src, counts) {
      const by = halves(b, counts);
      writeHalves(b, dst, halves(b, src).map((x, half) => shift(b, x, by[half]))); // prettier-ignore
    },
  });
}
export const variableShifts = [
  variableShift("VPSLLVD", "W0 47", shiftLeft),
  variableShift("VPSLLVQ", "W1 47", (b, x, counts) => logical(b, x, counts, "i64x2", "shl")),
  variableShift("VPSRLVD", "W0 45", (b, x, counts) => logical(b, x, counts, "i32x4", "shr_u")),
  variableShift("VPSRLVQ", "W1 45", (b, x, counts) => logical(b, x, counts, "i64x2", "shr_u")),
  variableShift("VPSRAVD", "W0 46", arithmetic),
];
