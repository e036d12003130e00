/**
 * The memory of one process on one libunicorn engine. The bytes are ours: they lie in JavaScript buffers that the engine
 * maps, so the kernel reads and writes without a foreign call.
 */
import type { AccessKind, AddressSpace, AddressSpaceImage, SharedPages } from "../../cpu.ts";
import { GuestFault, PAGE_SIZE, Protection, USER_LIMIT } from "../../cpu.ts";
import { SavedPage } from "../../memory/saved-page.ts";
import type { HostPointer, Libunicorn } from "./library.ts";
import { hostPointer } from "./library.ts";

/** Pages of equal protection over one buffer. A run is what the engine sees as one region (none if nothing may be accessed). */
interface Run {
  readonly address: number;
  readonly size: number;
  readonly protection: Protection;
  /** `size` bytes. */
  readonly bytes: Uint8Array;
  readonly shared?: SharedPages;
  readonly sharedOffset?: number;
}

const accessBit: Readonly<Record<AccessKind, Protection>> = {
  read: Protection.Read,
  write: Protection.Write,
  execute: Protection.Execute,
};

export class LibunicornAddressSpace implements AddressSpace {
  readonly engine: HostPointer;
  readonly #library: Libunicorn;
  readonly #onDispose: () => void;
  /** Ascending, disjoint. */
  readonly #runs: Run[] = [];
  #disposed = false;

  constructor(library: Libunicorn, engine: HostPointer, onDispose: () => void, image?: AddressSpaceImage) {
    this.#library = library;
    this.engine = engine;
    this.#onDispose = onDispose;
    for (const { address, size, protection, pages, shared, sharedOffset } of image?.runs ?? []) {
      if (shared) this.mapShared(address, size, protection, shared, sharedOffset ?? 0);
      else {
        const bytes = new Uint8Array(size);
        pages?.forEach((page, index) => {
          page.copyTo(bytes, index * PAGE_SIZE);
        });
        this.#insert({ address, size, protection, bytes });
      }
    }
  }

  map(address: number, size: number, protection: Protection, contents?: Uint8Array): void {
    this.#checkRange(address, size);
    if (size === 0) return;
    this.unmap(address, size);
    const bytes = new Uint8Array(size);
    if (contents) bytes.set(contents);
    this.#insert({ address, size, protection, bytes });
  }

  mapShared(address: number, size: number, protection: Protection, pages: SharedPages, offset: number): void {
    this.#checkRange(address, size);
    if (size === 0) return;
    if (offset + size > pages.bytes.length) throw new RangeError("the view is larger than its pages");
    this.unmap(address, size);
    const bytes = pages.bytes.subarray(offset, offset + size);
    this.#insert({ address, size, protection, bytes, shared: pages, sharedOffset: offset });
  }

  protect(address: number, size: number, protection: Protection): void {
    this.#checkRange(address, size);
    for (const run of this.#cut(address, size)) {
      if (run.protection === protection) this.#insert(run);
      else this.#insert({ ...run, protection });
    }
  }

  unmap(address: number, size: number): void {
    this.#checkRange(address, size);
    this.#cut(address, size);
  }

  protectionAt(address: number): Protection | undefined {
    return this.#find(address)?.protection;
  }

  read(address: number, length: number): Uint8Array {
    this.probe(address, length, "read");
    return this.peek(address, length);
  }
  write(address: number, bytes: Uint8Array): void {
    this.probe(address, bytes.length, "write");
    this.poke(address, bytes);
  }
  readUint8(address: number): number {
    return this.#view(address, 1, "read").getUint8(0);
  }
  readUint16(address: number): number {
    return this.#view(address, 2, "read").getUint16(0, true);
  }
  readUint32(address: number): number {
    return this.#view(address, 4, "read").getUint32(0, true);
  }
  readUint64(address: number): bigint {
    return this.#view(address, 8, "read").getBigUint64(0, true);
  }
  readPointer(address: number): number {
    const view = this.#view(address, 8, "read");
    return view.getUint32(4, true) * 0x1_0000_0000 + view.getUint32(0, true);
  }
  writeUint8(address: number, value: number): void {
    scratch.setUint8(0, value);
    this.write(address, scratchBytes[1]);
  }
  writeUint16(address: number, value: number): void {
    scratch.setUint16(0, value, true);
    this.write(address, scratchBytes[2]);
  }
  writeUint32(address: number, value: number): void {
    scratch.setUint32(0, value, true);
    this.write(address, scratchBytes[4]);
  }
  writeUint64(address: number, value: bigint): void {
    scratch.setBigUint64(0, value, true);
    this.write(address, scratchBytes[8]);
  }
  writePointer(address: number, value: number): void {
    this.writeUint64(address, BigInt(value));
  }

  probe(address: number, length: number, access: AccessKind): void {
    const end = address + length;
    for (let at = address; at < end;) {
      const run = this.#find(at);
      if (!run || !(run.protection & accessBit[access])) throw new GuestFault(at, access);
      at = run.address + run.size;
    }
  }

