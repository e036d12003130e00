/**
 * Blocks of code that is the same in every run, decoded when the engine was built: an image's DLLs, as far as a start runs them.
 *
 * A block is looked for by where in its page it begins, which relocation does not change, and is taken where its bytes are those in memory. So nothing
 * depends on which file is mapped where, and code that was changed is decoded as ever. Only blocks within a page are kept.
 */
import { PAGE_SIZE } from "../cpu.ts";
import type { CodeReader } from "../decoder/prefixes.ts";
import { CALL, JMP_INDIRECT } from "../isa/control-transfer.ts";
import type { Instruction } from "../isa/instruction.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { HandlerLibrary } from "./handler-library.ts";
import { record } from "./record.ts";
import { setInt64, writeRecord } from "./shape.ts";

/** In base64. */
export type SavedBlocks = string;

/** What precedes a block's code bytes and records: u8 each, then the records. */
const header = { codeLength: 0, records: 1, flags: 2, size: 3 } as const;
const BlockFlag = { Ends: 1, ComputedJump: 2, Calls: 4 } as const;
/** Of a record: which fields it has (bits 0–3: slots), and which of them are relative to the address of the next instruction. */
const Field = { Memory: 0x10, Immediate: 0x20, RelativeDisplacement: 0x40, RelativeImmediate: 0x80 } as const;
const SLOTS = 4;
/** u32 each, by offset in a page, and one for the end: where the blocks that begin there are. */
const INDEX_SIZE = (PAGE_SIZE + 1) * 4;

export interface RestoredBlock {
  /** One past its last record. */
  readonly position: number;
  /** … and its last byte. */
  readonly address: number;
  readonly ended: boolean;
  /** Address of a computed jump at its end. */
  readonly computedJump: number | undefined;
  /** It ends in a direct call; the immediate of its last record is the target. */
  readonly calls: boolean;
}

export class BlockLibrary {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(saved: SavedBlocks) {
    this.#bytes = fromBase64(saved);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Where the block at `rip` is kept; undefined: nowhere. Throws GuestFault where nothing can be fetched. */
  find(reader: CodeReader, rip: number): number | undefined {
    const bytes = this.#bytes;
    const index = (rip % PAGE_SIZE) * 4;
    const end = this.#view.getUint32(index + 4, true);
    for (let at = this.#view.getUint32(index, true); at < end;) {
      const start = at + 2 + header.size;
      const length = bytes[at + 2 + header.codeLength];
      let same = 0;
      while (same < length && bytes[start + same] === reader.byteAt(rip + same)) same++;
      if (same === length) return at + 2;
      at += 2 + this.#view.getUint16(at, true);
    }
    return undefined;
  }

  /** Writes the records of the block kept at `at`; `indexOf` gives the index in the table of a handler by its number. */
  restore(
    at: number,
    rip: number,
    view: DataView,
    position: number,
    indexOf: (handler: number) => number,
  ): RestoredBlock {
    const from = this.#view;
    const records = from.getUint8(at + header.records);
    const flags = from.getUint8(at + header.flags);
    let read = at + header.size + from.getUint8(at + header.codeLength);
    let address = rip;
    let last = rip;
    for (let count = 0; count < records; count++) {
      const fields = from.getUint8(read + 3);
      const length = from.getUint8(read + 2);
      const next = address + length;
      view.setUint32(position + record.handler, indexOf(from.getUint16(read, true)), true);
      view.setUint16(position + record.length, length, true);
      setInt64(view, position + record.next, next);
      read += 4;
      for (let slot = 0; slot < SLOTS; slot++)
        if (fields & (1 << slot)) {
          view.setUint16(position + record.slots + slot * 2, from.getUint16(read, true), true);
          read += 2;
        }
      if (fields & Field.Memory) {
        view.setUint16(position + record.base, from.getUint16(read, true), true);
        view.setUint16(position + record.index, from.getUint16(read + 2, true), true);
        view.setUint16(position + record.segment, from.getUint16(read + 4, true), true);
        view.setUint32(position + record.scale, from.getUint8(read + 6), true);
        const displacement = from.getInt32(read + 7, true);
        setInt64(view, position + record.displacement, fields & Field.RelativeDisplacement ? next + displacement : displacement); // prettier-ignore
        read += 11;
      }
      if (fields & Field.Immediate) {
        const immediate = from.getInt32(read, true);
        setInt64(view, position + record.immediate, fields & Field.RelativeImmediate ? next + immediate : immediate);
        read += 4;
      }
      position += record.size;
      last = address;
      address = next;
    }
    return {
      position,
      address,
      ended: (flags & BlockFlag.Ends) !== 0,
      computedJump: flags & BlockFlag.ComputedJump ? last : undefined,
      calls: (flags & BlockFlag.Calls) !== 0,
    };
  }
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

/** Leaves out what does not fit: blocks across pages, constants beyond 32 bits, handlers that are not among the first `handlers` of `library`. */
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
    for (const bytes of encoded) body.push(bytes.length & 0xff, bytes.length >> 8, ...bytes);
  }
  index.push(INDEX_SIZE + body.length);
  const bytes = new Uint8Array(INDEX_SIZE + body.length);
  const view = new DataView(bytes.buffer);
  index.forEach((offset, at) => {
    view.setUint32(at * 4, offset, true);
  });
  bytes.set(body, INDEX_SIZE);
  return toBase64(bytes);
}

function encodeBlock(block: KeptBlock, library: HandlerLibrary, handlers: number): number[] | undefined {
  const { specification } = block.instructions[block.instructions.length - 1].form;
  const flags =
    (block.ended ? BlockFlag.Ends : 0) |
    (specification === JMP_INDIRECT ? BlockFlag.ComputedJump : 0) |
    (specification === CALL ? BlockFlag.Calls : 0);
  const encoded = [block.code.length, block.instructions.length, flags, ...block.code];
  for (const [index, instruction] of block.instructions.entries()) {
    const { number } = library.handler(instruction);
    const fields = encodeFields(instruction, block.shifted[index]);
    if (number >= handlers || !fields) return undefined;
    encoded.push(number & 0xff, number >> 8, instruction.length, ...fields);
  }
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
