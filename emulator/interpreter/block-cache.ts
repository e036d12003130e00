/** Decoded blocks of one memory: their records in linear memory, where they are from here. */
import { GuestFault, PAGE_SIZE } from "../cpu.ts";
import { isInstruction, type Decoded, type Decoder, type Undecodable } from "../decoder/decoder.ts";
import type { CodeReader } from "../decoder/prefixes.ts";
import type { Instruction } from "../isa/instruction.ts";
import { windowLayout } from "../memory/window-layout.ts";
import type { WindowSpace } from "../memory/window-space.ts";
import { CACHE_ENTRIES, cacheEntry } from "./dispatcher.ts";
import { BLOCK_FLAGS, BlockFlag, endFlags, type BlockLibrary, type RestoreBlock } from "./block-library.ts";
import type { FunctionTable } from "./function-table.ts";
import type { Handler, HandlerLibrary } from "./handler-library.ts";
import { JumpTargets, RING_SIZE } from "./jump-targets.ts";
import { blockHeader, record } from "./record.ts";
import type { BlockEnds } from "./stops.ts";
import { writeRecord } from "./shape.ts";

const MAX_INSTRUCTIONS = 48;
const BLOCK_SPACE = blockHeader.size + MAX_INSTRUCTIONS * record.size + RING_SIZE;
const TWO_32 = 0x1_0000_0000;

export interface Block {
  readonly rip: number;
  /** Address of its header. */
  readonly at: number;
  readonly instructions: number;
  /** A run may have to end before its first instruction, … */
  readonly waitedFor: boolean;
  /** … for what that instruction is. */
  readonly endedBefore: boolean;
}

export interface WindowCode extends CodeReader {
  /** Where in linear memory the byte is; undefined: elsewhere. Throws GuestFault where it cannot be fetched. */
  placeOf(address: number): number | undefined;
}

interface DecodedRecords {
  /** One past the last record. */
  readonly position: number;
  /** `BlockFlag`. */
  readonly flags: number;
  readonly endedBefore: boolean;
}

export class BlockCache {
  readonly #space: WindowSpace;
  readonly #decoder: Decoder;
  readonly #library: HandlerLibrary;
  readonly #table: FunctionTable;
  readonly #reader: WindowCode;
  readonly #ends: BlockEnds;
  readonly #restoreBlock: RestoreBlock | undefined;
  readonly #byRip = new Map<number, Block>();
  readonly #byPage = new Map<number, Block[]>();
  /** Instructions that TypeScript executes, by the address of their record. */
  readonly #executed = new Map<number, Instruction>();
  readonly jumpTargets: JumpTargets;
  readonly #callTargets = new Set<number>();
  #next: number = windowLayout.blocks;
  decoded = 0;
  /** Of them those that the library kept. */
  restored = 0;

  /** `kept` must come from the same handlers as `library`; `table` is empty still. */
  constructor(
    space: WindowSpace,
    decoder: Decoder,
    library: HandlerLibrary,
    table: FunctionTable,
    reader: WindowCode,
    ends: BlockEnds,
    kept: BlockLibrary | undefined,
  ) {
    this.#space = space;
    this.#decoder = decoder;
    this.#library = library;
    this.#table = table;
    this.#reader = reader;
    this.#ends = ends;
    if (kept) {
      table.install(library.saved);
      this.#restoreBlock = kept.attach(space.memory);
    }
    this.jumpTargets = new JumpTargets(space.view);
    // A memory begins as zeroes; another cache may have been in this one.
    if (space.view.getBigInt64(windowLayout.blockCache, true)) this.#clearEntries();
    else this.#clearEntry(windowLayout.blockCache);
  }

