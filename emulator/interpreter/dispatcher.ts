/**
 * The WebAssembly module that runs blocks and regions, once a memory.
 *
 * Cells (emulator/memory/window-layout.ts): `remaining` instructions may still be executed, those of the running block up to `limit` already taken off;
 * `block` is the header of the block that runs; `limit` one past the record at which it is left for the dispatcher to look around (lowered when its own code
 * changes); `exit` why an instruction wants to leave; `giveUp` why a region left its next instruction to the interpreter.
 */
import { layout } from "../context-layout.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { windowPages } from "../memory/window-size.ts";
import { ModuleBuilder } from "../wasm/module-builder.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import { emitSettle, emitSettled } from "../translator/owed-flags.ts";
import { RING_ENTRIES } from "./jump-targets.ts";
import { blockHeader, record } from "./record.ts";

export const CACHE_ENTRIES = 0x1_0000;
const CACHE_ENTRY_SIZE = 16;

/** Number of the cache entry of the block at `rip`. */
export function cacheEntry(rip: number): number {
  const low = rip >>> 0;
  return windowLayout.blockCache + ((low ^ (low >>> 16)) & (CACHE_ENTRIES - 1)) * CACHE_ENTRY_SIZE;
}

/** What `run` returns. */
export const Leave = { budget: 0, miss: 1, exit: 2, hot: 3 } as const;

const REGION_DEPTH = 300;
/** Entries at first. */
const TABLE_SIZE = 0x1000;
const cells = windowLayout;

/** Leaves the block in `block` for the RIP in `rip`, or branches to `miss`. */
function lookup(f: FunctionBuilder, rip: number, block: number, miss: () => void): void {
  f.get(rip).op("i32.wrap_i64").tee(block);
  f.get(block).i32(16).op("i32.shr_u").op("i32.xor");
  f.i32(CACHE_ENTRIES - 1)
    .op("i32.and")
    .i32(4)
    .op("i32.shl")
    .tee(block);
  f.memory("i64.load", cells.blockCache).get(rip).op("i64.ne").if();
  miss();
  f.end();
  f.get(block)
    .memory("i32.load", cells.blockCache + 8)
    .set(block);
}

/** For windows of `windowSize` bytes. */
export function dispatcherModule(windowSize: number): WebAssembly.Module {
  const module = new ModuleBuilder();
  module.importMemory("host", "memory", windowPages(windowSize), windowPages(windowSize));
  module.table(TABLE_SIZE, 0x40_0000);
  module.exportTable("table");
  const handlerType = module.type(["i32"], []);
  const regionType = module.type(["i32"], ["i64"]);
  const settle = module.function([], [], "settleFlags");
  emitSettle(settle.builder);
  emitRun(module.function([], ["i32"], "run").builder, handlerType, regionType, settle.index);
  emitEnter(module.function(["i64", "i64", "i32"], ["i64"], "enter").builder, regionType);
  return new WebAssembly.Module(module.finish());
}

