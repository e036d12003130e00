/** Decoded blocks of one memory: their records in linear memory, their instructions here. */
import { PAGE_SIZE } from "../cpu.ts";
import { isInstruction, type Decoder, type Undecodable } from "../decoder/decoder.ts";
import type { CodeReader } from "../decoder/prefixes.ts";
import { GuestFault } from "../cpu.ts";
import type { Instruction } from "../isa/instruction.ts";
import { windowLayout } from "../memory/window-layout.ts";
import type { WindowSpace } from "../memory/window-space.ts";
import { CACHE_ENTRIES, cacheEntry } from "./dispatcher.ts";
import type { Handler, HandlerLibrary } from "./handler-library.ts";
import { blockHeader, record } from "./record.ts";
import { writeRecord } from "./shape.ts";

const MAX_INSTRUCTIONS = 48;
const BLOCK_SPACE = blockHeader.size + MAX_INSTRUCTIONS * record.size;

export interface Block {
  readonly rip: number;
  /** Address of its header. */
  readonly at: number;
  readonly instructions: readonly Instruction[];
}

/** Blocks were asked for where no instruction begins. */
export class BlockCache {
  readonly #space: WindowSpace;
  readonly #decoder: Decoder;
  readonly #library: HandlerLibrary;
  readonly #reader: CodeReader;
  /** Makes the handlers' functions present in the dispatcher's table. */
  readonly #install: (handlers: readonly Handler[]) => void;
  readonly #byRip = new Map<number, Block>();
  readonly #byHeader = new Map<number, Block>();
  readonly #byPage = new Map<number, Block[]>();
  #next: number = windowLayout.blocks;
  decoded = 0;

  constructor(
    space: WindowSpace,
    decoder: Decoder,
    library: HandlerLibrary,
    reader: CodeReader,
    install: (handlers: readonly Handler[]) => void,
  ) {
    this.#space = space;
    this.#decoder = decoder;
    this.#library = library;
    this.#reader = reader;
    this.#install = install;
    this.#clearEntries();
  }

  /** The block at `rip`, decoded if need be, and entered in the dispatcher's cache. Throws GuestFault where its first instruction cannot be fetched. */
  block(rip: number): Block | Undecodable {
    const block = this.#byRip.get(rip) ?? this.#decode(rip);
    if ("outcome" in block) return block;
    const entry = cacheEntry(rip);
    const { view } = this.#space;
    view.setBigInt64(entry, BigInt(rip), true);
    view.setUint32(entry + 8, block.at, true);
    return block;
  }
  /** The block at `rip` if there is one. */
  known(rip: number): Block | undefined {
    return this.#byRip.get(rip);
  }
  /** The block whose header is at `at`. */
  at(at: number): Block {
    const block = this.#byHeader.get(at);
    if (!block) throw new Error("no block there");
    return block;
  }

  #decode(rip: number): Block | Undecodable {
    if (this.#next + BLOCK_SPACE > windowLayout.blocksEnd) this.clear();
    const instructions: Instruction[] = [];
    const handlers: Handler[] = [];
    let address = rip;
    let ended = false;
    while (!ended && instructions.length < MAX_INSTRUCTIONS) {
      let decoded;
      try {
        decoded = this.#decoder.decode(this.#reader, address);
      } catch (error) {
        if (error instanceof GuestFault && instructions.length) break;
        throw error;
      }
      if (!isInstruction(decoded)) {
        if (instructions.length) break;
        return decoded;
      }
      const handler = this.#library.handler(decoded);
      instructions.push(decoded);
      handlers.push(handler);
      address += decoded.length;
      ended = handler.endsBlock;
    }
    this.#install(handlers);
    const block: Block = { rip, at: this.#next, instructions };
    this.#write(block, handlers, ended);
    this.#byRip.set(rip, block);
    this.#byHeader.set(block.at, block);
    for (let page = Math.floor(rip / PAGE_SIZE); page * PAGE_SIZE < address; page++) {
      this.#space.markCode(page);
      const blocks = this.#byPage.get(page);
      if (blocks) blocks.push(block);
      else this.#byPage.set(page, [block]);
    }
    this.decoded++;
    return block;
  }
  #write({ at, instructions }: Block, handlers: readonly Handler[], ended: boolean): void {
    const { view } = this.#space;
    let position = at + blockHeader.size;
    instructions.forEach((instruction, index) => {
      writeRecord(view, position, instruction);
      view.setUint32(position + record.handler, handlers[index].index, true);
      position += record.size;
    });
    view.setUint32(at + blockHeader.counter, 0, true);
    view.setUint32(at + blockHeader.end, position, true);
    view.setUint32(at + blockHeader.stop, ended ? position : 0, true);
    view.setUint32(at + blockHeader.region, 0, true);
    this.#next = position;
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
      if (view.getUint32(entry + 8, true) === block.at) view.setBigInt64(entry, -1n, true);
      this.setRegion(block, 0);
    }
    return blocks;
  }
  clear(): void {
    this.#byRip.clear();
    this.#byHeader.clear();
    this.#byPage.clear();
    this.#next = windowLayout.blocks;
    this.#clearEntries();
  }
  #clearEntries(): void {
    this.#space.bytes.fill(0, windowLayout.blockCache, windowLayout.blockCache + CACHE_ENTRIES * 16);
    // The entry of address 0 must not look like a block at 0.
    this.#space.view.setBigInt64(windowLayout.blockCache, -1n, true);
  }
}
