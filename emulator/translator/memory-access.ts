/** Guest memory through the direct window: one comparison with the page's tag, then a plain access. docs/decisions/0004. */
import type { Access, Node } from "../ir/node.ts";
import { pushOffset } from "../memory/window-size.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import type { ValueType } from "../wasm/opcodes.ts";
import type { PlannedCheck } from "./access-groups.ts";
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
  f.i64(12n).op("i64.shr_u").op("i64.ne").ifUnlikely();
  giveUp();
  f.end();
}

/** The same for all of a span that is at most a page long, relative to the address in `local`. */
export function checkSpan(
  f: FunctionBuilder,
  memory: RegionMemory,
  local: number,
  scratch: number,
  { read, write }: PlannedCheck,
  giveUp: () => void,
): void {
  let pages = 0;
  /** Pushes 0 if the tag is that of the page of the byte at `offset`. */
  const difference = (offset: number, tags: number): void => {
    f.get(local);
    if (offset) f.i64(BigInt(offset)).op("i64.add");
    f.set(scratch);
    pushOffset(f, scratch, memory.windowSize);
    f.i32(12).op("i32.shr_u").i32(3).op("i32.shl").memory("i64.load", tags);
    f.get(scratch).i64(12n).op("i64.shr_u").op("i64.xor");
    if (pages++) f.op("i64.or");
  };
  for (const [span, tags] of [
    [read, memory.readTags],
    [write, memory.writeTags],
  ] as const) {
    // prettier-ignore
    if (!span) continue;
    difference(span.start, tags);
    difference(span.end - 1, tags);
  }
  f.i64(0n).op("i64.ne").ifUnlikely();
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

/** Pushes a vector of 4 or 8 bytes at the address in `local`, which was checked, and zeroes. */
export function loadZeroExtended(f: FunctionBuilder, { windowSize }: RegionMemory, local: number, bytes: number): void {
  pushOffset(f, local, windowSize);
  f.memory(bytes === 4 ? "v128.load32_zero" : "v128.load64_zero", 0);
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
