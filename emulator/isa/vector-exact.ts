/**
 * SSE floating point by the book: every rounding mode, DAZ and FTZ, NaNs, sticky flags, unmasked exceptions.
 *
 * The lifts of floating-point instructions do round to nearest with everything masked and denormals kept, on numbers; whatever else MXCSR
 * asks for, every NaN, and what changes the sticky flags (sticky-flags.ts) is left to these.
 */
import { compare, type Relation } from "../soft-float/arithmetic.ts";
import { Environment, Exceptions, Rounding } from "../soft-float/environment.ts";
import type { Float, Format } from "../soft-float/float.ts";
import { double, fromDouble, fromInteger, fromSingle, single, toDouble, toSingle, zero } from "../soft-float/float.ts";
import { toInteger } from "../soft-float/round.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

export type Lane = "f32" | "f64" | "i32" | "i64";

const bytesOf: Record<Lane, 4 | 8> = { f32: 4, f64: 8, i32: 4, i64: 8 };
export const formatOf = (lane: Lane): Format => (lane === "f32" ? single : double);

const DAZ = 0x40;
const MASKS_SHIFT = 7;
const ROUNDING_SHIFT = 13;
const FTZ = 0x8000;
/** Exceptions found before a result is computed. */
const PRE_COMPUTATION = Exceptions.IE | Exceptions.DE | Exceptions.ZE;

export const denormalsAreZero = ({ context }: Machine): boolean => (context.mxcsr & DAZ) !== 0;

/** One SSE floating-point instruction: its environment, and the delivery of what it raised. */
export class ExactOperation {
  readonly env: Environment;
  readonly #machine: Machine;
  readonly #denormalsAreZero: boolean;

  constructor(machine: Machine, rounding?: number, mayFlush = true) {
    const { mxcsr } = machine.context;
    this.#machine = machine;
    this.#denormalsAreZero = denormalsAreZero(machine);
    this.env = new Environment({
      rounding: rounding ?? (mxcsr >> ROUNDING_SHIFT) & 3,
      masks: (mxcsr >> MASKS_SHIFT) & Exceptions.all,
      unit: "sse",
      exponentWrap: 0,
      flushToZero: mayFlush && (mxcsr & FTZ) !== 0,
    });
  }

  operand(view: DataView, lane: Lane, index: number): Float {
    const at = index * bytesOf[lane];
    switch (lane) {
      case "i32":
        return fromInteger(BigInt(view.getInt32(at, true)));
      case "i64":
        return fromInteger(view.getBigInt64(at, true));
      case "f32":
      case "f64": {
        const x = lane === "f32" ? fromSingle(view.getUint32(at, true)) : fromDouble(view.getBigUint64(at, true));
        return x.denormal && this.#denormalsAreZero ? zero(x.sign) : x;
      }
    }
  }

  /** Sets the sticky flags; raises #XM where one of them is unmasked. Nothing else may have changed before. */
  deliver(): void {
    const { env } = this;
    const unmasked = env.raised & ~env.masks;
    const { context } = this.#machine;
    context.mxcsr |= unmasked & PRE_COMPUTATION ? env.raised & PRE_COMPUTATION : env.raised;
    if (unmasked) this.#machine.raise("XM");
  }
}