function emitRun(f: FunctionBuilder, handlerType: number, regionType: number, settle: number): void {
  const rip = f.local("i64");
  const block = f.local("i32");
  const at = f.local("i32");
  const limit = f.local("i32");
  const remaining = f.local("i32");
  const interpretOnly = f.local("i32");
  const cell = (offset: number): FunctionBuilder => f.i32(0).memory("i32.load", offset);
  const leave = (code: number): void => void f.i32(code).return();

  const main = f.loop();
  f.i32(0)
    .memory("i64.load", cells.state + layout.rip)
    .set(rip);
  lookup(f, rip, block, () => leave(Leave.miss));

  // Translated code
  f.get(block).memory("i32.load", blockHeader.region).set(at);
  f.get(interpretOnly).op("i32.eqz").get(at).i32(0).op("i32.ne").op("i32.and").if();
  cell(cells.remaining).set(remaining);
  f.i32(0);
  f.i32(REGION_DEPTH).get(at).callIndirect(regionType);
  f.memory("i64.store", cells.state + layout.rip);
  emitSettled(f, settle);
  // For the profile
  f.i32(0).i32(0).memory("i64.load", cells.translated);
  f.get(remaining);
  cell(cells.remaining).op("i32.sub").op("i64.extend_i32_u").op("i64.add").memory("i64.store", cells.translated);
  cell(cells.giveUp).i32(3).op("i32.shl").tee(at);
  f.get(at).memory("i64.load", cells.exits).i64(1n).op("i64.add").memory("i64.store", cells.exits);
  cell(cells.giveUp).tee(interpretOnly).if();
  f.i32(0).i32(0).memory("i32.store", cells.giveUp);
  f.end();
  cell(cells.remaining).op("i32.eqz").if();
  leave(Leave.budget);
  f.end();
  f.br(main);
  f.end();
  f.i32(0).set(interpretOnly);

  // Heat
  f.get(block);
  f.get(block).memory("i32.load", blockHeader.counter).i32(1).op("i32.add").tee(at);
  f.memory("i32.store", blockHeader.counter);
  f.get(at);
  cell(cells.hotThreshold).op("i32.eq").if();
  leave(Leave.hot);
  f.end();

  // How far
  f.get(block).i32(blockHeader.size).op("i32.add").set(at);
  cell(cells.remaining).set(remaining);
  f.get(block).memory("i32.load", blockHeader.end).tee(limit);
  f.get(at).op("i32.sub").i32(record.size).op("i32.div_u");
  f.get(remaining).op("i32.gt_u").if();
  f.get(at).get(remaining).i32(record.size).op("i32.mul").op("i32.add").set(limit);
  f.end();
  f.i32(0).get(block).memory("i32.store", cells.block);
  f.i32(0).get(limit).memory("i32.store", cells.limit);
  f.i32(0).get(remaining).get(limit).get(at).op("i32.sub").i32(record.size).op("i32.div_u").op("i32.sub");
  f.memory("i32.store", cells.remaining);

  const records = f.loop();
  f.get(at).get(at).memory("i32.load", record.handler).callIndirect(handlerType);
  f.get(at).i32(record.size).op("i32.add").tee(at);
  cell(cells.limit).op("i32.lt_u").brIf(records);
  f.end();

  f.get(at).get(block).memory("i32.load", blockHeader.stop).op("i32.ne").if();
  f.i32(0);
  f.get(at).i32(record.size).op("i32.sub").memory("i64.load", record.next);
  f.memory("i64.store", cells.state + layout.rip);
  f.end();
  // Where a computed jump led
  f.get(block).memory("i32.load", blockHeader.targets).tee(at).if();
  f.get(at);
  f.get(block)
    .memory("i32.load", blockHeader.counter)
    .i32(RING_ENTRIES - 1)
    .op("i32.and")
    .i32(3)
    .op("i32.shl");
  f.op("i32.add");
  f.i32(0)
    .memory("i64.load", cells.state + layout.rip)
    .memory("i64.store", 0);
  f.end();
  cell(cells.exit).if();
  leave(Leave.exit);
  f.end();
  cell(cells.remaining).brIf(main);
  f.end();
  f.i32(Leave.budget);
}

/** emulator/translator/region-contract.ts describes it. */
function emitEnter(f: FunctionBuilder, regionType: number): void {
  const [rip, expected, depth] = [0, 1, 2];
  const block = f.local("i32");
  const loop = f.loop();
  f.get(rip).get(expected).op("i64.eq");
  f.i32(0).memory("i32.load", cells.giveUp).op("i32.or").if();
  f.get(rip).return();
  f.end();
  lookup(f, rip, block, () => void f.get(rip).return());
  f.get(block).memory("i32.load", blockHeader.region).tee(block).op("i32.eqz").if();
  f.get(rip).return();
  f.end();
  f.get(depth).get(block).callIndirect(regionType).set(rip);
  f.br(loop);
  f.end();
  f.get(rip);
}
