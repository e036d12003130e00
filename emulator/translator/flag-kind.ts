/**
 * How the six arithmetic flags of a region are known at a point: not as six values but as the operands of the instruction that set them, in a few
 * locals that all such instructions share or the registers as long as they stay the same, and a *kind* that says what to compute from the operands when somebody asks. Where several
 * kinds meet, a local holds the kind's number. So setting flags costs two or three local.set, a conditional jump is one comparison, and the six
 * flags are computed only where the region is left.
 */
import type { FlagWrite } from "../ir/instruction-ir.ts";
import { flagNames, type FlagName, type Node, type RegisterPart } from "../ir/node.ts";
import type { ValueType } from "../wasm/opcodes.ts";

/** The flags are in the context in memory, as at the region's entry. */
export const IN_MEMORY = 0;

/** Masks over `flagNames`. */
export const flagBit: Readonly<Record<FlagName, number>> = { cf: 1, pf: 2, af: 4, zf: 8, sf: 16, of: 32 };
export const ALL_FLAGS = 63;

/** `x` and `y` are operands' numbers. */
export interface Comparison {
  readonly kind: "sub" | "add" | "logic";
  readonly x: Node;
  readonly y: Node;
  readonly width: 8 | 16 | 32 | 64;
}

export interface FlagKind {
  readonly number: number;
  readonly operands: readonly ValueType[];
  /** Expressions over leaves `operand` (`imm`: the operand's number). Absent: nobody asks for it. */
  readonly flags: Readonly<Partial<Record<FlagName, Node>>>;
  readonly comparison: Comparison | undefined;
}

/** An instruction that sets flags somebody may ask for. */
export interface FlagSite {
  readonly kind: FlagKind;
  /** What the operands are, in the instruction's own nodes. */
  readonly operands: readonly Node[];
  /** Flags, operands and kind stay as they are when this is 0. */
  readonly condition: Node | undefined;
}

/** Constants up to here are part of an expression's shape (shift counts, sign bits); others are operands, so that sites share kinds. */
const SHAPE_CONSTANTS = new Set([0xff, 0xffff, 0x8000, -0x8000_0000, 0xffff_ffff]);
const isShape = (value: unknown): boolean =>
  (typeof value === "number" || typeof value === "bigint") &&
  ((Number(value) >= -1 && Number(value) <= 64) || SHAPE_CONSTANTS.has(Number(value)));

export class FlagKinds {
  readonly #kinds: FlagKind[] = [{ number: IN_MEMORY, operands: [], flags: {}, comparison: undefined }];
  readonly #byKey = new Map<string, FlagKind>();

  get(number: number): FlagKind {
    return this.#kinds[number];
  }
  get count(): number {
    return this.#kinds.length;
  }

  /**
   * The site for `write` when the flags of `needed` may be asked for afterwards; undefined when none. `changed` are the registers that may change before the
   * flags are new: others need no copy in an operand.
   */
  site(write: FlagWrite, needed: number, changed: number): FlagSite | undefined {
    if (!needed || !flagNames.some((name) => write[name] && needed & flagBit[name])) return undefined;
    const condition = conditionOf(write);
    const shape = new Shape(changed);
    // The comparison's operands first: they are where expressions are cut.
    const comparison = write.compare && {
      ...write.compare,
      x: shape.operand(write.compare.x),
      y: shape.operand(write.compare.y),
    };
    const flags: Partial<Record<FlagName, Node>> = {};
    for (const name of flagNames) {
      if (!(needed & flagBit[name])) continue;
      const node = write[name] ?? preserved(name);
      flags[name] = shape.copy(condition && write[name] ? node.args[0] : node);
    }
    const key = `${comparison ? `${comparison.kind}${comparison.width} ${print(comparison.x)} ${print(comparison.y)}` : ""} ${flagNames.map((name) => (flags[name] ? print(flags[name]) : "-")).join(" ")}`;
    let kind = this.#byKey.get(key);
    if (!kind) {
      kind = { number: this.#kinds.length, operands: shape.operands.map(({ type }) => type), flags, comparison };
      this.#kinds.push(kind);
      this.#byKey.set(key, kind);
    }
    return { kind, operands: shape.operands, condition };
  }
}

/** The raw flag before the instruction, which goes on to be the flag after it. */
const preserved = (name: FlagName): Node => ({ op: "flag", type: "i32", args: [], imm: name, uses: 1 });

/** The condition under which any flag changes, when all are `condition ? new : old` (shifts by CL). */
export function conditionOf(write: FlagWrite): Node | undefined {
  let condition: Node | undefined;
  for (const name of flagNames) {
    const node = write[name];
    if (!node) continue;
    if (node.op !== "select" || node.args[1].op !== "flag" || node.args[1].imm !== name) return undefined;
    condition ??= node.args[2];
    if (condition !== node.args[2]) return undefined;
  }
  return condition;
}

/** Copies expressions of one instruction, with the values they start from replaced by operands, but for registers that do not change. */
class Shape {
  readonly operands: Node[] = [];
  readonly #copies = new Map<Node, Node>();
  readonly #changed: number;

  constructor(changed: number) {
    this.#changed = changed;
  }

  operand(node: Node): Node {
    const known = this.#copies.get(node);
    if (known) return known;
    if (node.op === "const" && isShape(node.imm)) return node;
    if (node.op === "gpr" && !(this.#changed & (1 << (node.imm as RegisterPart).register))) return node;
    const leaf: Node = { op: "operand", type: node.type, args: [], imm: this.operands.length, uses: 1 };
    this.operands.push(node);
    this.#copies.set(node, leaf);
    return leaf;
  }
  copy(node: Node): Node {
    const known = this.#copies.get(node);
    if (known) {
      (known as { uses: number }).uses++;
      return known;
    }
    // A load is a leaf: it happened when the instruction was executed.
    if (node.op === "load" || node.op === "load.high" || !node.args.length) return this.operand(node);
    const copy: Node = {
      op: node.op,
      type: node.type,
      args: node.args.map((arg) => this.copy(arg)),
      imm: node.imm,
      uses: 1,
    };
    this.#copies.set(node, copy);
    return copy;
  }
}

function print(node: Node): string {
  const imm = node.imm === undefined ? "" : typeof node.imm === "object" ? JSON.stringify(node.imm) : String(node.imm);
  return `${node.op}:${node.type}${imm ? `=${imm}` : ""}${node.args.length ? `(${node.args.map(print).join()})` : ""}`;
}
