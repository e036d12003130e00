/** The memory of one process in one unicorn.js engine, which keeps the bytes; shared pages are carried in and out around each run. */
import { GuestFault, PAGE_SIZE, type AccessKind, type AddressSpace, type AddressSpaceImage, type Protection, type SharedPages } from "../../cpu.ts"; // prettier-ignore
import { GuestMemoryOver, type AccessPath } from "../../memory/guest-memory.ts";
import { PageFlag, PageTable, PROTECTION_MASK } from "../../memory/page-table.ts";
import { SavedPage } from "../../memory/saved-page.ts";
import type { UnicornJsEngine } from "./module.ts";

interface SharedPage {
  readonly pages: SharedPages;
  readonly offset: number;
  /** What the engine holds. */
  held: Uint8Array;
}

const accessFlags = { read: PageFlag.Read, write: PageFlag.Write, execute: PageFlag.Execute } as const satisfies Record<
  AccessKind,
  number
>;

const ZEROES = new Uint8Array(0x1_0000);

export class UnicornJsAddressSpace extends GuestMemoryOver implements AddressSpace {
  readonly engine: UnicornJsEngine;
  /** The bytes of code may be others than they were. */
  codeChanged = false;
  readonly #pages = new PageTable();
  readonly #shared = new Map<number, SharedPage>();
  readonly #onDispose: () => void;

  constructor(engine: UnicornJsEngine, onDispose: () => void, image?: AddressSpaceImage) {
    const path: AccessPath = {
      read: (address, length) => {
        this.#check(address, length, "read");
        return this.#copy(address, length);
      },
      write: (address, bytes) => {
        this.#check(address, bytes.length, "write");
        this.#store(address, bytes);
      },
      probe: (address, length, access) => this.#check(address, length, access),
    };
    super(path);
    this.engine = engine;
    this.#onDispose = onDispose;
    for (const { address, size, protection, pages, shared, sharedOffset } of image?.runs ?? []) {
      if (shared) this.mapShared(address, size, protection, shared, sharedOffset ?? 0);
      else {
        const bytes = new Uint8Array(size);
        pages?.forEach((page, index) => page.copyTo(bytes, index * PAGE_SIZE));
        this.map(address, size, protection, bytes);
      }
    }
  }

  // Mapping

