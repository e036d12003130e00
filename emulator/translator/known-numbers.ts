/**
 * What floating-point tests have found out before and need not find out again: that MXCSR asks for the usual mode, and which vector registers hold no denormal
 * numbers (or only where DE is set). True at a place of a region if it is on every way there from the entry.
 */
import { layout } from "../context-layout.ts";
import { isZeroVector } from "../ir/fold.ts";
import type { Effect, InstructionIr, Write } from "../ir/instruction-ir.ts";
import type { Node, VectorPart } from "../ir/node.ts";
import type { Region } from "./region.ts";

/** Masks over register numbers: doubles in bits 0–15, singles in bits 16–31. */
interface Known {
  /** The low lane. */
  readonly scalar: number;
  readonly packed: number;
  /** Of the upper half. */
  readonly high: number;
  /** MXCSR asks for what lifts do. */
  readonly usualMode: boolean;
}
const nothing: Known = { scalar: 0, packed: 0, high: 0, usualMode: false };
const everything: Known = { scalar: -1, packed: -1, high: -1, usualMode: true };

type Numbers = NonNullable<InstructionIr["numbers"]>;
type Place = "scalar" | "packed" | "high";

const bit = (register: number, isSingle: boolean): number => 1 << (register + (isSingle ? 16 : 0));
const both = (register: number): number => bit(register, false) | bit(register, true);
const placeOf = ({ part }: VectorPart): Place => (part === "high" ? "high" : part === "v128" ? "packed" : "scalar");

/** The tests that can be left out. */
export function superfluousTests(region: Region): ReadonlySet<Effect> {
  const { reversePostorder, predecessors } = region.graph;
  const atEnd = region.blocks.map(() => everything);
  const startOf = (index: number): Known =>
    index === 0 ? nothing : predecessors[index].map((from) => atEnd[from]).reduce(meet, everything);
  const superfluous = new Set<Effect>();
  const pass = (index: number, found?: Set<Effect>): Known => {
    const { instructions, terminator } = region.blocks[index];
    const end = instructions.reduce((known, { ir }) => (ir ? after(known, ir, found) : nothing), startOf(index));
    return terminator.kind === "call" ? nothing : end;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const index of reversePostorder) {
      const end = pass(index);
      if (!areEqual(end, atEnd[index])) changed = true;
      atEnd[index] = end;
    }
  }
  for (const index of reversePostorder) pass(index, superfluous);
  return superfluous;
}

function meet(x: Known, y: Known): Known {
  return {
    scalar: x.scalar & y.scalar,
    packed: x.packed & y.packed,
    high: x.high & y.high,
    usualMode: x.usualMode && y.usualMode,
  };
}
const areEqual = (x: Known, y: Known): boolean =>
  x.scalar === y.scalar && x.packed === y.packed && x.high === y.high && x.usualMode === y.usualMode;

function after(before: Known, { effects, writes, numbers }: InstructionIr, superfluous?: Set<Effect>): Known {
  let known = before;
  for (const effect of effects) {
    if (effect.kind !== "fallback" || !effect.tested) continue;
    if (effect.tested === "mode") {
      if (known.usualMode) superfluous?.add(effect);
      known = { ...known, usualMode: true };
      continue;
    }
    const { part, isSingle } = effect.tested;
    const place = placeOf(part);
    const mask = bit(part.register, isSingle);
    if (known[place] & mask) superfluous?.add(effect);
    known = { ...known, [place]: known[place] | mask };
    if (place === "packed") known = { ...known, scalar: known.scalar | mask };
  }
  let next = known;
  for (const write of writes) {
    // DE may be cleared.
    if (write.kind === "state" && write.target.offset === layout.mxcsr) return nothing;
    if (write.kind === "xmm") next = written(next, known, write, numbers);
  }
  return next;
}

function written(
  next: Known,
  known: Known,
  { target, value }: Write & { kind: "xmm" },
  numbers: Numbers | undefined,
): Known {
  const { register } = target;
  const all = both(register);
  /** Of the place that `value` goes to, in the bits of the register. */
  const found = whatIs(value, known, register, numbers);
  switch (target.part) {
    case "high":
      return { ...next, high: (next.high & ~all) | found };
    case "v128":
      return {
        ...next,
        scalar: (next.scalar & ~all) | found | lowLane(value, known, register, numbers),
        packed: (next.packed & ~all) | found,
      };
    default:
      return { ...next, scalar: (next.scalar & ~all) | found, packed: (next.packed & ~all) | (next.packed & found) };
  }
}

/** What is known of `value`, in the bits of `register`. */
function whatIs(value: Node, known: Known, register: number, numbers: Numbers | undefined): number {
  const number = numbers?.get(value);
  if (number) return bit(register, number.isSingle);
  if (value.op === "xmm") {
    const part = value.imm as VectorPart;
    const bits = known[placeOf(part)] & both(part.register);
    return part.register > register ? bits >>> (part.register - register) : bits << (register - part.register);
  }
  const isZero = isZeroVector(value) || (value.op === "v128.xor" && value.args[0] === value.args[1]);
  if (isZero) return both(register);
  // VEX scalars with the upper lanes of another register
  if (value.op === "f64x2.replace_lane" || value.op === "f32x4.replace_lane")
    return whatIs(value.args[0], known, register, numbers) & whatIs(value.args[1], known, register, numbers);
  return 0;
}
function lowLane(value: Node, known: Known, register: number, numbers: Numbers | undefined): number {
  if (value.op === "f64x2.replace_lane" || value.op === "f32x4.replace_lane")
    return whatIs(value.args[1], known, register, numbers);
  // The low lane of another register may be known better than the rest.
  if (value.op === "xmm") {
    const { register: other, part } = value.imm as VectorPart;
    if (part === "v128") return whatIs({ ...value, imm: { register: other, part: "f64" } }, known, register, numbers);
  }
  return 0;
}
