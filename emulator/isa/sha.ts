/** The SHA extensions: steps of SHA-1 and SHA-256 (FIPS 180-4). The SDM wants operands in memory aligned here as well; Zen 5 does not. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Operand } from "./operand.ts";
import { zeroVector } from "./vector-lift.ts";

/** dst = step(dst, src, …); the lowest word is the first. */
function sha(
  mnemonic: string,
  form: string,
  step: (b: Builder, x: Node, y: Node, extra: Operand) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    feature: "SHA",
    constantImmediate: form.endsWith("imm8"),
    lift(b, dst, src, extra) {
      const y = b.read(src, "v128");
      b.write(dst, step(b, b.read(dst, "v128"), y, extra));
    },
  });
}

/** Words of x (0–3) and y (4–7). */
const wordsOf = (b: Builder, x: Node, y: Node, ...picked: number[]): Node =>
  b.shuffle(x, y, picked.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte))); // prettier-ignore
const word = (b: Builder, x: Node, index: number): Node => b.lane("i32x4.extract_lane", index, x);
const fromWords = (b: Builder, words: readonly Node[]): Node =>
  words.slice(1).reduce((vector, value, index) => b.lane("i32x4.replace_lane", index + 1, vector, value), b.op("i32x4.splat", words[0])); // prettier-ignore
const sum = (b: Builder, ...terms: Node[]): Node => terms.reduce(b.add);
const exclusiveOr = (b: Builder, ...terms: Node[]): Node => terms.reduce(b.xor);

const rotated = (b: Builder, x: Node, left: number): Node =>
  b.op("v128.or", b.op("i32x4.shl", x, b.i32(left)), b.op("i32x4.shr_u", x, b.i32(32 - left)));

type Function3 = (b: Builder, x: Node, y: Node, z: Node) => Node;
const choice: Function3 = (b, x, y, z) => b.xor(z, b.and(x, b.xor(y, z)));
const parity: Function3 = exclusiveOr;
const majority: Function3 = (b, x, y, z) => b.or(b.and(x, y), b.and(z, b.or(x, y)));

/** The functions and constants of the four groups of 20 rounds. */
const groups: readonly { readonly f: Function3; readonly k: number }[] = [
  { f: choice, k: 0x5a827999 },
  { f: parity, k: 0x6ed9eba1 },
  { f: majority, k: 0x8f1bbcdc },
  { f: parity, k: 0xca62c1d6 },
];
export const SHA1RNDS4 = sha("SHA1RNDS4", "NP 0F 3A CC /r ib xmm,xmm/m128,imm8", (b, x, y, immediate) => {
  const { f, k } = groups[b.number(immediate) & 3];
  let [D, C, B, A] = [0, 1, 2, 3].map((index) => word(b, x, index));
  // The first of the four words already has E added.
  let E = b.i32(0);
  for (let i = 3; i >= 0; i--) {
    const next = sum(b, word(b, y, i), b.i32(k), E, f(b, B, C, D), b.rotl(A, 5));
    [A, B, C, D, E] = [next, A, b.rotl(B, 30), C, D];
  }
  return fromWords(b, [D, C, B, A]);
});
export const SHA1NEXTE = sha("SHA1NEXTE", "NP 0F 38 C8 /r xmm,xmm/m128", (b, x, y) =>
  b.lane("i32x4.replace_lane", 3, y, b.add(word(b, y, 3), b.rotl(word(b, x, 3), 30))),
);
export const SHA1MSG1 = sha("SHA1MSG1", "NP 0F 38 C9 /r xmm,xmm/m128", (b, x, y) =>
  b.op("v128.xor", x, wordsOf(b, x, y, 6, 7, 0, 1)),
);
export const SHA1MSG2 = sha("SHA1MSG2", "NP 0F 38 CA /r xmm,xmm/m128", (b, x, y) => {
  const mixed = rotated(b, b.op("v128.xor", x, wordsOf(b, y, zeroVector(b), 4, 0, 1, 2)), 1);
  // The lowest word takes the highest, the first of the schedule, as well.
  return b.op("v128.xor", mixed, rotated(b, wordsOf(b, mixed, zeroVector(b), 3, 4, 4, 4), 1));
});

export const SHA256RNDS2 = sha("SHA256RNDS2", "NP 0F 38 CB /r xmm,xmm/m128,xmm.0", (b, x, y, xmm0) => {
  const wk = b.read(xmm0, "v128");
  let [F, E, B, A] = [0, 1, 2, 3].map((index) => word(b, y, index));
  let [H, G, D, C] = [0, 1, 2, 3].map((index) => word(b, x, index));
  for (let i = 0; i < 2; i++) {
    const sigma1 = exclusiveOr(b, b.rotr(E, 6), b.rotr(E, 11), b.rotr(E, 25));
    const first = sum(b, H, word(b, wk, i), choice(b, E, F, G), sigma1);
    const sigma0 = exclusiveOr(b, b.rotr(A, 2), b.rotr(A, 13), b.rotr(A, 22));
    const next = sum(b, first, majority(b, A, B, C), sigma0);
    [A, B, C, D, E, F, G, H] = [next, A, B, C, b.add(first, D), E, F, G];
  }
  return fromWords(b, [F, E, B, A]);
});
/** σ0 and σ1 of four words: two rotations to the right and a shift. */
const sigma = (b: Builder, x: Node, [first, second, shift]: readonly [number, number, number]): Node =>
  [rotated(b, x, 32 - second), b.op("i32x4.shr_u", x, b.i32(shift))].reduce(
    (left, right) => b.op("v128.xor", left, right),
    rotated(b, x, 32 - first),
  );
export const SHA256MSG1 = sha("SHA256MSG1", "NP 0F 38 CC /r xmm,xmm/m128", (b, x, y) =>
  b.op("i32x4.add", x, sigma(b, wordsOf(b, x, y, 1, 2, 3, 4), [7, 18, 3])),
);
export const SHA256MSG2 = sha("SHA256MSG2", "NP 0F 38 CD /r xmm,xmm/m128", (b, x, y) => {
  const mixed = (words: Node): Node => b.op("i32x4.add", x, sigma(b, words, [17, 19, 10]));
  const lower = mixed(wordsOf(b, y, y, 2, 3, 2, 3));
  // The upper two words depend on the lower two of the result.
  const upper = mixed(wordsOf(b, lower, lower, 0, 1, 0, 1));
  return wordsOf(b, lower, upper, 0, 1, 6, 7);
});