  /** The block at `rip`, decoded if need be, and entered in the dispatcher's cache. Throws GuestFault where its first instruction cannot be fetched. */
  block(rip: number): Block | Undecodable {
    const block = this.#byRip.get(rip) ?? this.#decode(rip);
    if ("outcome" in block) return block;
    const entry = cacheEntry(rip);
    const { view } = this.#space;
    view.setUint32(entry, rip, true);
    view.setUint32(entry + 4, Math.floor(rip / TWO_32), true);
    view.setUint32(entry + 8, block.at, true);
    return block;
  }
  /** What stands at `address`. Throws GuestFault where it cannot be fetched. */
  decode(address: number): Decoded {
    const block = this.#byRip.get(address);
    return block ? this.instruction(block.at + blockHeader.size) : this.#decoder.decode(this.#reader, address);
  }
  /** Whether control may go elsewhere than to the next instruction. */
  endsBlock(instruction: Instruction): boolean {
    return this.#library.handler(instruction).endsBlock;
  }

  /** The dispatcher has to ask again for the block at `rip`. */
  hide(rip: number): void {
    const entry = cacheEntry(rip);
    const { view } = this.#space;
    const held = view.getUint32(entry + 4, true) * TWO_32 + view.getUint32(entry, true);
    if (held === rip) this.#clearEntry(entry);
  }
  /** The block at `rip` if there is one. */
  known(rip: number): Block | undefined {
    return this.#byRip.get(rip);
  }
  /** The nearest address at or before `rip` that direct calls lead to: perhaps where its function begins. */
  functionAt(rip: number): number | undefined {
    let nearest = -1;
    for (const target of this.#callTargets) if (target <= rip && target > nearest) nearest = target;
    return nearest < 0 ? undefined : nearest;
  }
  /** The address of the instruction whose record is at `at`. */
  address(at: number): number {
    return this.#nextAddress(at) - this.#space.view.getUint16(at + record.length, true);
  }
  #nextAddress(at: number): number {
    const { view } = this.#space;
    return view.getUint32(at + record.next + 4, true) * TWO_32 + view.getUint32(at + record.next, true);
  }
  /** The instruction whose record is at `at`, of a block that may run: its bytes are still those that were decoded. */
  instruction(at: number): Instruction {
    let instruction = this.#executed.get(at);
    if (!instruction) {
      const decoded = this.#decoder.decode(this.#reader, this.address(at));
      if (!isInstruction(decoded)) throw new Error("an instruction of a block has changed");
      this.#executed.set(at, (instruction = decoded));
    }
    return instruction;
  }

