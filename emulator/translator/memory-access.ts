/** Guest memory through the direct window: one comparison with the page's tag, then a plain access. docs/decisions/0004. */
import type { Access, Node } from "../ir/node.ts";
import { pushOffset } from "../memory/window-size.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import type { ValueType } from "../wasm/opcodes.ts";
import type { RegionMemory } from "./region-contract.ts";

const loads: Record<Access["bytes"], string> = { 1: "i32.load8_u", 2: "i32.load16_u", 4: "i32.load", 8: "i64.load", 16: "v128.load", 32: "v128.load" }; // prettier-ignore

/** Leaves the region unless `bytes` at the address in `local` may be accessed at full speed; `giveUp` emits the leaving. */
export function checkAccess(
  f: FunctionBuilder,
  memory: RegionMemory,
  local: number,
  bytes: number,
  access: "read" | "write",
  giveUp: () => void,
): void {
  pushOffset(f, local, memory.windowSize);
  f.i32(12).op("i32.shr_u").i32(3).op("i32.shl");
  f.memory("i64.load", access === "write" ? memory.writeTags : memory.readTags);
  f.get(local);
  if (bytes > 1) f.i64(BigInt(bytes - 1)).op("i64.add");
  f.i64(12n).op("i64.shr_u").op("i64.ne").if();
  giveUp();
  f.end();
}

/** Pushes `bytes` from `displacement` behind the address in `local`, which was checked. */
export function load(
  f: FunctionBuilder,
  { windowSize }: RegionMemory,
  local: number,
  bytes: Access["bytes"],
  displacement = 0,
): void {
  pushOffset(f, local, windowSize);
  f.memory(loads[bytes], displacement);
}

/** `pushValue` pushes a value of `type`, of which the low `bytes` are stored. */
export function store(
  f: FunctionBuilder,
  { windowSize }: RegionMemory,
  local: number,
  bytes: Access["bytes"],
  type: Node["type"],
  pushValue: () => void,
  displacement = 0,
): void {
  pushOffset(f, local, windowSize);
  pushValue();
  f.memory(storeName(type, bytes), displacement);
}

export function storeName(type: ValueType, bytes: Access["bytes"]): string {
  if (type === "v128") return "v128.store";
  if (type === "i64") return bytes === 8 ? "i64.store" : `i64.store${bytes * 8}`;
  return bytes === 4 ? "i32.store" : `i32.store${bytes * 8}`;
}
