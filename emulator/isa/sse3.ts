/** SSE3: horizontal and alternating floating-point sums, duplicated lanes. (FISTTP is with the x87, moves with the moves.) */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { add, subtract } from "../soft-float/arithmetic.ts";
import type { InstructionSpecification } from "./instruction.ts";
import { everySecond } from "./ssse3.ts";
import { leaveFor, StickyFlags } from "./sticky-flags.ts";
import { exactEach, formatOf, type LaneReader } from "./vector-exact.ts";
import { encodings, halves, integers64, vectorUnary, writeHalves } from "./vector-lift.ts";

const feature = "SSE3";

interface PairOperation {
  /** What is added or subtracted lane by lane. */
  readonly operands: (b: Builder, lanes: "f32x4" | "f64x2", x: Node, y: Node) => readonly [Node, Node];
  readonly operation: "add" | "subtract";
  /** The operands of result lane i: which of dst (0) and src (1), which lane; and whether they are subtracted. */
  readonly pair: (
    i: number,
    count: number,
  ) => { readonly a: readonly [0 | 1, number]; readonly b: readonly [0 | 1, number]; readonly minus: boolean };
}

function bothPrecisions(
  name: string,
  opcode: string,
  { operands, operation, pair }: PairOperation,
): InstructionSpecification[] {
  const declare = (suffix: string, prefix: string, lanes: "f32x4" | "f64x2"): InstructionSpecification[] => {
    const lane = lanes === "f32x4" ? "f32" : "f64";
    const count = lanes === "f32x4" ? 4 : 2;
    return encodings(
      name + suffix,
      { legacy: `${prefix} 0F ${opcode} /r`, operands: "xmm,xmm.v,xmm/m128", vex: "AVX", feature },
      {
        lift(b, dst, first, second) {
          const y = halves(b, second);
          const x = halves(b, first);
          const pairs = y.map((_, half) => operands(b, lanes, x[half], y[half]));
          const results = pairs.map(([left, right]) =>
            b.op(`${lanes}.${operation === "add" ? "add" : "sub"}`, left, right),
          );
          const flags = new StickyFlags(b, lanes);
          const [left, right] = ([0, 1] as const).map((side) => pairs.map((pair) => pair[side]));
          const { checks, inexact } = flags[operation](left, right, results);
          leaveFor(b, checks, inexact);
          writeHalves(b, dst, results);
        },
        execute: (machine, dst, first, second) =>
          exactEach(machine, dst, [first, second], { from: lane, to: lane, count }, (env, read: LaneReader, i) => {
            const { a, b, minus } = pair(i, count);
            return (minus ? subtract : add)(env, formatOf(lane), read(...a), read(...b));
          }),
      },
    );
  };
  return [...declare("PS", "F2", "f32x4"), ...declare("PD", "66", "f64x2")];
}

function horizontal(minus: boolean): PairOperation {
  return {
    operation: minus ? "subtract" : "add",
    operands(b, lanes, x, y) {
      const bytes = lanes === "f32x4" ? 4 : 8;
      return [everySecond(b, x, y, bytes, 0), everySecond(b, x, y, bytes, 1)];
    },
    pair(i, count) {
      const half = count / 2;
      const source = i < half ? 0 : 1;
      const first = (i % half) * 2;
      return { a: [source, first], b: [source, first + 1], minus };
    },
  };
}
export const sse3Arithmetic = [
  bothPrecisions("HADD", "7C", horizontal(false)),
  bothPrecisions("HSUB", "7D", horizontal(true)),
  bothPrecisions("ADDSUB", "D0", {
    operation: "add",
    // The even lanes are subtracted.
    operands: (b, lanes, x, y) => [
      x,
      b.op("v128.xor", y, lanes === "f32x4" ? integers64(b, 1n << 31n) : integers64(b, -(1n << 63n), 0n)),
    ],
    pair: (i) => ({ a: [0, i], b: [1, i], minus: i % 2 === 0 }),
  }),
].flat();

/** The even or odd lanes of 32 bits, twice each. */
function duplicate(mnemonic: string, opcode: string, odd: 0 | 4): InstructionSpecification[] {
  const order = [0, 0, 8, 8].flatMap((at) => [0, 1, 2, 3].map((byte) => at + odd + byte));
  return vectorUnary(mnemonic, `F3 0F ${opcode}`, (b, x) => b.shuffle(x, x, order), { feature, vex: "AVX" });
}
export const MOVSLDUP = duplicate("MOVSLDUP", "12", 0);
export const MOVSHDUP = duplicate("MOVSHDUP", "16", 4);
