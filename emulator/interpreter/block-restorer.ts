/** The form in which blocks are kept (block-library.ts), and the WebAssembly function that makes records of it. */
import { PAGE_SIZE } from "../cpu.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { LARGEST_WINDOW, windowPages } from "../memory/window-size.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import { ModuleBuilder } from "../wasm/module-builder.ts";
import { record } from "./record.ts";

/** Before a block: bytes from here on to the next (u16). Then u8 each: length of its code, records, flags. Then the code and the records. */
const header = { codeLength: 2, records: 3, flags: 4, size: 5 } as const;
/** Of a record: which fields it has (bits 0–3: slots), and which of them are relative to the address of the next instruction. */
export const Field = { Memory: 0x10, Immediate: 0x20, RelativeDisplacement: 0x40, RelativeImmediate: 0x80 } as const;
export const SLOTS = 4;
/** u32 each, by offset in a page, and one for the end: where the blocks that begin there are, from the start of the library. */
export const INDEX_SIZE = (PAGE_SIZE + 1) * 4;

export function restorerModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const pages = windowPages(LARGEST_WINDOW);
  module.importMemory("host", "memory", pages, pages);
  emitRestore(module.function(["i32", "i32", "i32", "i32"], ["i32"], "restore").builder);
  return module.finish();
}

/** `RestoreBlock`. It is called for every block once, which is too seldom for JavaScript to be fast. */
function emitRestore(f: FunctionBuilder): void {
  const [code, ripLow, ripHigh, position] = [0, 1, 2, 3];
  const [at, end, length, compared, records, fields] = Array.from({ length: 6 }, () => f.local("i32"));
  const next = f.local("i64");
  const add = (local: number, value: number): void => void f.get(local).i32(value).op("i32.add").set(local);
  const indexEntry = (): FunctionBuilder => f.get(ripLow).i32(PAGE_SIZE - 1).op("i32.and").i32(2).op("i32.shl"); // prettier-ignore

  // `at`: the block whose bytes are those at `code`.
  indexEntry().memory("i32.load", windowLayout.keptBlocks).set(at);
  indexEntry()
    .memory("i32.load", windowLayout.keptBlocks + 4)
    .set(end);
  const found = f.block();
  const candidates = f.loop();
  f.get(at).get(end).op("i32.ge_u").if();
  f.i32(0).return().end();
  f.get(at)
    .memory("i32.load8_u", windowLayout.keptBlocks + header.codeLength)
    .set(length);
  f.i32(0).set(compared);
  const differs = f.block();
  const bytes = f.loop();
  f.get(at).get(compared).op("i32.add").memory("i32.load8_u", windowLayout.keptBlocks + header.size); // prettier-ignore
  f.get(code).get(compared).op("i32.add").memory("i32.load8_u");
  f.op("i32.ne").brIf(differs);
  add(compared, 1);
  f.get(compared).get(length).op("i32.lt_u").brIf(bytes);
  f.br(found).end().end();
  f.get(at).get(at).memory("i32.load16_u", windowLayout.keptBlocks).op("i32.add").set(at);
  f.br(candidates).end().unreachable().end();

  // Its records; `at` goes on over them.
  f.get(at)
    .memory("i32.load8_u", windowLayout.keptBlocks + header.records)
    .set(records);
  f.get(at)
    .memory("i32.load8_u", windowLayout.keptBlocks + header.flags)
    .set(end);
  f.get(at).i32(windowLayout.keptBlocks + header.size).op("i32.add").get(length).op("i32.add").set(at); // prettier-ignore
  f.get(ripLow).op("i64.extend_i32_u").get(ripHigh).op("i64.extend_i32_u").i64(32n).op("i64.shl").op("i64.or").set(next); // prettier-ignore
  const each = f.loop();
  const copy16 = (to: number, from: number): void =>
    void f.get(position).get(at).memory("i32.load16_u", from).memory("i32.store16", to);
  const ifField = (field: number, emit: () => void): void => {
    f.get(fields).i32(field).op("i32.and").if();
    emit();
    f.end();
  };
  const copyConstant = (to: number, from: number, relative: number): void => {
    f.get(position).get(at).memory("i64.load32_s", from);
    f.get(next).i64(0n).get(fields).i32(relative).op("i32.and").select().op("i64.add").memory("i64.store", to);
  };
  copy16(record.handler, 0);
  f.get(position)
    .i32(0)
    .memory("i32.store16", record.handler + 2);
  f.get(position).get(at).memory("i32.load8_u", 2).tee(length).memory("i32.store16", record.length);
  f.get(next).get(length).op("i64.extend_i32_u").op("i64.add").set(next);
  f.get(position).get(next).memory("i64.store", record.next);
  f.get(at).memory("i32.load8_u", 3).set(fields);
  add(at, 4);
  for (let slot = 0; slot < SLOTS; slot++)
    ifField(1 << slot, () => {
      copy16(record.slots + slot * 2, 0);
      add(at, 2);
    });
  ifField(Field.Memory, () => {
    copy16(record.base, 0);
    copy16(record.index, 2);
    copy16(record.segment, 4);
    f.get(position).get(at).memory("i32.load8_u", 6).memory("i32.store", record.scale);
    copyConstant(record.displacement, 7, Field.RelativeDisplacement);
    add(at, 11);
  });
  ifField(Field.Immediate, () => {
    copyConstant(record.immediate, 0, Field.RelativeImmediate);
    add(at, 4);
  });
  add(position, record.size);
  f.get(records).i32(1).op("i32.sub").tee(records).brIf(each);
  f.end();
  f.get(position).get(end).op("i32.or");
}
