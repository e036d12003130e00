/** The memory of one process over the direct window: docs/decisions/0004-direct-window.md. */
import {
  GuestFault,
  PAGE_SIZE,
  Protection,
  USER_LIMIT,
  type AccessKind,
  type AddressSpace,
  type AddressSpaceImage,
  type PageContents,
  type SharedPages,
} from "../cpu.ts";
import { PageFlag, PageTable, PROTECTION_MASK } from "./page-table.ts";
import { SavedPage, type LiveMemory } from "./saved-page.ts";
import { saveRuns } from "./space-image.ts";
import { windowLayout } from "./window-layout.ts";
import { reserveWindow } from "./window-size.ts";

const TWO_32 = 0x1_0000_0000;
const { reservedLow, tables, tablesEnd } = windowLayout;

const isReserved = (offset: number): boolean => offset < reservedLow || (offset >= tables && offset < tablesEnd);

const accessFlags = { read: PageFlag.Read, write: PageFlag.Write, execute: PageFlag.Execute } as const satisfies Record<
  AccessKind,
  number
>;

/** Storage of a page: `bytes` from `offset` on. */
export interface PageStorage {
  readonly bytes: Uint8Array;
  readonly offset: number;
}
export interface SharedView {
  readonly pages: SharedPages;
  readonly offset: number;
}

/** What pages hold before they are touched: `bytes` from page `first` on, then zeroes. */
interface InitialContents {
  readonly first: number;
  readonly bytes: Uint8Array;
}

/** Told before bytes change from which instructions were decoded. */
export interface CodeListener {
  invalidate(page: number): void;
}

