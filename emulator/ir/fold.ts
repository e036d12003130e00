import type { Node } from "./node.ts";

/** Whether `node` is 16 bytes of zeroes. */
export const isZeroVector = ({ op, imm }: Node): boolean =>
  op === "const" && imm instanceof Uint8Array && imm.every((byte) => byte === 0);

/** The value of a constant as a signed bigint, or undefined. */
export function constantValue(node: Node): bigint | undefined {
  if (node.op !== "const") return undefined;
  if (typeof node.imm === "bigint") return node.imm;
  return node.type === "i32" && typeof node.imm === "number" ? BigInt(node.imm | 0) : undefined;
}

type Fold = (x: bigint, y: bigint, bits: number) => bigint | undefined;

const shiftCount = (y: bigint, bits: number): bigint => y & BigInt(bits - 1);
const unsigned = (x: bigint, bits: number): bigint => BigInt.asUintN(bits, x);

const binary: Record<string, Fold> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y, bits) => x << shiftCount(y, bits),
  shr_s: (x, y, bits) => x >> shiftCount(y, bits),
  shr_u: (x, y, bits) => unsigned(x, bits) >> shiftCount(y, bits),
};
const comparisons: Record<string, (x: bigint, y: bigint, bits: number) => boolean> = {
  eq: (x, y) => x === y,
  ne: (x, y) => x !== y,
  lt_s: (x, y) => x < y,
  ge_s: (x, y) => x >= y,
  lt_u: (x, y, bits) => unsigned(x, bits) < unsigned(y, bits),
  ge_u: (x, y, bits) => unsigned(x, bits) >= unsigned(y, bits),
};
/** Operations `x op 0 = x`, and those where `0 op x = x` too. */
const rightIdentity = new Set(["add", "sub", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr"]);
const leftIdentity = new Set(["add", "or", "xor"]);

export type Folded = { readonly value: bigint; readonly type: "i32" | "i64" } | { readonly node: Node } | undefined;

interface FoldedOperation {
  readonly type: "i32" | "i64";
  readonly name: string;
}
const operations = new Map<string, FoldedOperation | undefined>();

function operationOf(op: string): FoldedOperation | undefined {
  if (!operations.has(op)) {
    const [type, name] = op.split(".");
    operations.set(op, type === "i32" || type === "i64" ? { type, name } : undefined);
  }
  return operations.get(op);
}

/** What `op` of `args` is when that can be said now: a constant, or one of the arguments. */
export function fold(op: string, args: readonly Node[]): Folded {
  if (!args.some((arg) => arg.op === "const") && args[0] !== args[1]) return undefined;
  const operation = operationOf(op);
  if (!operation) return undefined;
  const { type, name } = operation;
  const bits = type === "i32" ? 32 : 64;
  const x = args[0] && constantValue(args[0]);
  if (args.length === 1) {
    if (x === undefined) return undefined;
    switch (name) {
      case "eqz":
        return { value: x === 0n ? 1n : 0n, type: "i32" };
      case "wrap_i64":
        return { value: BigInt.asIntN(32, x), type: "i32" };
      case "extend_i32_u":
        return { value: BigInt.asUintN(32, x), type: "i64" };
      case "extend_i32_s":
        return { value: x, type: "i64" };
      case "extend8_s":
        return { value: BigInt.asIntN(8, x), type };
      case "extend16_s":
        return { value: BigInt.asIntN(16, x), type };
      case "extend32_s":
        return { value: BigInt.asIntN(32, x), type };
      default:
        return undefined;
    }
  }
  if (args.length !== 2) return undefined;
  const y = constantValue(args[1]);
  if (x !== undefined && y !== undefined) {
    const compute = binary[name];
    const value = compute?.(x, y, bits);
    if (value !== undefined) return { value: BigInt.asIntN(bits, value), type };
    const compare = comparisons[name];
    if (compare) return { value: compare(x, y, bits) ? 1n : 0n, type: "i32" };
  }
  if (args[0] === args[1] && (name === "xor" || name === "sub")) return { value: 0n, type };
  if (y === 0n && rightIdentity.has(name)) return { node: args[0] };
  if (x === 0n && leftIdentity.has(name)) return { node: args[1] };
  return undefined;
}
