/**
 * Blocks of code that is the same in every run, decoded when the engine was built: an image's DLLs, as far as a start runs them.
 *
 * A block is looked for by where in its page it begins, which relocation does not change, and is taken where its bytes are those in memory. So nothing
 * depends on which file is mapped where, and code that was changed is decoded as ever. Only blocks within a page are kept.
 */
import { PAGE_SIZE } from "../cpu.ts";
import { CALL, JMP_INDIRECT } from "../isa/control-transfer.ts";
import type { Instruction } from "../isa/instruction.ts";
import { LARGEST_WINDOW, windowPages } from "../memory/window-size.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { ModuleBuilder } from "../wasm/module-builder.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { FIRST_INDEX } from "./function-table.ts";
import type { HandlerLibrary } from "./handler-library.ts";
import { record } from "./record.ts";
import { writeRecord } from "./shape.ts";

/** In base64. */
export interface SavedBlocks {
  /** What lies at `windowLayout.keptBlocks`. */
  readonly blocks: string;
  /** The WebAssembly module with `restore`. */
  readonly restorer: string;
}

/** Before a block: bytes from here on to the next (u16). Then u8 each: length of its code, records, flags. Then the code and the records. */
const header = { codeLength: 2, records: 3, flags: 4, size: 5 } as const;
/** What a block's end does. */
export const BlockFlag = { Ends: 1, ComputedJump: 2, Calls: 4 } as const;
export const BLOCK_FLAGS = 7;

/** Of a block that ends with `last`, after which control may go elsewhere. */
export function endFlags({ form: { specification } }: Instruction): number {
  return BlockFlag.Ends | (specification === JMP_INDIRECT ? BlockFlag.ComputedJump : specification === CALL ? BlockFlag.Calls : 0); // prettier-ignore
}

/** Of a record: which fields it has (bits 0–3: slots), and which of them are relative to the address of the next instruction. */
const Field = { Memory: 0x10, Immediate: 0x20, RelativeDisplacement: 0x40, RelativeImmediate: 0x80 } as const;
const SLOTS = 4;
/** u32 each, by offset in a page, and one for the end: where the blocks that begin there are, from the start of the library. */
const INDEX_SIZE = (PAGE_SIZE + 1) * 4;

/**
 * Writes the records of the block at `rip` from `position` on, which is a multiple of 8; `code` is where its page has it in linear memory. Returns one past
 * the last record, with the block's flags in the low bits; 0: it is not kept.
 */
export type RestoreBlock = (code: number, ripLow: number, ripHigh: number, position: number) => number;

export class BlockLibrary {
  readonly #blocks: Uint8Array;
  readonly #restorer: WebAssembly.Module;

  constructor({ blocks, restorer }: SavedBlocks) {
    this.#blocks = fromBase64(blocks);
    this.#restorer = new WebAssembly.Module(fromBase64(restorer));
  }