export class WindowSpace implements AddressSpace, LiveMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  code: CodeListener | undefined;

  readonly pages = new PageTable();
  /** Storage of pages without slot. */
  readonly #outside = new Map<number, Uint8Array>();
  readonly #shared = new Map<number, SharedView>();
  /** Of pages that were not touched and do not begin as zeroes. */
  readonly #contents = new Map<number, InitialContents | PageContents>();
  /** Touched pages that did not change since they were saved. Their write tags are clear. */
  readonly #saved = new Map<number, WeakRef<SavedPage>>();
  readonly #slots: number;
  /** Where a page lies: the low bits of its address. */
  readonly #mask: number;
  /** By slot, whether a page has it. */
  readonly #taken: Uint8Array;
  readonly #readTags: Int32Array;
  readonly #writeTags: Int32Array;
  /** Shared pages with code, as they were when it was decoded: others may write to them unnoticed. */
  readonly #sharedCode = new Map<number, Uint8Array>();

  readonly #onDispose: ((space: WindowSpace) => void) | undefined;

  /** `memory` must be fresh, from `reserveWindow`. */
  constructor(image?: AddressSpaceImage, memory = reserveWindow(), onDispose?: (space: WindowSpace) => void) {
    this.#onDispose = onDispose;
    this.memory = memory;
    const { buffer } = memory;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.#slots = buffer.byteLength / PAGE_SIZE;
    this.#mask = buffer.byteLength - 1;
    this.#taken = new Uint8Array(this.#slots);
    this.#readTags = new Int32Array(buffer, windowLayout.readTags, this.#slots * 2);
    this.#writeTags = new Int32Array(buffer, windowLayout.writeTags, this.#slots * 2);
    // Zero means no page. Where an access computes page number 0 itself, in the first slot and, wrapped, from the last, nothing matches.
    for (const tags of [this.#readTags, this.#writeTags]) tags.fill(-1, 0, 2).fill(-1, this.#slots * 2 - 2);
    if (image) this.#restore(image);
  }

  #restore(image: AddressSpaceImage): void {
    for (const { address, size, protection, pages, shared, sharedOffset } of image.runs) {
      if (shared) this.mapShared(address, size, protection, shared, sharedOffset ?? 0);
      else this.map(address, size, protection);
      pages?.forEach((contents, index) => this.#contents.set(address / PAGE_SIZE + index, contents));
    }
  }

  // Mapping

  map(address: number, size: number, protection: Protection, contents?: Uint8Array): void {
    this.unmap(address, size);
    const first = address / PAGE_SIZE;
    this.pages.fill(first, size / PAGE_SIZE, PageFlag.Mapped | protection);
    if (!contents) return;
    if (contents.length > size) throw new RangeError("contents are larger than the pages");
    const initial: InitialContents = { first, bytes: contents };
    for (let page = first; (page - first) * PAGE_SIZE < contents.length; page++) this.#contents.set(page, initial);
  }

  mapShared(address: number, size: number, protection: Protection, pages: SharedPages, offset: number): void {
    this.unmap(address, size);
    this.pages.fill(address / PAGE_SIZE, size / PAGE_SIZE, PageFlag.Mapped | PageFlag.Shared | protection);
    for (let done = 0; done < size; done += PAGE_SIZE)
      this.#shared.set((address + done) / PAGE_SIZE, { pages, offset: offset + done });
  }

  unmap(address: number, size: number): void {
    this.pages.forEach(address / PAGE_SIZE, size / PAGE_SIZE, (page, flags) => {
      if (flags & PageFlag.Code) this.#discardCode(page);
      this.#detachSaved(page);
      if (flags & PageFlag.Shared) this.#shared.delete(page);
      else if (flags & PageFlag.Outside) this.#outside.delete(page);
      else if (flags & PageFlag.Touched) {
        const slot = page % this.#slots;
        this.#taken[slot] = 0;
        this.#setTags(slot, 0, 0);
        this.bytes.fill(0, slot * PAGE_SIZE, (slot + 1) * PAGE_SIZE);
      } else this.#contents.delete(page);
    });
    this.pages.fill(address / PAGE_SIZE, size / PAGE_SIZE, 0);
  }

  protect(address: number, size: number, protection: Protection): void {
    this.pages.forEach(address / PAGE_SIZE, size / PAGE_SIZE, (page, flags) => {
      if (flags & PageFlag.Code && !(protection & Protection.Execute)) {
        this.#discardCode(page);
        flags &= ~PageFlag.Code;
      }
      this.pages.set(page, (flags & ~PROTECTION_MASK) | protection);
      this.#updateTags(page);
    });
  }

  protectionAt(address: number): Protection | undefined {
    const flags = this.pages.get(Math.floor(address / PAGE_SIZE));
    return flags ? flags & PROTECTION_MASK : undefined;
  }

  // Tags

  #setTags(slot: number, read: number, write: number): void {
    this.#readTags[slot * 2] = read;
    this.#readTags[slot * 2 + 1] = Math.floor(read / TWO_32);
    this.#writeTags[slot * 2] = write;
    this.#writeTags[slot * 2 + 1] = Math.floor(write / TWO_32);
  }
  #updateTags(page: number): void {
    const flags = this.pages.get(page);
    if (!(flags & PageFlag.Touched) || flags & PageFlag.Outside) return;
    const watched = this.#watched?.(page) === true;
    const writable = flags & PageFlag.Write && !(flags & PageFlag.Code) && !this.#saved.has(page) && !watched;
    this.#setTags(page % this.#slots, flags & PageFlag.Read && !watched ? page : 0, writable ? page : 0);
  }
  #watched: ((page: number) => boolean) | undefined;
  /** Which pages somebody watches: translated code and handlers leave accesses to them to the slow path. */
  watch(watched: ((page: number) => boolean) | undefined): void {
    if (!watched && !this.#watched) return;
    this.#watched = watched;
    this.pages.forEachMapped((page) => this.#updateTags(page));
  }

  /** Where the mapped page `page` keeps its bytes; gives it storage when it has none. */
  storage(page: number): PageStorage {
    const flags = this.pages.get(page);
    if (flags & PageFlag.Shared) {
      const { pages, offset } = this.#shared.get(page) as SharedView;
      return { bytes: pages.bytes, offset };
    }
    if (!(flags & PageFlag.Touched)) return this.#touch(page, flags);
    if (flags & PageFlag.Outside) return { bytes: this.#outside.get(page) as Uint8Array, offset: 0 };
    return { bytes: this.bytes, offset: (page % this.#slots) * PAGE_SIZE };
  }
  #touch(page: number, flags: number): PageStorage {
    const storage = this.#giveStorage(page, flags);
    const contents = this.#contents.get(page);
    if (contents) {
      this.#contents.delete(page);
      if ("copyTo" in contents) contents.copyTo(storage.bytes, storage.offset);
      else {
        const start = (page - contents.first) * PAGE_SIZE;
        storage.bytes.set(contents.bytes.subarray(start, start + PAGE_SIZE), storage.offset);
      }
    }
    return storage;
  }
  #giveStorage(page: number, flags: number): PageStorage {
    const slot = page % this.#slots;
    const offset = slot * PAGE_SIZE;
    // The last slot's tags are never 0: see the constructor.
    if (this.#taken[slot] || isReserved(offset) || slot === this.#slots - 1) {
      const bytes = new Uint8Array(PAGE_SIZE);
      this.#outside.set(page, bytes);
      this.pages.set(page, flags | PageFlag.Touched | PageFlag.Outside);
      return { bytes, offset: 0 };
    }
    this.#taken[slot] = 1;
    this.pages.set(page, flags | PageFlag.Touched);
    this.#updateTags(page);
    return { bytes: this.bytes, offset };
  }
  /** The shared view that `page` belongs to. */
  sharedView(page: number): SharedView | undefined {
    return this.#shared.get(page);
  }

  // Snapshots

  /** What the private page `page` holds; undefined: zeroes. */
  savedPage(page: number): PageContents | undefined {
    if (!(this.pages.get(page) & PageFlag.Touched)) {
      const contents = this.#contents.get(page);
      if (!contents || "copyTo" in contents) return contents;
      const saved = SavedPage.from(contents.bytes, (page - contents.first) * PAGE_SIZE);
      this.#contents.set(page, saved);
      return saved;
    }
    let saved = this.#saved.get(page)?.deref();
    if (!saved) {
      saved = SavedPage.of(this, page);
      this.#saved.set(page, new WeakRef(saved));
      this.#updateTags(page);
    }
    return saved;
  }
  copyPage(page: number, target: Uint8Array, at: number): void {
    const { bytes, offset } = this.storage(page);
    target.set(bytes.subarray(offset, offset + PAGE_SIZE), at);
  }
  /** Before `page` changes or goes: who saved it gets a copy. Its tags are the caller's business. */
  #detachSaved(page: number): boolean {
    const saved = this.#saved.get(page);
    if (!saved) return false;
    saved.deref()?.detach();
    return this.#saved.delete(page);
  }

  // Code

  /** Instructions are decoded from `page`: the next change of its bytes is reported. */
  markCode(page: number): void {
    const flags = this.pages.get(page);
    if (flags & PageFlag.Code) return;
    this.pages.set(page, flags | PageFlag.Code);
    if (flags & PageFlag.Shared) {
      const decoded = new Uint8Array(PAGE_SIZE);
      this.copyPage(page, decoded, 0);
      this.#sharedCode.set(page, decoded);
    }
    this.#updateTags(page);
  }
  #discardCode(page: number): void {
    this.code?.invalidate(page);
    this.#sharedCode.delete(page);
  }
  #codeChanges(page: number): void {
    this.#discardCode(page);
    this.pages.set(page, this.pages.get(page) & ~PageFlag.Code);
    this.#updateTags(page);
  }
  /** Forgets code in shared pages that has changed since. */
  discardSharedCode(): void {
    for (const [page, decoded] of this.#sharedCode) {
      const { bytes, offset } = this.storage(page);
      if (decoded.some((byte, index) => byte !== bytes[offset + index])) this.#codeChanges(page);
    }
  }

  // Access

  /** Throws unless every byte permits an access that needs `needed`. */
  #check(address: number, length: number, needed: number, access: AccessKind): void {
    // Above, numbers are too coarse to count bytes. Whether an address is canonical is found out before pages are looked at.
    if (length && !(address >= 0 && address < USER_LIMIT)) throw new GuestFault(address, access);
    if (address + length > USER_LIMIT) throw new GuestFault(USER_LIMIT, access);
    const end = address + length;
    for (let at = address; at < end;) {
      const page = Math.floor(at / PAGE_SIZE);
      if ((this.pages.get(page) & needed) !== needed) throw new GuestFault(at, access);
      at = (page + 1) * PAGE_SIZE;
    }
  }
  /** Calls `visit` with each stretch of storage of the range. */
  #stretches(
    address: number,
    length: number,
    visit: (storage: PageStorage, inPage: number, done: number, count: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const page = Math.floor((address + done) / PAGE_SIZE);
      const inPage = address + done - page * PAGE_SIZE;
      const count = Math.min(length - done, PAGE_SIZE - inPage);
      visit(this.storage(page), inPage, done, count);
      done += count;
    }
  }
  #copyOut(address: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    this.#stretches(address, length, ({ bytes, offset }, inPage, done, count) => {
      result.set(bytes.subarray(offset + inPage, offset + inPage + count), done);
    });
    return result;
  }
  #copyIn(address: number, source: Uint8Array): void {
    const last = Math.floor((address + source.length - 1) / PAGE_SIZE);
    let shared = false;
    for (let page = Math.floor(address / PAGE_SIZE); page <= last; page++) {
      const flags = this.pages.get(page);
      if (flags & PageFlag.Code) this.#codeChanges(page);
      if (flags & PageFlag.Shared) shared = true;
      if (this.#detachSaved(page)) this.#updateTags(page);
    }
    this.#stretches(address, source.length, ({ bytes, offset }, inPage, done, count) => {
      bytes.set(source.subarray(done, done + count), offset + inPage);
    });
    if (shared) this.discardSharedCode();
  }

  read(address: number, length: number): Uint8Array {
    this.#check(address, length, PageFlag.Read, "read");
    return this.#copyOut(address, length);
  }
  write(address: number, bytes: Uint8Array): void {
    this.#check(address, bytes.length, PageFlag.Write, "write");
    if (bytes.length) this.#copyIn(address, bytes);
  }
  probe(address: number, length: number, access: AccessKind): void {
    this.#check(address, length, accessFlags[access], access);
  }
  peek(address: number, length: number): Uint8Array {
    this.#check(address, length, PageFlag.Mapped, "read");
    return this.#copyOut(address, length);
  }
  poke(address: number, bytes: Uint8Array): void {
    this.#check(address, bytes.length, PageFlag.Mapped, "write");
    if (bytes.length) this.#copyIn(address, bytes);
  }

  /** Offset in the window of `size` bytes that `tags` permit to access without further ado, or -1. */
  #fast(tags: Int32Array, address: number, size: number): number {
    const low = address >>> 0;
    const high = Math.floor(address / TWO_32);
    const offset = (low & this.#mask) >>> 0;
    const tag = (offset >>> 12) * 2;
    return tags[tag] === ((low >>> 12) | (high << 20)) && tags[tag + 1] === high >>> 12 && (low & 0xfff) <= PAGE_SIZE - size // prettier-ignore
      ? offset
      : -1;
  }
  #fastRead(address: number, size: number): number {
    return this.#fast(this.#readTags, address, size);
  }
  #fastWrite(address: number, size: number): number {
    return this.#fast(this.#writeTags, address, size);
  }
  #slowView(address: number, size: number): DataView {
    return new DataView(this.read(address, size).buffer);
  }
  readUint8(address: number): number {
    const at = this.#fastRead(address, 1);
    return at >= 0 ? this.view.getUint8(at) : this.#slowView(address, 1).getUint8(0);
  }
  readUint16(address: number): number {
    const at = this.#fastRead(address, 2);
    return at >= 0 ? this.view.getUint16(at, true) : this.#slowView(address, 2).getUint16(0, true);
  }
  readUint32(address: number): number {
    const at = this.#fastRead(address, 4);
    return at >= 0 ? this.view.getUint32(at, true) : this.#slowView(address, 4).getUint32(0, true);
  }
  readUint64(address: number): bigint {
    const at = this.#fastRead(address, 8);
    return at >= 0 ? this.view.getBigUint64(at, true) : this.#slowView(address, 8).getBigUint64(0, true);
  }
  readPointer(address: number): number {
    const at = this.#fastRead(address, 8);
    const view = at >= 0 ? this.view : this.#slowView(address, 8);
    const offset = at >= 0 ? at : 0;
    return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO_32;
  }
  #slowWrite(address: number, size: number, set: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(size));
    set(view);
    this.write(address, new Uint8Array(view.buffer));
  }
  writeUint8(address: number, value: number): void {
    const at = this.#fastWrite(address, 1);
    if (at >= 0) this.view.setUint8(at, value);
    else this.#slowWrite(address, 1, (view) => view.setUint8(0, value));
  }
  writeUint16(address: number, value: number): void {
    const at = this.#fastWrite(address, 2);
    if (at >= 0) this.view.setUint16(at, value, true);
    else this.#slowWrite(address, 2, (view) => view.setUint16(0, value, true));
  }
  writeUint32(address: number, value: number): void {
    const at = this.#fastWrite(address, 4);
    if (at >= 0) this.view.setUint32(at, value, true);
    else this.#slowWrite(address, 4, (view) => view.setUint32(0, value, true));
  }
  writeUint64(address: number, value: bigint): void {
    const at = this.#fastWrite(address, 8);
    if (at >= 0) this.view.setBigUint64(at, value, true);
    else this.#slowWrite(address, 8, (view) => view.setBigUint64(0, value, true));
  }
  writePointer(address: number, value: number): void {
    const at = this.#fastWrite(address, 8);
    const store = (view: DataView, offset: number): void => {
      view.setUint32(offset, value, true);
      view.setUint32(offset + 4, Math.floor(value / TWO_32), true);
    };
    if (at >= 0) store(this.view, at);
    else this.#slowWrite(address, 8, (view) => store(view, 0));
  }

  save(): AddressSpaceImage {
    return { runs: saveRuns(this) };
  }
  dispose(): void {
    for (const page of this.#saved.keys()) this.#detachSaved(page);
    this.pages.clear();
    this.#outside.clear();
    this.#shared.clear();
    this.#contents.clear();
    this.code = undefined;
    this.#onDispose?.(this);
  }
}
