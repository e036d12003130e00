import { describe, expect, test } from "vitest";
import { Context, Register } from "../context.ts";
import { Protection } from "../cpu.ts";
import { createCpu } from "../engine.ts";
import { multiplyAdd } from "../soft-float/arithmetic.ts";
import { Environment, Exceptions } from "../soft-float/environment.ts";
import { double, fromDouble, fromSingle, single, toDouble, toSingle } from "../soft-float/float.ts";

const CODE = 0x1_4000_0000;
const DATA = 0x2_0000_0000;
const TRIPLES = 3000;

/** Runs `fma` (xmm0 = xmm1 × xmm0 + xmm2) over three vectors at a time; the results are where the first were. */
function runLoop(fma: string, vectors: Uint8Array): Uint8Array {
  const cpu = createCpu({ level: 3, translateAfter: 0, seed: 1 });
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Write | Protection.Execute);
  space.map(DATA, Math.ceil(vectors.length / 0x1000) * 0x1000, Protection.Read | Protection.Write);
  // movups xmm0-xmm2, [rsi…]; …; movups [rsi], xmm0; add rsi, 48; dec rcx; jnz; int3
  const code = `0f 10 06 0f 10 4e 10 0f 10 56 20 ${fma} 0f 11 06 48 83 c6 30 48 ff c9 75 e4 cc`;
  space.poke(
    CODE,
    Uint8Array.from(code.split(" "), (byte) => parseInt(byte, 16)),
  );
  space.poke(DATA, vectors);
  const context = new Context();
  context.rip = CODE;
  context.setNumber(Register.RSI, DATA);
  context.setNumber(Register.RCX, vectors.length / 48);
  expect(cpu.run(space, context, 1e6)).toEqual({ reason: "breakpoint" });
  return space.read(DATA, vectors.length);
}

const environment = (): Environment =>
  new Environment({ rounding: 0, masks: Exceptions.all, unit: "sse", exponentWrap: 0 });
const plain = { negateProduct: false, negateAddend: false };

let state = 12345;
const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
/** Of few bits or of many, so that products have ties and short tails. */
function number(bits: number): number {
  const significand = Math.floor(random() * 2 ** pick([3, bits >> 1, bits]));
  return pick([-1, 1]) * significand * 2 ** Math.floor(random() * 60 - 30);
}
/** A neighbour of what cancels the product, a number far below or above it, half a unit of it, or any. */
function addend(product: number, bits: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(product) || 1)) - bits + 1);
  return pick([
    () => -product,
    () => -product + unit * Math.floor(random() * 5 - 2),
    () => (unit / 2) * pick([-3, -1, 1, 3]),
    () => unit * 2 ** -Math.floor(random() * bits * 2) * pick([-1, 1]),
    () => product * 2 ** Math.floor(random() * bits * 2),
    () => pick([0, -0]),
    () => number(bits),
  ])();
}

describe("fused multiply-add rounds once", () => {
  test("doubles", () => {
    const values = new Float64Array(TRIPLES * 6);
    for (let i = 0; i < TRIPLES * 6; i += 6)
      for (let lane = i; lane < i + 2; lane++) {
        values[lane] = pick([1, 1, 1, 2 ** -1000, 2 ** 980]) * number(53);
        values[lane + 2] = number(53);
        values[lane + 4] = addend(values[lane] * values[lane + 2], 53);
      }
    const results = new BigUint64Array(runLoop("c4 e2 f1 a8 c2", new Uint8Array(values.buffer.slice(0))).buffer);
    const inputs = new BigUint64Array(values.buffer);
    const wrong: string[] = [];
    for (let at = 0; at < inputs.length; at += at % 2 ? 5 : 1) {
      const [x, y, z] = [inputs[at], inputs[at + 2], inputs[at + 4]].map(fromDouble);
      const expected = toDouble(multiplyAdd(environment(), double, [y, x, z], plain));
      if (results[at] !== expected)
        wrong.push(`${values[at]} × ${values[at + 2]} + ${values[at + 4]}: ${results[at]}, not ${expected}`);
    }
    expect(wrong).toEqual([]);
  });

  test("singles", () => {
    const values = new Float32Array(TRIPLES * 12);
    for (let i = 0; i < TRIPLES * 12; i += 12)
      for (let lane = i; lane < i + 4; lane++) {
        values[lane] = pick([1, 1, 1, 2 ** -100, 2 ** 90]) * number(24);
        values[lane + 4] = number(24);
        values[lane + 8] = addend(values[lane] * values[lane + 4], pick([24, 48]));
      }
    const results = new Uint32Array(runLoop("c4 e2 71 a8 c2", new Uint8Array(values.buffer.slice(0))).buffer);
    const inputs = new Uint32Array(values.buffer);
    const wrong: string[] = [];
    for (let at = 0; at < inputs.length; at += at % 4 === 3 ? 9 : 1) {
      const [x, y, z] = [inputs[at], inputs[at + 4], inputs[at + 8]].map(fromSingle);
      const expected = toSingle(multiplyAdd(environment(), single, [y, x, z], plain)) >>> 0;
      if (results[at] !== expected)
        wrong.push(`${values[at]} × ${values[at + 4]} + ${values[at + 8]}: ${results[at]}, not ${expected}`);
    }
    expect(wrong).toEqual([]);
  });
});