  /** The blocks for the window in `memory`, whose table has the saved handlers from `FIRST_INDEX` on. */
  attach(memory: WebAssembly.Memory): RestoreBlock {
    new Uint8Array(memory.buffer).set(this.#blocks, windowLayout.keptBlocks);
    const { exports } = new WebAssembly.Instance(this.#restorer, { host: { memory } });
    return exports["restore"] as RestoreBlock;
  }
}

function restorerModule(): Uint8Array<ArrayBuffer> {
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

/** A block to keep: its code, its instructions, and the same instructions decoded at addresses that are `SHIFT` higher. */
export interface KeptBlock {
  readonly rip: number;
  readonly code: Uint8Array;
  readonly instructions: readonly Instruction[];
  readonly shifted: readonly Instruction[];
  readonly ended: boolean;
}
export const SHIFT = 0x10_0000_0000;

/** Leaves out what does not fit: blocks across pages, constants beyond 32 bits, handlers that are not among the first `handlers` of `library`: the saved ones. */
export function saveBlocks(blocks: Iterable<KeptBlock>, library: HandlerLibrary, handlers: number): SavedBlocks {
  const kept = Array.from({ length: PAGE_SIZE }, (): number[][] => []);
  for (const block of blocks) {
    const offset = block.rip % PAGE_SIZE;
    const encoded = offset + block.code.length <= PAGE_SIZE ? encodeBlock(block, library, handlers) : undefined;
    if (encoded && !kept[offset].some((other) => other.join() === encoded.join())) kept[offset].push(encoded);
  }
  const body: number[] = [];
  const index: number[] = [];
  for (const encoded of kept) {
    index.push(INDEX_SIZE + body.length);
    for (const bytes of encoded) body.push(...bytes);
  }
  index.push(INDEX_SIZE + body.length);
  const bytes = new Uint8Array(INDEX_SIZE + body.length);
  const view = new DataView(bytes.buffer);
  index.forEach((offset, at) => {
    view.setUint32(at * 4, offset, true);
  });
  bytes.set(body, INDEX_SIZE);
  if (bytes.length > windowLayout.blocks - windowLayout.keptBlocks)
    throw new Error("there is no room for so many blocks");
  return { blocks: toBase64(bytes), restorer: toBase64(restorerModule()) };
}

function encodeBlock(block: KeptBlock, library: HandlerLibrary, handlers: number): number[] | undefined {
  const flags = block.ended ? endFlags(block.instructions[block.instructions.length - 1]) : 0;
  const encoded = [0, 0, block.code.length, block.instructions.length, flags, ...block.code];
  for (const [index, instruction] of block.instructions.entries()) {
    const { number } = library.handler(instruction);
    const fields = encodeFields(instruction, block.shifted[index]);
    if (number >= handlers || !fields) return undefined;
    const inTable = FIRST_INDEX + number;
    encoded.push(inTable & 0xff, inTable >> 8, instruction.length, ...fields);
  }
  encoded[0] = encoded.length & 0xff;
  encoded[1] = encoded.length >> 8;
  return block.code.length <= 0xff ? encoded : undefined;
}

/** The mask of fields and the fields. */
function encodeFields(instruction: Instruction, shifted: Instruction): number[] | undefined {
  // What is not written keeps what was there before.
  const [zeroes, ones, moved] = ([[instruction, 0], [instruction, 0xff], [shifted, 0]] as const).map(([one, fill]) => {
    const view = new DataView(new Uint8Array(record.size).fill(fill).buffer);
    writeRecord(view, 0, one);
    return view;
  }); // prettier-ignore
  const next = instruction.address + instruction.length;
  let mask = 0;
  const fields: number[] = [];
  const push16 = (at: number): void => void fields.push(zeroes.getUint8(at), zeroes.getUint8(at + 1));
  const isWritten = (at: number): boolean => zeroes.getUint16(at, true) === ones.getUint16(at, true);
  /** False: it does not fit. */
  const pushConstant = (at: number, relative: number): boolean => {
    const distance = moved.getBigInt64(at, true) - zeroes.getBigInt64(at, true);
    if (distance !== 0n && distance !== BigInt(SHIFT)) return false;
    if (distance) mask |= relative;
    const value = zeroes.getBigInt64(at, true) - (distance ? BigInt(next) : 0n);
    if (BigInt.asIntN(32, value) !== value) return false;
    for (let shift = 0n; shift < 32n; shift += 8n) fields.push(Number((value >> shift) & 0xffn));
    return true;
  };
  for (let slot = 0; slot < SLOTS; slot++)
    if (isWritten(record.slots + slot * 2)) {
      mask |= 1 << slot;
      push16(record.slots + slot * 2);
    }
  if (isWritten(record.base)) {
    mask |= Field.Memory;
    push16(record.base);
    push16(record.index);
    push16(record.segment);
    fields.push(zeroes.getUint8(record.scale));
    if (!pushConstant(record.displacement, Field.RelativeDisplacement)) return undefined;
  }
  if (isWritten(record.immediate)) {
    mask |= Field.Immediate;
    if (!pushConstant(record.immediate, Field.RelativeImmediate)) return undefined;
  }
  return [mask, ...fields];
}