  #decode(rip: number): Block | Undecodable {
    if (this.#next + BLOCK_SPACE > windowLayout.tablesEnd) this.clear();
    const at = this.#next;
    const { view } = this.#space;
    const records = this.#restore(rip, at + blockHeader.size) ?? this.#decodeRecords(rip, at + blockHeader.size);
    if ("outcome" in records) return records;
    const { position, flags, endedBefore } = records;
    view.setUint32(at + blockHeader.counter, 0, true);
    view.setUint32(at + blockHeader.end, position, true);
    view.setUint32(at + blockHeader.stop, flags & BlockFlag.Ends ? position : 0, true);
    view.setUint32(at + blockHeader.region, 0, true);
    const instructions = (position - at - blockHeader.size) / record.size;
    const last = position - record.size;
    if (flags & BlockFlag.Calls) this.#callTargets.add(Number(view.getBigInt64(last + record.immediate, true)));
    const ring = flags & BlockFlag.ComputedJump ? this.jumpTargets.ring(this.address(last), position) : 0;
    view.setUint32(at + blockHeader.targets, ring, true);
    this.#next = ring === position ? position + RING_SIZE : position;
    const waitedFor = endedBefore || this.#ends.endsAt(rip);
    const block: Block = { rip, at, instructions, waitedFor, endedBefore };
    this.#enter(block, this.#nextAddress(last));
    this.decoded++;
    return block;
  }
  #restore(rip: number, position: number): DecodedRecords | undefined {
    if (!this.#restoreBlock || this.#ends.any) return undefined;
    const code = this.#reader.placeOf(rip);
    const end = code === undefined ? 0 : this.#restoreBlock(code, rip, Math.floor(rip / TWO_32), position);
    if (!end) return undefined;
    this.restored++;
    return { position: end & ~BLOCK_FLAGS, flags: end & BLOCK_FLAGS, endedBefore: false };
  }
  #decodeRecords(rip: number, start: number): DecodedRecords | Undecodable {
    const { view } = this.#space;
    const fresh: { readonly handler: Handler; readonly position: number }[] = [];
    let position = start;
    let address = rip;
    let ended = false;
    let flags = 0;
    let endedBefore = false;
    for (let count = 0; !ended && count < MAX_INSTRUCTIONS; count++) {
      if (count && this.#ends.endsAt(address)) break;
      let decoded;
      try {
        decoded = this.#decoder.decode(this.#reader, address);
      } catch (error) {
        if (error instanceof GuestFault && count) break;
        throw error;
      }
      if (!isInstruction(decoded)) {
        if (count) break;
        return decoded;
      }
      const endsHere = this.#ends.endsBefore(decoded);
      if (!count) endedBefore = endsHere;
      else if (endsHere) break;
      const handler = this.#library.handler(decoded);
      const index = this.#table.indexOf(handler);
      if (!index) fresh.push({ handler, position });
      writeRecord(view, position, decoded);
      view.setUint32(position + record.handler, index, true);
      position += record.size;
      address += decoded.length;
      ended = handler.endsBlock;
      if (ended) flags = endFlags(decoded);
    }
    if (fresh.length) this.#install(fresh);
    return { position, flags, endedBefore };
  }
  #install(records: readonly { readonly handler: Handler; readonly position: number }[]): void {
    this.#table.install(records.map(({ handler }) => handler));
    for (const { handler, position } of records)
      this.#space.view.setUint32(position + record.handler, this.#table.indexOf(handler), true);
  }
  #enter(block: Block, end: number): void {
    this.#byRip.set(block.rip, block);
    for (let page = Math.floor(block.rip / PAGE_SIZE); page * PAGE_SIZE < end; page++) {
      this.#space.markCode(page);
      const blocks = this.#byPage.get(page);
      if (blocks) blocks.push(block);
      else this.#byPage.set(page, [block]);
    }
  }

  setRegion(block: Block, index: number): void {
    this.#space.view.setUint32(block.at + blockHeader.region, index, true);
  }

  /** Forgets the blocks that have code on `page`. Their records stay until the next `clear`: one of them may be running. */
  invalidate(page: number): readonly Block[] {
    const blocks = this.#byPage.get(page) ?? [];
    this.#byPage.delete(page);
    const { view } = this.#space;
    for (const block of blocks) {
      if (this.#byRip.get(block.rip) !== block) continue;
      this.#byRip.delete(block.rip);
      const entry = cacheEntry(block.rip);
      if (view.getUint32(entry + 8, true) === block.at) this.#clearEntry(entry);
      this.setRegion(block, 0);
    }
    return blocks;
  }
  get all(): Iterable<Block> {
    return this.#byRip.values();
  }
  /** Numbers of the pages that have blocks. */
  get pages(): Iterable<number> {
    return this.#byPage.keys();
  }
  /** Times that all blocks were forgotten. */
  generation = 0;
  clear(): void {
    this.generation++;
    this.#byRip.clear();
    this.#executed.clear();
    this.#byPage.clear();
    this.jumpTargets.clear();
    this.#callTargets.clear();
    this.#next = windowLayout.blocks;
    this.#clearEntries();
  }
  #clearEntries(): void {
    this.#space.bytes.fill(0, windowLayout.blockCache, windowLayout.blockCache + CACHE_ENTRIES * 16);
    this.#clearEntry(windowLayout.blockCache);
  }
  /** An empty entry holds an address whose entry is another one: any RIP may be looked up. */
  #clearEntry(entry: number): void {
    this.#space.view.setBigInt64(entry, entry === windowLayout.blockCache ? 1n : 0n, true);
  }
}
