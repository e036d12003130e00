/** AES-NI and PCLMULQDQ. FIPS 197 gives the meaning of the steps. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { InstructionSpecification } from "./instruction.ts";
import { encodings, integers8, vector, zeroVector } from "./vector-lift.ts";

// The substitution

interface Substitution {
  readonly forward: Uint8Array;
  readonly inverse: Uint8Array;
}
let substitution: Substitution | undefined;

/** The powers of 3 run through all of GF(2^8), modulo x^8 + x^4 + x^3 + x + 1, but 0; those of its inverse run backwards. */
function substitutions(): Substitution {
  if (substitution) return substitution;
  const powers: number[] = [];
  for (let power = 1; powers.length < 255; power = (power ^ (power << 1) ^ (power & 0x80 ? 0x11b : 0)) & 0xff)
    powers.push(power);
  const forward = new Uint8Array(256);
  const inverse = new Uint8Array(256);
  for (let exponent = -1; exponent < 255; exponent++) {
    const x = exponent < 0 ? 0 : powers[exponent];
    const reciprocal = exponent < 0 ? 0 : powers[(255 - exponent) % 255];
    let value = 0x63;
    for (let shift = 0; shift < 5; shift++) value ^= ((reciprocal << shift) | (reciprocal >> (8 - shift))) & 0xff;
    forward[x] = value;
    inverse[value] = x;
  }
  return (substitution = { forward, inverse });
}

/** Sixteen rows of the table; an index that is not in a row gives 0. */
function substituted(b: Builder, state: Node, direction: keyof Substitution): Node {
  const table = substitutions()[direction];
  const rows = Array.from({ length: 16 }, (_, row) => {
    const index = row === 0 ? state : b.op("i8x16.sub", state, integers8(b, row * 16));
    return b.op("i8x16.swizzle", b.v128(table.subarray(row * 16, row * 16 + 16)), index);
  });
  return rows.reduce((left, right) => b.op("v128.or", left, right));
}

// The state: four columns of four bytes

const bytes16 = Array.from({ length: 16 }, (_, i) => i);
/** Row r (byte r of each column) moves r columns: left, or right for the inverse. */
const shiftRows = (b: Builder, state: Node, by: 1 | -1): Node =>
  b.shuffle(state, state, bytes16.map((i) => (i + 4 * by * (i & 3) + 16) & 15)); // prettier-ignore
/** Each column's byte `by` rows below. */
const rotatedColumns = (b: Builder, state: Node, by: number): Node =>
  b.shuffle(state, state, bytes16.map((i) => (i & ~3) | ((i + by) & 3))); // prettier-ignore
const exclusiveOr = (b: Builder, ...terms: Node[]): Node => terms.reduce((x, y) => b.op("v128.xor", x, y));
/** Each byte times x in GF(2^8). */
const doubled = (b: Builder, state: Node): Node =>
  exclusiveOr(
    b,
    b.op("i8x16.add", state, state),
    b.op("v128.and", b.op("i8x16.lt_s", state, zeroVector(b)), integers8(b, 0x1b)),
  );

/** Each column by the matrix of 2, 3, 1, 1. */
function mixColumns(b: Builder, state: Node): Node {
  const next = rotatedColumns(b, state, 1);
  const both = exclusiveOr(b, state, next);
  return exclusiveOr(b, doubled(b, both), next, rotatedColumns(b, both, 2));
}
/** By that of 14, 11, 13, 9, which is the other one times that of 5, 0, 4, 0. */
function inverseMixColumns(b: Builder, state: Node): Node {
  const both = exclusiveOr(b, state, rotatedColumns(b, state, 2));
  return mixColumns(b, exclusiveOr(b, state, doubled(b, doubled(b, both))));
}

