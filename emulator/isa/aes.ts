/** AES-NI and PCLMULQDQ. FIPS 197 gives the meaning of the steps. */
import type { InstructionSpecification } from "./instruction.ts";
import { alignedVectorView, vectorView, writeVector } from "./vector-exact.ts";
import { encodings } from "./vector-lift.ts";

/** Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
const double = (x: number): number => ((x << 1) ^ (x & 0x80 ? 0x1b : 0)) & 0xff;
function multiply(x: number, y: number): number {
  let product = 0;
  for (; y; y >>= 1, x = double(x)) if (y & 1) product ^= x;
  return product;
}

function makeSubstitution(): readonly [forward: Uint8Array, inverse: Uint8Array] {
  const forward = new Uint8Array(256);
  const inverse = new Uint8Array(256);
  for (let x = 0; x < 256; x++) {
    let reciprocal = 0;
    if (x) while (multiply(x, reciprocal) !== 1) reciprocal++;
    let value = 0x63;
    for (let shift = 0; shift < 5; shift++) value ^= ((reciprocal << shift) | (reciprocal >> (8 - shift))) & 0xff;
    forward[x] = value;
    inverse[value] = x;
  }
  return [forward, inverse];
}
const [substitution, inverseSubstitution] = makeSubstitution();

/** Row r of the state (byte r of each column) moves r columns: left, or right for the inverse. */
const shiftRows = (state: Uint8Array, by: 1 | -1): Uint8Array =>
  state.map((_, i) => state[(i + 4 * by * (i & 3) + 16) & 15]);
function mixColumns(state: Uint8Array, factors: readonly number[]): Uint8Array {
  return state.map((_, i) => {
    const column = i & ~3;
    let value = 0;
    for (let k = 0; k < 4; k++) value ^= multiply(state[column + k], factors[(k - (i & 3) + 4) & 3]);
    return value;
  });
}
const forwardFactors = [2, 3, 1, 1];
const inverseFactors = [14, 11, 13, 9];

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, 16).slice();

function round(mnemonic: string, opcode: string, step: (state: Uint8Array) => Uint8Array): InstructionSpecification[] {
  return encodings(
    mnemonic,
    { legacy: `66 0F 38 ${opcode} /r`, operands: "xmm,xmm.v,xmm/m128", vex: "128", feature: "AES" },
    {
      execute(machine, dst, state, src) {
        const key = bytesOf(alignedVectorView(machine, src));
        const result = step(bytesOf(vectorView(machine, state)));
        writeVector(machine, dst, result.map((byte, i) => byte ^ key[i])); // prettier-ignore
      },
    },
  );
}
const substituted = (state: Uint8Array, box: Uint8Array): Uint8Array => state.map((byte) => box[byte]);
export const AESENC = round("AESENC", "DC", (state) =>
  mixColumns(substituted(shiftRows(state, 1), substitution), forwardFactors),
);
export const AESENCLAST = round("AESENCLAST", "DD", (state) => substituted(shiftRows(state, 1), substitution));
export const AESDEC = round("AESDEC", "DE", (state) =>
  mixColumns(substituted(shiftRows(state, -1), inverseSubstitution), inverseFactors),
);
export const AESDECLAST = round("AESDECLAST", "DF", (state) => substituted(shiftRows(state, -1), inverseSubstitution));

export const AESIMC = encodings(
  "AESIMC",
  { legacy: "66 0F 38 DB /r", operands: "xmm,xmm/m128", vex: "128", feature: "AES" },
  {
    execute: (machine, dst, src) =>
      writeVector(machine, dst, mixColumns(bytesOf(alignedVectorView(machine, src)), inverseFactors)),
  },
);
export const AESKEYGENASSIST = encodings(
  "AESKEYGENASSIST",
  { legacy: "66 0F 3A DF /r ib", operands: "xmm,xmm/m128,imm8", vex: "128", feature: "AES" },
  {
    execute(machine, dst, src, immediate) {
      const words = substituted(bytesOf(alignedVectorView(machine, src)), substitution);
      const constant = Number(machine.read(immediate));
      const result = new Uint8Array(16);
      for (const [to, from] of [
        [0, 4],
        [8, 12],
      ] as const)
        for (let i = 0; i < 4; i++) {
          result[to + i] = words[from + i];
          // The word rotated, with the round constant.
          result[to + 4 + i] = words[from + ((i + 1) & 3)] ^ (i === 0 ? constant : 0);
        }
      writeVector(machine, dst, result);
    },
  },
);

/** The product of two 64-bit halves without carries. */
export const PCLMULQDQ = encodings(
  "PCLMULQDQ",
  { legacy: "66 0F 3A 44 /r ib", operands: "xmm,xmm.v,xmm/m128,imm8", vex: "128", feature: "PCLMULQDQ" },
  {
    execute(machine, dst, first, second, immediate) {
      const selector = Number(machine.read(immediate));
      const y = alignedVectorView(machine, second).getBigUint64(selector & 0x10 ? 8 : 0, true);
      const x = vectorView(machine, first).getBigUint64(selector & 1 ? 8 : 0, true);
      let product = 0n;
      for (let bit = 0n; bit < 64n; bit++) if ((y >> bit) & 1n) product ^= x << bit;
      const result = new DataView(new ArrayBuffer(16));
      result.setBigUint64(0, BigInt.asUintN(64, product), true);
      result.setBigUint64(8, product >> 64n, true);
      writeVector(machine, dst, new Uint8Array(result.buffer));
    },
  },
);