  map(address: number, size: number, protection: Protection, contents?: Uint8Array): void {
    this.#map(address, size, protection, 0);
    if (contents?.length) this.engine.mem_write(address, contents);
  }
  mapShared(address: number, size: number, protection: Protection, pages: SharedPages, offset: number): void {
    this.#map(address, size, protection, PageFlag.Shared);
    for (let done = 0; done < size; done += PAGE_SIZE)
      this.#shared.set((address + done) / PAGE_SIZE, { pages, offset: offset + done, held: new Uint8Array(PAGE_SIZE) });
  }
  #map(address: number, size: number, protection: Protection, flags: number): void {
    if (!size) return;
    this.unmap(address, size);
    this.#pages.fill(address / PAGE_SIZE, size / PAGE_SIZE, PageFlag.Mapped | protection | flags);
    this.engine.mem_map(address, size, protection);
    // What unicorn.js maps has the bytes of whatever was there before.
    for (let done = 0; done < size; done += ZEROES.length)
      this.engine.mem_write(address + done, ZEROES.subarray(0, size - done));
  }
  unmap(address: number, size: number): void {
    this.#forEachRun(address, size, (from, length) => {
      this.#forgetCode(from, length);
      this.engine.mem_unmap(from, length);
    });
    this.#pages.forEach(address / PAGE_SIZE, size / PAGE_SIZE, (page) => void this.#shared.delete(page));
    if (size) this.#pages.fill(address / PAGE_SIZE, size / PAGE_SIZE, 0);
  }
  protect(address: number, size: number, protection: Protection): void {
    this.#forEachRun(address, size, (from, length) => {
      this.#forgetCode(from, length);
      this.engine.mem_protect(from, length, protection);
    });
    this.#pages.forEach(address / PAGE_SIZE, size / PAGE_SIZE, (page, flags) => {
      this.#pages.set(page, (flags & ~PROTECTION_MASK) | protection);
    });
  }
  protectionAt(address: number): Protection | undefined {
    const flags = this.#pages.get(Math.floor(address / PAGE_SIZE));
    return flags ? flags & PROTECTION_MASK : undefined;
  }
  /** Calls `visit` with each stretch of mapped pages. */
  #forEachRun(address: number, size: number, visit: (from: number, length: number) => void): void {
    const runs: { first: number; end: number }[] = [];
    this.#pages.forEach(address / PAGE_SIZE, size / PAGE_SIZE, (page) => {
      const last = runs.at(-1);
      if (last?.end === page) last.end++;
      else runs.push({ first: page, end: page + 1 });
    });
    for (const { first, end } of runs) visit(first * PAGE_SIZE, (end - first) * PAGE_SIZE);
  }
  /** Unicorn runs what it translated, whatever becomes of the bytes from outside. */
  #forgetCode(address: number, size: number): void {
    const first = Math.floor(address / PAGE_SIZE);
    let executable = false;
    this.#pages.forEach(first, Math.ceil((address + size) / PAGE_SIZE) - first, (_page, flags) => {
      if (flags & PageFlag.Execute) executable = true;
    });
    if (!executable) return;
    this.codeChanged = true;
    this.engine.ctl_remove_cache(address, address + size);
  }

  // Shared pages

  /** Before a run: what others wrote. */
  carryIn(): void {
    for (const [page, { pages, offset, held }] of this.#shared) {
      const now = pages.bytes.subarray(offset, offset + PAGE_SIZE);
      if (held.every((byte, index) => byte === now[index])) continue;
      held.set(now);
      this.#forgetCode(page * PAGE_SIZE, PAGE_SIZE);
      this.engine.mem_write(page * PAGE_SIZE, held);
    }
  }
  /** After a run: what the guest wrote. */
  carryOut(): void {
    for (const [page, shared] of this.#shared) {
      if (!(this.#pages.get(page) & PageFlag.Write)) continue;
      const now = this.engine.mem_read(page * PAGE_SIZE, PAGE_SIZE);
      const { pages, offset, held } = shared;
      for (let i = 0; i < PAGE_SIZE; i++) if (now[i] !== held[i]) pages.bytes[offset + i] = now[i];
      shared.held = now;
    }
  }

  // Access

  #check(address: number, length: number, access: AccessKind): void {
    for (let at = address; at < address + length; at = (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE)
      if (!(this.#pages.get(Math.floor(at / PAGE_SIZE)) & accessFlags[access])) throw new GuestFault(at, access);
  }
  #checkMapped(address: number, length: number, access: AccessKind): void {
    for (let at = address; at < address + length; at = (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE)
      if (!this.#pages.get(Math.floor(at / PAGE_SIZE))) throw new GuestFault(at, access);
  }
  /** Calls `visit` with each stretch of the range within a page. */
  #pieces(
    address: number,
    length: number,
    visit: (at: number, done: number, size: number, shared: SharedPage | undefined) => void,
  ): void {
    // prettier-ignore
    for (let done = 0; done < length;) {
      const at = address + done;
      const page = Math.floor(at / PAGE_SIZE);
      const size = Math.min(length - done, (page + 1) * PAGE_SIZE - at);
      visit(at, done, size, this.#shared.get(page));
      done += size;
    }
  }
  #copy(address: number, length: number): Uint8Array {
    if (!this.#shared.size) return length ? this.engine.mem_read(address, length) : new Uint8Array();
    const result = new Uint8Array(length);
    this.#pieces(address, length, (at, done, size, shared) => {
      const from = (shared?.offset ?? 0) + (at % PAGE_SIZE);
      result.set(shared ? shared.pages.bytes.subarray(from, from + size) : this.engine.mem_read(at, size), done);
    });
    return result;
  }
  #store(address: number, bytes: Uint8Array): void {
    if (!bytes.length) return;
    this.#pieces(address, bytes.length, (at, done, size, shared) => {
      const piece = bytes.subarray(done, done + size);
      if (shared) shared.pages.bytes.set(piece, shared.offset + (at % PAGE_SIZE));
      else this.engine.mem_write(at, piece);
    });
    this.#forgetCode(address, bytes.length);
  }
  peek(address: number, length: number): Uint8Array {
    this.#checkMapped(address, length, "read");
    return this.#copy(address, length);
  }
  /** The part of the range before the first unmapped page. */
  peekUpTo(address: number, length: number): Uint8Array {
    let end = address;
    while (end < address + length && this.#pages.get(Math.floor(end / PAGE_SIZE)))
      end = Math.min(address + length, (Math.floor(end / PAGE_SIZE) + 1) * PAGE_SIZE);
    return this.#copy(address, end - address);
  }
  poke(address: number, bytes: Uint8Array): void {
    this.#checkMapped(address, bytes.length, "write");
    this.#store(address, bytes);
  }
  readPointer(address: number): number {
    const view = new DataView(this.read(address, 8).buffer);
    return view.getUint32(4, true) * 0x1_0000_0000 + view.getUint32(0, true);
  }
  writePointer(address: number, value: number): void {
    this.writeUint64(address, BigInt(value));
  }

  save(): AddressSpaceImage {
    const runs: AddressSpaceImage["runs"][number][] = [];
    this.#pages.forEachMapped((page, flags) => {
      const address = page * PAGE_SIZE;
      const protection = flags & PROTECTION_MASK;
      const shared = this.#shared.get(page);
      if (shared)
        runs.push({ address, size: PAGE_SIZE, protection, shared: shared.pages, sharedOffset: shared.offset });
      else {
        const pages = [SavedPage.from(this.engine.mem_read(address, PAGE_SIZE), 0)];
        runs.push({ address, size: PAGE_SIZE, protection, pages });
      }
    });
    return { runs };
  }
  dispose(): void {
    this.#pages.clear();
    this.#shared.clear();
    this.#onDispose();
  }
}