function round(mnemonic: string, opcode: string, step: (b: Builder, state: Node) => Node): InstructionSpecification[] {
  return encodings(
    mnemonic,
    { legacy: `66 0F 38 ${opcode} /r`, operands: "xmm,xmm.v,xmm/m128", vex: "128", feature: "AES" },
    {
      lift(b, dst, state, src) {
        const key = vector(b, src);
        b.write(dst, exclusiveOr(b, step(b, b.read(state, "v128")), key));
      },
    },
  );
}
export const AESENC = round("AESENC", "DC", (b, state) =>
  mixColumns(b, substituted(b, shiftRows(b, state, 1), "forward")),
);
export const AESENCLAST = round("AESENCLAST", "DD", (b, state) => substituted(b, shiftRows(b, state, 1), "forward"));
export const AESDEC = round("AESDEC", "DE", (b, state) =>
  inverseMixColumns(b, substituted(b, shiftRows(b, state, -1), "inverse")),
);
export const AESDECLAST = round("AESDECLAST", "DF", (b, state) => substituted(b, shiftRows(b, state, -1), "inverse"));

export const AESIMC = encodings(
  "AESIMC",
  { legacy: "66 0F 38 DB /r", operands: "xmm,xmm/m128", vex: "128", feature: "AES" },
  { lift: (b, dst, src) => b.write(dst, inverseMixColumns(b, vector(b, src))) },
);
export const AESKEYGENASSIST = encodings(
  "AESKEYGENASSIST",
  { legacy: "66 0F 3A DF /r ib", operands: "xmm,xmm/m128,imm8", vex: "128", feature: "AES" },
  {
    lift(b, dst, src, immediate) {
      const words = substituted(b, vector(b, src), "forward");
      // Words 1 and 3, each followed by itself rotated, with the round constant.
      const arranged = b.shuffle(words, words, [4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12]);
      const constant = b.op("i64x2.splat", b.shl(b.extendU(b.read(immediate)), 32));
      b.write(dst, exclusiveOr(b, arranged, constant));
    },
  },
);

// Multiplication without carries

/** Every fourth bit from bit `first` on: eight of them add up in the three bits between. */
const everyFourth = (first: number): bigint => 0x1111_1111_1111_1111n << BigInt(first);
/** The product, 64 bits, of two numbers of 32 bits (i64). */
function carrylessProduct(b: Builder, x: Node, y: Node): Node {
  const residues = [0, 1, 2, 3];
  const [xs, ys] = [x, y].map((factor) => residues.map((first) => b.and(factor, everyFourth(first))));
  return residues
    .map(
      (first) =>
      b.and(residues.map((i) => b.mul(xs[i], ys[(first - i) & 3])).reduce(b.xor), everyFourth(first)), // prettier-ignore
    )
    .reduce(b.or);
}

/** The product of two 64-bit halves without carries (Karatsuba's three products of 32 bits). */
export const PCLMULQDQ = encodings(
  "PCLMULQDQ",
  { legacy: "66 0F 3A 44 /r ib", operands: "xmm,xmm.v,xmm/m128,imm8", vex: "128", feature: "PCLMULQDQ" },
  {
    lift(b, dst, first, second, immediate) {
      const selector = b.read(immediate, "i32");
      const half = (operand: Node, bit: number): Node =>
        b.select(
          b.and(selector, bit),
          b.lane("i64x2.extract_lane", 1, operand),
          b.lane("i64x2.extract_lane", 0, operand),
        );
      const y = half(vector(b, second), 0x10);
      const x = half(b.read(first, "v128"), 1);
      const lower = (value: Node): Node => b.and(value, 0xffff_ffffn);
      const upper = (value: Node): Node => b.shrU(value, 32);
      const low = carrylessProduct(b, lower(x), lower(y));
      const high = carrylessProduct(b, upper(x), upper(y));
      const crossed = carrylessProduct(b, b.xor(lower(x), upper(x)), b.xor(lower(y), upper(y)));
      const middle = b.xor(crossed, b.xor(low, high));
      const result = b.op("i64x2.splat", b.xor(low, b.shl(middle, 32)));
      b.write(dst, b.lane("i64x2.replace_lane", 1, result, b.xor(high, upper(middle))));
    },
  },
);