/** The bytes of a vector register or memory operand, as many as it has. Those of an XMM or MMX register are live. */
export function vectorView(machine: Machine, operand: Operand): DataView {
  if (operand.kind === "register" && operand.file === "xmm") {
    const low = machine.context.xmm(operand.register);
    if (operand.width !== 256) return new DataView(low.buffer, low.byteOffset, 16);
    const both = new Uint8Array(32);
    both.set(low);
    both.set(machine.context.ymmHigh(operand.register), 16);
    return new DataView(both.buffer);
  }
  if (operand.kind === "register" && operand.file === "mmx") {
    const bytes = machine.context.x87(operand.register);
    return new DataView(bytes.buffer, bytes.byteOffset, 8);
  }
  if (operand.kind === "memory") {
    const bytes = machine.space.read(machine.address(operand), operand.width / 8);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  const value = new DataView(new ArrayBuffer(8));
  value.setBigUint64(0, machine.read(operand), true);
  return value;
}

const hasVex = (machine: Machine): boolean => machine.instruction.form.vex !== undefined;

/** Writes a vector register: 16 bytes or, in a YMM register, 32. VEX encodings clear the upper half that is not written. */
export function writeVector(machine: Machine, dst: Operand, bytes: Uint8Array): void {
  if (dst.kind !== "register") throw new Error("no vector register");
  const { context } = machine;
  if (dst.file === "mmx") {
    const register = context.x87(dst.register);
    register.set(bytes.subarray(0, 8));
    // The exponent.
    register.fill(0xff, 8);
    return;
  }
  context.xmm(dst.register).set(bytes.subarray(0, 16));
  if (dst.width === 256) context.ymmHigh(dst.register).set(bytes.subarray(16, 32));
  else if (hasVex(machine)) context.ymmHigh(dst.register).fill(0);
}

function writeLane(view: DataView, lane: Lane, index: number, value: Float | bigint): void {
  const at = index * bytesOf[lane];
  if (typeof value === "bigint") {
    if (bytesOf[lane] === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
    else view.setBigUint64(at, BigInt.asUintN(64, value), true);
  } else if (lane === "f32") view.setUint32(at, toSingle(value), true);
  else view.setBigUint64(at, toDouble(value), true);
}

export interface Lanes {
  readonly from: Lane;
  readonly to: Lane;
  /** Of 128 bits; where an operand has 256, there are twice as many. */
  readonly count: number;
  /** What is not computed is as in this operand, or 0. */
  readonly rest?: Operand;
}

type Compute = (env: Environment, ...operands: Float[]) => Float | bigint;

/** `dst` lane by lane from the same lanes of the sources. */
export function exactLanes(
  machine: Machine,
  dst: Operand,
  sources: readonly Operand[],
  lanes: Lanes,
  compute: Compute,
  rounding?: number,
): void {
  const ofLane = (env: Environment, read: LaneReader, i: number): Float | bigint =>
    compute(env, ...sources.map((_, source) => read(source, i)));
  exactEach(machine, dst, sources, lanes, ofLane, rounding);
}

/** A lane of one of the sources, by its position among them; of 256 bits, counted in the half that the result is in. */
export type LaneReader = (source: number, lane: number) => Float;

/** `dst` lane by lane from any lanes of the sources in the same 128 bits. */
export function exactEach(
  machine: Machine,
  dst: Operand,
  sources: readonly Operand[],
  { from, to, count, rest }: Lanes,
  compute: (env: Environment, read: LaneReader, i: number, half: number) => Float | bigint,
  rounding?: number,
): void {
  const operation = new ExactOperation(machine, rounding);
  const views = sources.map((source) => vectorView(machine, source));
  const results: (Float | bigint)[] = [];
  const isWide = [dst, ...sources].some(({ width }) => width === 256);
  for (let half = 0; half < (isWide ? 2 : 1); half++) {
    const read: LaneReader = (source, lane) => operation.operand(views[source], from, half * count + lane);
    for (let i = 0; i < count; i++) results.push(compute(operation.env, read, i, half));
  }
  operation.deliver();
  if (dst.kind === "register" && dst.file === "gpr") {
    machine.write(dst, BigInt.asUintN(dst.width, results[0] as bigint));
    return;
  }
  const bytes = new Uint8Array(32);
  if (rest) {
    const { buffer, byteOffset, byteLength } = vectorView(machine, rest);
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
  }
  const target = new DataView(bytes.buffer);
  results.forEach((result, i) => writeLane(target, to, i, result));
  writeVector(machine, dst, bytes);
}

/** To an integer of `bits` bits; out of range the integer indefinite. */
export function exactInteger(bits: number): Compute {
  return (env, x) => toInteger(env, x, bits) ?? -(1n << BigInt(bits - 1));
}
export const roundingOf = (truncate: boolean): number | undefined => (truncate ? Rounding.towardZero : undefined);

/** MIN and MAX: the second operand, unless the comparison holds. A NaN of either kind raises IE. */
export function exactExtreme(wanted: "less" | "greater"): Compute {
  return (env, x, y) => (compare(env, x, y, false) === wanted ? x : y);
}

export interface Predicate {
  /** What satisfies it. */
  readonly relations: readonly Relation[];
  /** A quiet NaN raises nothing. */
  readonly quiet: boolean;
}
/** The predicates of CMPPS and its relatives; legacy encodings have the first eight. SDM volume 2, table 3-1. */
const predicates: readonly Predicate[] = [
  { relations: ["equal"], quiet: true },
  { relations: ["less"], quiet: false },
  { relations: ["less", "equal"], quiet: false },
  { relations: ["unordered"], quiet: true },
  { relations: ["less", "greater", "unordered"], quiet: true },
  { relations: ["equal", "greater", "unordered"], quiet: false },
  { relations: ["greater", "unordered"], quiet: false },
  { relations: ["less", "equal", "greater"], quiet: true },
  { relations: ["equal", "unordered"], quiet: true },
  { relations: ["less", "unordered"], quiet: false },
  { relations: ["less", "equal", "unordered"], quiet: false },
  { relations: [], quiet: true },
  { relations: ["less", "greater"], quiet: true },
  { relations: ["equal", "greater"], quiet: false },
  { relations: ["greater"], quiet: false },
  { relations: ["less", "equal", "greater", "unordered"], quiet: true },
];
/** The upper 16 differ from the lower 16 in what a quiet NaN raises. */
export function predicateOf(code: number): Predicate {
  const { relations, quiet } = predicates[code & 15];
  return { relations, quiet: quiet !== (code & 16) > 0 };
}
export function exactPredicate({ relations, quiet }: Predicate): Compute {
  return (env, x, y) => (relations.includes(compare(env, x, y, quiet)) ? -1n : 0n);
}

/** COMISD, UCOMISD. */
export function exactRelation(machine: Machine, left: Operand, right: Operand, lane: Lane, quiet: boolean): Relation {
  const operation = new ExactOperation(machine);
  const x = operation.operand(vectorView(machine, left), lane, 0);
  const y = operation.operand(vectorView(machine, right), lane, 0);
  const relation = compare(operation.env, x, y, quiet);
  operation.deliver();
  return relation;
}
