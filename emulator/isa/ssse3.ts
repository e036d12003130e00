/** SSSE3: shuffles by register, horizontal sums, signs, absolute values. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { InstructionSpecification } from "./instruction.ts";
import type { MmxUse } from "./mmx-lift.ts";
import { vectorBinary, vectorUnary, zeroVector, type VectorOperation } from "./vector-lift.ts";

const binary = (
  mnemonic: string,
  opcode: string,
  operation: VectorOperation,
  mmx: MmxUse = "low",
): InstructionSpecification[] => vectorBinary(mnemonic, `66 0F 38 ${opcode}`, operation, { feature: "SSSE3", mmx });

/** Indices with bit 7 give 0; the others count modulo 16. WebAssembly gives 0 for any index above 15. */
export const PSHUFB = binary("PSHUFB", "00", (b, x, y) =>
  b.op("i8x16.swizzle", x, b.op("v128.and", y, b.op("i8x16.splat", b.i32(0x8f)))),
);

/** Every second element of `bytes` bytes of x and y. */
export function everySecond(b: Builder, x: Node, y: Node, bytes: number, first: 0 | 1): Node {
  const lanes: number[] = [];
  for (let element = first; element < 32 / bytes; element += 2)
    for (let byte = 0; byte < bytes; byte++) lanes.push(element * bytes + byte);
  return b.shuffle(x, y, lanes);
}
const horizontal = (mnemonic: string, opcode: string, bytes: number, name: string): InstructionSpecification[] =>
  binary(
    mnemonic,
    opcode,
    (b, x, y) => b.op(name, everySecond(b, x, y, bytes, 0), everySecond(b, x, y, bytes, 1)),
    "both",
  );
export const horizontals = [
  horizontal("PHADDW", "01", 2, "i16x8.add"),
  horizontal("PHADDD", "02", 4, "i32x4.add"),
  horizontal("PHADDSW", "03", 2, "i16x8.add_sat_s"),
  horizontal("PHSUBW", "05", 2, "i16x8.sub"),
  horizontal("PHSUBD", "06", 4, "i32x4.sub"),
  horizontal("PHSUBSW", "07", 2, "i16x8.sub_sat_s"),
].flat();

/** Unsigned bytes of x times signed bytes of y; neighbours added with saturation. */
export const PMADDUBSW = binary("PMADDUBSW", "04", (b, x, y) => {
  const even = b.op(
    "i16x8.mul",
    b.op("v128.and", x, b.op("i16x8.splat", b.i32(0xff))),
    b.op("i16x8.shr_s", b.op("i16x8.shl", y, b.i32(8)), b.i32(8)),
  );
  const odd = b.op("i16x8.mul", b.op("i16x8.shr_u", x, b.i32(8)), b.op("i16x8.shr_s", y, b.i32(8)));
  return b.op("i16x8.add_sat_s", even, odd);
});

/** x, −x or 0 by the sign of y. */
const sign = (mnemonic: string, opcode: string, lanes: "i8x16" | "i16x8" | "i32x4"): InstructionSpecification[] =>
  binary(mnemonic, opcode, (b, x, y) => {
    const zero = zeroVector(b);
    const negative = b.op(`${lanes}.lt_s`, y, zero);
    const signed = b.op(`${lanes}.sub`, b.op("v128.xor", x, negative), negative);
    return b.op("v128.andnot", signed, b.op(`${lanes}.eq`, y, zero));
  });
export const signs = [
  sign("PSIGNB", "08", "i8x16"),
  sign("PSIGNW", "09", "i16x8"),
  sign("PSIGND", "0A", "i32x4"),
].flat();

/** (x × y + 2^14) >> 15. WebAssembly saturates the one product that does not fit, the processor wraps. */
export const PMULHRSW = binary("PMULHRSW", "0B", (b, x, y) => {
  const smallest = b.op("i16x8.splat", b.i32(0x8000));
  const overflow = b.op("v128.and", b.op("i16x8.eq", x, smallest), b.op("i16x8.eq", y, smallest));
  return b.op("v128.xor", b.op("i16x8.q15mulr_sat_s", x, y), overflow);
});

export const absolutes = (
  [
    ["PABSB", "1C", "i8x16"],
    ["PABSW", "1D", "i16x8"],
    ["PABSD", "1E", "i32x4"],
  ] as const
).flatMap(([mnemonic, opcode, lanes]) =>
  vectorUnary(mnemonic, `66 0F 38 ${opcode}`, (b, x) => b.op(`${lanes}.abs`, x), { feature: "SSSE3", mmx: "low" }),
);

/** Sixteen bytes out of dst:src, from byte `immediate` of src on. */
export const PALIGNR = vectorBinary(
  "PALIGNR",
  "66 0F 3A 0F",
  (b, x, y, start) => {
    const zero = zeroVector(b);
    if (start >= 32) return zero;
    const lanes = Array.from({ length: 16 }, (_, i) => i + (start & 15));
    return start < 16 ? b.shuffle(y, x, lanes) : b.shuffle(x, zero, lanes);
  },
  { feature: "SSSE3", immediate: true },
);
