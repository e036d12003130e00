/** The SHA extensions: steps of SHA-1 and SHA-256 (FIPS 180-4). */
import { instruction, type InstructionSpecification } from "./instruction.ts";
import { vectorView } from "./vector-exact.ts";

const rotateLeft = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const rotateRight = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

type Words = readonly [number, number, number, number];
const words = (view: DataView): Words => [0, 4, 8, 12].map((at) => view.getInt32(at, true)) as unknown as Words;

/** dst = step(dst, src, …), words in the order of memory: [0] is the lowest. */
function sha(
  mnemonic: string,
  form: string,
  step: (x: Words, y: Words, immediate: number, xmm0: Words) => Words,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    feature: "SHA",
    execute(machine, dst, src, extra) {
      // The SDM wants alignment here as well; Zen 5 does not.
      const y = words(vectorView(machine, src));
      const target = vectorView(machine, dst);
      const immediate = extra?.kind === "immediate" ? Number(machine.read(extra)) : 0;
      const first = machine.context.xmm(0);
      const xmm0 = words(new DataView(first.buffer, first.byteOffset, 16));
      step(words(target), y, immediate, xmm0).forEach((word, i) => target.setInt32(i * 4, word, true));
    },
  });
}

/** The functions and constants of the four groups of 20 rounds. */
const rounds1: readonly { readonly f: (b: number, c: number, d: number) => number; readonly k: number }[] = [
  { f: (b, c, d) => (b & c) ^ (~b & d), k: 0x5a827999 },
  { f: (b, c, d) => b ^ c ^ d, k: 0x6ed9eba1 },
  { f: (b, c, d) => (b & c) ^ (b & d) ^ (c & d), k: 0x8f1bbcdc },
  { f: (b, c, d) => b ^ c ^ d, k: 0xca62c1d6 },
];
export const SHA1RNDS4 = sha("SHA1RNDS4", "NP 0F 3A CC /r ib xmm,xmm/m128,imm8", (x, y, immediate) => {
  const { f, k } = rounds1[immediate & 3];
  let [d, c, b, a] = x;
  let e = 0;
  // The first of the four words already has E added.
  for (let i = 3; i >= 0; i--) {
    const next = (rotateLeft(a, 5) + f(b, c, d) + y[i] + k + e) | 0;
    [a, b, c, d, e] = [next, a, rotateLeft(b, 30), c, d];
  }
  return [d, c, b, a];
});
export const SHA1NEXTE = sha("SHA1NEXTE", "NP 0F 38 C8 /r xmm,xmm/m128", (x, y) => [
  y[0],
  y[1],
  y[2],
  (y[3] + rotateLeft(x[3], 30)) | 0,
]);
export const SHA1MSG1 = sha("SHA1MSG1", "NP 0F 38 C9 /r xmm,xmm/m128", (x, y) => [
  x[0] ^ y[2],
  x[1] ^ y[3],
  x[2] ^ x[0],
  x[3] ^ x[1],
]);
export const SHA1MSG2 = sha("SHA1MSG2", "NP 0F 38 CA /r xmm,xmm/m128", (x, y) => {
  const w16 = rotateLeft(x[3] ^ y[2], 1);
  const w17 = rotateLeft(x[2] ^ y[1], 1);
  const w18 = rotateLeft(x[1] ^ y[0], 1);
  const w19 = rotateLeft(x[0] ^ w16, 1);
  return [w19, w18, w17, w16];
});

export const SHA256RNDS2 = sha("SHA256RNDS2", "NP 0F 38 CB /r xmm,xmm/m128,xmm.0", (x, y, _immediate, wk) => {
  let [f, e, b, a] = y;
  let [h, g, d, c] = x;
  for (let i = 0; i < 2; i++) {
    const choice = (e & f) ^ (~e & g);
    const sigma1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const sigma0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
    const sum = (h + sigma1 + choice + wk[i]) | 0;
    [a, b, c, d, e, f, g, h] = [(sum + majority + sigma0) | 0, a, b, c, (sum + d) | 0, e, f, g];
  }
  return [f, e, b, a];
});
const small0 = (x: number): number => rotateRight(x, 7) ^ rotateRight(x, 18) ^ (x >>> 3);
const small1 = (x: number): number => rotateRight(x, 17) ^ rotateRight(x, 19) ^ (x >>> 10);
export const SHA256MSG1 = sha("SHA256MSG1", "NP 0F 38 CC /r xmm,xmm/m128", (x, y) => [
  (x[0] + small0(x[1])) | 0,
  (x[1] + small0(x[2])) | 0,
  (x[2] + small0(x[3])) | 0,
  (x[3] + small0(y[0])) | 0,
]);
export const SHA256MSG2 = sha("SHA256MSG2", "NP 0F 38 CD /r xmm,xmm/m128", (x, y) => {
  const w16 = (x[0] + small1(y[2])) | 0;
  const w17 = (x[1] + small1(y[3])) | 0;
  return [w16, w17, (x[2] + small1(w16)) | 0, (x[3] + small1(w17)) | 0];
});
