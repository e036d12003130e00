/** What a build does to keep blocks (block-library.ts). */
import { PAGE_SIZE } from "../cpu.ts";
import type { Instruction } from "../isa/instruction.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { toBase64 } from "./base64.ts";
import { endFlags, type SavedBlocks } from "./block-library.ts";
import { Field, INDEX_SIZE, restorerModule, SLOTS } from "./block-restorer.ts";
import { FIRST_INDEX } from "./function-table.ts";
import type { HandlerLibrary } from "./handler-library.ts";
import { record } from "./record.ts";
import { writeRecord } from "./shape.ts";

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