  peek(address: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    this.#pieces(address, length, "read", (run, from, size, done) => {
      result.set(run.bytes.subarray(from, from + size), done);
    });
    return result;
  }

  /** The part of the range before the first unmapped page. */
  peekUpTo(address: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const run = this.#find(address + done);
      if (!run) break;
      const from = address + done - run.address;
      const piece = run.bytes.subarray(from, from + length - done);
      result.set(piece, done);
      done += piece.length;
    }
    return result.subarray(0, done);
  }

  poke(address: number, bytes: Uint8Array): void {
    this.#pieces(address, bytes.length, "write", () => undefined);
    this.#pieces(address, bytes.length, "write", (run, from, size, done) => {
      const source = bytes.subarray(done, done + size);
      run.bytes.set(source, from);
      if (run.protection & Protection.Execute)
        this.#library.removeTranslations(this.engine, run.address + from, run.address + from + size);
    });
  }

  save(): AddressSpaceImage {
    return {
      runs: this.#runs.map(({ address, size, protection, bytes, shared, sharedOffset }) => {
        if (shared) return { address, size, protection, shared, sharedOffset: sharedOffset ?? 0 };
        const copy = bytes.slice();
        const pages = Array.from({ length: size / PAGE_SIZE }, (_, index) => SavedPage.from(copy, index * PAGE_SIZE));
        return { address, size, protection, pages };
      }),
    };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#onDispose();
    this.#runs.length = 0;
  }

  /** One line a run, for people. */
  toString(): string {
    const hex = (value: number): string => value.toString(16).padStart(12, "0");
    const letters = (p: Protection): string =>
      `${p & Protection.Read ? "r" : "-"}${p & Protection.Write ? "w" : "-"}${p & Protection.Execute ? "x" : "-"}`;
    return this.#runs
      .map(
        (run) =>
          `${hex(run.address)}-${hex(run.address + run.size)} ${letters(run.protection)}${run.shared ? " shared" : ""}`,
      )
      .join("\n");
  }

  #checkRange(address: number, size: number): void {
    if (address % PAGE_SIZE || size % PAGE_SIZE || address < 0 || size < 0 || address + size > USER_LIMIT) {
      throw new RangeError(`not a range of user-mode pages: 0x${address.toString(16)}+0x${size.toString(16)}`);
    }
  }

  /** Index of the first run that ends above `address`. */
  #indexAbove(address: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run.address + run.size > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #find(address: number): Run | undefined {
    const run = this.#runs[this.#indexAbove(address)];
    return run && run.address <= address ? run : undefined;
  }

  #view(address: number, length: number, access: AccessKind): DataView {
    const run = this.#find(address);
    if (!run || !(run.protection & accessBit[access])) throw new GuestFault(address, access);
    const from = address - run.address;
    if (from + length <= run.size) return new DataView(run.bytes.buffer, run.bytes.byteOffset + from, length);
    return new DataView(this.read(address, length).buffer);
  }

  #pieces(
    address: number,
    length: number,
    access: AccessKind,
    visit: (run: Run, from: number, size: number, done: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const run = this.#find(address + done);
      if (!run) throw new GuestFault(address + done, access);
      const from = address + done - run.address;
      const size = Math.min(length - done, run.size - from);
      visit(run, from, size, done);
      done += size;
    }
  }

  #insert(run: Run): void {
    this.#runs.splice(this.#indexAbove(run.address), 0, run);
    if (run.protection === Protection.None) return;
    this.#library.mapPointer(this.engine, run.address, run.size, run.protection, hostPointer(run.bytes));
  }

  #remove(index: number, count: number): Run[] {
    const runs = this.#runs.splice(index, count);
    for (const run of runs) {
      if (run.protection === Protection.None) continue;
      // libunicorn keeps translations of unmapped pages, and finds them again when something else is mapped in their place.
      if (run.protection & Protection.Execute)
        this.#library.removeTranslations(this.engine, run.address, run.address + run.size);
      this.#library.unmap(this.engine, run.address, run.size);
    }
    return runs;
  }

  /** Takes the range out and returns what was there; what hangs over at the ends stays mapped. */
  #cut(address: number, size: number): Run[] {
    const end = address + size;
    const first = this.#indexAbove(address);
    let last = first;
    while (last < this.#runs.length && this.#runs[last].address < end) last++;
    if (first === last) return [];
    const inside: Run[] = [];
    for (const run of this.#remove(first, last - first)) {
      const from = Math.max(run.address, address);
      const to = Math.min(run.address + run.size, end);
      if (run.address < from) this.#insert(slice(run, run.address, from));
      if (to < run.address + run.size) this.#insert(slice(run, to, run.address + run.size));
      inside.push(slice(run, from, to));
    }
    return inside;
  }
}

function slice(run: Run, from: number, to: number): Run {
  const offset = from - run.address;
  return {
    ...run,
    address: from,
    size: to - from,
    bytes: run.bytes.subarray(offset, offset + to - from),
    ...(run.shared ? { sharedOffset: (run.sharedOffset ?? 0) + offset } : {}),
  };
}

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((length) => new Uint8Array(scratch.buffer, 0, length));
