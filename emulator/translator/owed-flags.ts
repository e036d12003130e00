/**
 * Flags that a region leaves uncomputed when it calls or returns: nearly always the next comparison replaces them before anybody looks. The cells say what
 * they are those of: `owedX` + `owedY` or `owedX` - `owedY`, in so many bits. Not even regions read the flags in the context before they are settled, and nothing
 * but regions runs while flags are owed.
 */
import { layout } from "../context-layout.ts";
import { flagNames, type FlagName } from "../ir/node.ts";
import { windowLayout } from "../memory/window-layout.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import type { FlagKind } from "./flag-kind.ts";

const { owedFlags, owedX, owedY } = windowLayout;

/** What the cell `owedFlags` holds: an operation, and how many bits of 64 are not the operands'. 0: nothing is owed. */
const operations = { sub: 1, add: 2 } as const;
const SHIFT = 8;

/** Can the flags be owed? Otherwise they are stored. */
export const canBeOwed = ({ comparison, flags }: FlagKind): boolean =>
  comparison !== undefined && flagNames.every((name) => flags[name]);

/** `push` pushes an operand of the comparison, as i32 or i64. */
export function emitOwe(f: FunctionBuilder, { comparison }: FlagKind, push: (which: "x" | "y") => void): void {
  if (!comparison) throw new Error("only the flags of comparisons are owed");
  const { kind, x, width } = comparison;
  for (const [which, cell] of [
    ["x", owedX],
    ["y", owedY],
  ] as const) {
    f.i32(0);
    push(which);
    if (x.type === "i32") f.op("i64.extend_i32_u");
    f.memory("i64.store", cell);
  }
  // After a logical operation they are those of the result less 0.
  f.i32(0)
    .i32(operations[kind === "add" ? "add" : "sub"] | ((64 - width) << SHIFT))
    .memory("i32.store", owedFlags);
}
/** The flags of the context are valid from here on, or become so by what follows. */
export function emitOweNothing(f: FunctionBuilder): void {
  f.i32(0).i32(0).memory("i32.store", owedFlags);
}
/** Calls function `settle` where flags are owed. */
export function emitSettled(f: FunctionBuilder, settle: number): void {
  f.i32(0).memory("i32.load", owedFlags).if();
  f.call(settle).end();
}

/** The function that computes what is owed, if anything is, into the context; without parameters and results. SDM volume 1, 3.4.3.1. */
export function emitSettle(f: FunctionBuilder): void {
  const [x, y, result, shift] = [f.local("i64"), f.local("i64"), f.local("i64"), f.local("i64")];
  const isAddition = f.local("i32");
  f.i32(0).memory("i32.load", owedFlags).op("i32.eqz").if();
  f.return().end();
  f.i32(0).memory("i64.load", owedX).set(x);
  f.i32(0).memory("i64.load", owedY).set(y);
  f.i32(0).memory("i32.load", owedFlags).i32(SHIFT).op("i32.shr_u").op("i64.extend_i32_u").set(shift);
  f.i32(0).memory("i32.load", owedFlags).i32(0xff).op("i32.and").i32(operations.add).op("i32.eq").set(isAddition);
  f.get(x).get(y).op("i64.add").get(x).get(y).op("i64.sub").get(isAddition).select().set(result);
  const atTop = (push: () => void): void => {
    push();
    f.get(shift).op("i64.shl");
  };
  const flag = (name: FlagName, push: () => void): void => {
    f.i32(0);
    push();
    f.memory("i32.store", windowLayout.state + layout[name]);
  };
  // The sum is less than x, or x less than y.
  flag("cf", () => {
    atTop(() => f.get(result).get(x).get(isAddition).select());
    atTop(() => f.get(x).get(y).get(isAddition).select());
    f.op("i64.lt_u");
  });
  flag("zf", () => (atTop(() => f.get(result)), f.op("i64.eqz")));
  flag("sf", () => (atTop(() => f.get(result)), f.i64(0n).op("i64.lt_s")));
  flag("pf", () => f.get(result).op("i32.wrap_i64"));
  flag("af", () => f.get(x).get(y).op("i64.xor").get(result).op("i64.xor").op("i32.wrap_i64"));
  flag("of", () => {
    atTop(() => {
      f.get(x).get(result).op("i64.xor");
      f.get(y);
      f.get(result).get(x).get(isAddition).select();
      f.op("i64.xor").op("i64.and");
    });
    f.i64(0n).op("i64.lt_s");
  });
  emitOweNothing(f);
}
