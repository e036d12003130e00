/** Many bytes of guest memory at once, in WebAssembly: what repeated string instructions do as long as nothing is in their way. */
import { ModuleBuilder } from "../wasm/module-builder.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import { windowLayout } from "./window-layout.ts";
import { pushOffset, windowPages } from "./window-size.ts";

/** Each does all of it and returns 1, or nothing and returns 0: where a page is not there, is slow or is watched, or the count is large. */
export interface BulkFunctions {
  /** `count` elements of `bytes` from `source` to `destination`, one after the other upwards. */
  copy(destination: bigint, source: bigint, count: bigint, bytes: number): number;
  /** `count` times the low `bytes` of `value`. */
  fill(destination: bigint, value: bigint, count: bigint, bytes: number): number;
}
export type BulkOperation = keyof BulkFunctions;
export const bulkParameters = ["i64", "i64", "i64", "i32"] as const;

/** Elements that are done at once at most: some milliseconds. */
const LARGEST_COUNT = 0x80_0000n;
/** Bytes up to which a loop beats a call of the host. */
const SHORT = 64;

const modules = new Map<number, WebAssembly.Module>();

export function bulkFunctions(memory: WebAssembly.Memory): BulkFunctions {
  const size = memory.buffer.byteLength;
  let module = modules.get(size);
  if (!module) modules.set(size, (module = bulkModule(size)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as BulkFunctions;
}

function bulkModule(windowSize: number): WebAssembly.Module {
  const module = new ModuleBuilder();
  module.importMemory("host", "memory", windowPages(windowSize), windowPages(windowSize));
  const permitted = module.function(["i64", "i64", "i32"], ["i32"], "permitted");
  emitPermitted(permitted.builder, windowSize);
  emitCopy(module.function(bulkParameters, ["i32"], "copy").builder, permitted.index, windowSize);
  emitFill(module.function(bulkParameters, ["i32"], "fill").builder, permitted.index, windowSize);
  return new WebAssembly.Module(module.finish());
}

const [DESTINATION, SOURCE, COUNT, BYTES] = [0, 1, 2, 3];

/** With a condition on the stack: if it holds, the function returns `result`. */
function returnIf(f: FunctionBuilder, result: 0 | 1): void {
  f.if();
  f.i32(result).return().end();
}

/** Whether the tags at `tags` permit all of `length` bytes at `address`. They lie in a row then: the window begins with pages that have none. */
function emitPermitted(f: FunctionBuilder, windowSize: number): void {
  const [address, length, tags] = [0, 1, 2];
  const page = f.local("i64");
  const last = f.local("i64");
  f.get(address).i64(12n).op("i64.shr_u").set(page);
  f.get(address).get(length).op("i64.add").i64(1n).op("i64.sub").i64(12n).op("i64.shr_u").set(last);
  const loop = f.loop();
  f.get(page)
    .op("i32.wrap_i64")
    .i32(windowSize / 0x1000 - 1)
    .op("i32.and")
    .i32(3)
    .op("i32.shl");
  f.get(tags).op("i32.add").memory("i64.load").get(page).op("i64.ne");
  returnIf(f, 0);
  f.get(page).i64(1n).op("i64.add").tee(page).get(last).op("i64.le_u").brIf(loop);
  f.end();
  f.i32(1);
}

/** Returns 1 where there is nothing to do, 0 where there is too much, else leaves the number of bytes in a local. */
function emitLength(f: FunctionBuilder): number {
  const length = f.local("i64");
  f.get(COUNT).op("i64.eqz");
  returnIf(f, 1);
  f.get(COUNT).i64(LARGEST_COUNT).op("i64.gt_u");
  returnIf(f, 0);
  f.get(COUNT).get(BYTES).op("i64.extend_i32_u").op("i64.mul").set(length);
  return length;
}
function emitCheck(f: FunctionBuilder, permitted: number, address: number, length: number, tags: number): void {
  f.get(address).get(length).i32(tags).call(permitted).op("i32.eqz");
  returnIf(f, 0);
}

/** A loop over `length` (i32), which is not 0 and a multiple of `step`. */
function emitSteps(
  f: FunctionBuilder,
  length: number,
  step: number,
  pointers: readonly number[],
  body: () => void,
): void {
  const loop = f.loop();
  body();
  for (const pointer of pointers) f.get(pointer).i32(step).op("i32.add").set(pointer);
  f.get(length).i32(step).op("i32.sub").tee(length).brIf(loop);
  f.end();
}

const elementAccess = [
  { bytes: 1, load: "i64.load8_u", store: "i64.store8" },
  { bytes: 2, load: "i64.load16_u", store: "i64.store16" },
  { bytes: 4, load: "i64.load32_u", store: "i64.store32" },
  { bytes: 8, load: "i64.load", store: "i64.store" },
];

function emitCopy(f: FunctionBuilder, permitted: number, windowSize: number): void {
  const length = emitLength(f);
  const to = f.local("i32");
  const from = f.local("i32");
  const left = f.local("i32");
  emitCheck(f, permitted, SOURCE, length, windowLayout.readTags);
  emitCheck(f, permitted, DESTINATION, length, windowLayout.writeTags);
  pushOffset(f, DESTINATION, windowSize);
  f.set(to);
  pushOffset(f, SOURCE, windowSize);
  f.set(from);
  f.get(length).op("i32.wrap_i64").set(left);
  const step = ({ bytes, load, store }: (typeof elementAccess)[number]): void =>
    emitSteps(f, left, bytes, [to, from], () => f.get(to).get(from).memory(load).memory(store));

  // Into what is still to be read: later elements are copies of earlier ones.
  f.get(DESTINATION).get(SOURCE).op("i64.sub").get(length).op("i64.lt_u").if();
  for (const access of elementAccess) {
    f.get(BYTES).i32(access.bytes).op("i32.eq").if();
    step(access);
    f.i32(1).return().end();
  }
  f.end();

  f.get(left).i32(SHORT).op("i32.gt_u").if();
  f.get(to).get(from).get(left).copyMemory();
  f.i32(1).return().end();
  const rest = f.local("i32");
  f.get(left).i32(7).op("i32.and").set(rest);
  f.get(left).i32(-8).op("i32.and").tee(left).if();
  step(elementAccess[3]);
  f.end();
  f.get(rest).tee(left).if();
  step(elementAccess[0]);
  f.end();
  f.i32(1);
}

function emitFill(f: FunctionBuilder, permitted: number, windowSize: number): void {
  const length = emitLength(f);
  const value = SOURCE;
  const to = f.local("i32");
  const left = f.local("i32");
  emitCheck(f, permitted, DESTINATION, length, windowLayout.writeTags);
  pushOffset(f, DESTINATION, windowSize);
  f.set(to);
  f.get(length).op("i32.wrap_i64").set(left);
  // The value eight bytes wide
  for (const [bytes, mask, factor] of [
    [1, 0xffn, 0x0101_0101_0101_0101n],
    [2, 0xffffn, 0x0001_0001_0001_0001n],
    [4, 0xffff_ffffn, 0x0000_0001_0000_0001n],
  ] as const) {
    f.get(BYTES).i32(bytes).op("i32.eq").if();
    f.get(value).i64(mask).op("i64.and").i64(factor).op("i64.mul").set(value);
    f.end();
  }
  f.get(value).i64(0xffn).op("i64.and").i64(0x0101_0101_0101_0101n).op("i64.mul").get(value).op("i64.eq");
  f.get(left).i32(SHORT).op("i32.gt_u").op("i32.and").if();
  f.get(to).get(value).op("i32.wrap_i64").get(left).fillMemory();
  f.i32(1).return().end();
  const rest = f.local("i32");
  f.get(left).i32(7).op("i32.and").set(rest);
  f.get(left).i32(-8).op("i32.and").tee(left).if();
  emitSteps(f, left, 8, [to], () => f.get(to).get(value).memory("i64.store"));
  f.end();
  f.get(rest).tee(left).if();
  emitSteps(f, left, 1, [to], () => {
    f.get(to).get(value).memory("i64.store8");
    f.get(value).i64(8n).op("i64.rotr").set(value);
  });
  f.end();
  f.i32(1);
}
