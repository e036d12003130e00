import { stateClass } from "../executive/state.ts";
import type { LayerLocation, LayerStack } from "./layer.ts";

/** Contents are kept in chunks of this many bytes; the unit of copy-on-write. */
const CHUNK = 0x10000;
const SMALLEST_CHUNK = 0x200;

/** Bytes that sections map and that file reads and writes go through as long as they do. Has the shape of the CPU seam's SharedPages. */
export interface MappedBytes {
  readonly bytes: Uint8Array;
}

/**
 * The bytes of a file. What was never written is read from the file's layer; writes copy a chunk at a time. The pages of a writable
 * section come first (`mapped`), so that views and file I/O see each other.
 */
export class FileContent {
  size = 0;
  /** Where unwritten bytes below `baseSize` are. */
  base: LayerLocation | null = null;
  baseSize = 0;
  /** Chunk index → bytes, at most CHUNK of them, as many as were needed. */
  chunks = new Map<number, Uint8Array>();
  mapped: MappedBytes | null = null;

  /** Bytes of the scratch layer that this file occupies. */
  scratchBytes = 0;

  get isWritten(): boolean {
    return this.base === null || this.size !== this.baseSize || this.chunks.size > 0 || this.mapped !== null;
  }

  /** At most `length` bytes from `offset`; fewer at the end of the file. A fresh copy. */
  read(layers: LayerStack, offset: number, length: number): Uint8Array {
    const result = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    let done = 0;
    while (done < result.length) {
      const at = offset + done;
      const mapped = this.mapped && at < this.mapped.bytes.length ? this.mapped.bytes : null;
      const end = mapped
        ? Math.min(mapped.length, offset + result.length)
        : Math.min(chunkEnd(at), offset + result.length);
      const target = result.subarray(done, done + end - at);
      if (mapped) target.set(mapped.subarray(at, end));
      else {
        const chunk = this.chunks.get(chunkOf(at));
        if (chunk) target.set(chunk.subarray(at % CHUNK, (at % CHUNK) + target.length));
        else if (this.base && at < this.baseSize)
          target.set(layers.read(this.base).subarray(at, Math.min(end, this.baseSize)));
      }
      done += end - at;
    }
    return result;
  }

  /** The whole contents. */
  readAll(layers: LayerStack): Uint8Array {
    return this.read(layers, 0, this.size);
  }

  /** Upper bound of the scratch bytes that a write would add. */
  growthOfWrite(offset: number, length: number): number {
    let growth = 0;
    for (let at = offset; at < offset + length; at = chunkEnd(at)) {
      if (this.mapped && at < this.mapped.bytes.length) continue;
      growth +=
        chunkCapacity(this.#neededIn(chunkOf(at), Math.min(chunkEnd(at), offset + length))) -
        (this.chunks.get(chunkOf(at))?.length ?? 0);
    }
    return Math.max(0, growth);
  }

  /** Writes, extending the file as necessary; a gap reads as zeros. */
  write(layers: LayerStack, offset: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const at = offset + done;
      const mapped = this.mapped && at < this.mapped.bytes.length ? this.mapped.bytes : null;
      const end = Math.min(mapped ? mapped.length : chunkEnd(at), offset + bytes.length);
      const source = bytes.subarray(done, done + end - at);
      if (mapped) mapped.set(source, at);
      else this.#writableChunk(layers, chunkOf(at), end).set(source, at % CHUNK);
      done += end - at;
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  /** Cuts or extends with zeros. */
  setSize(size: number): void {
    if (size < this.size) {
      this.baseSize = Math.min(this.baseSize, size);
      for (const [index, chunk] of this.chunks) {
        const start = index * CHUNK;
        if (start >= size) this.#drop(index);
        else if (start + chunk.length > size) chunk.fill(0, size - start);
      }
      this.mapped?.bytes.fill(0, Math.min(size, this.mapped.bytes.length));
    }
    this.size = size;
  }

  /** Replaces everything; nothing of a layer remains. */
  clear(): void {
    this.size = 0;
    this.base = null;
    this.baseSize = 0;
    for (const index of [...this.chunks.keys()]) this.#drop(index);
    this.mapped?.bytes.fill(0);
  }

  /** Forgets the shared bytes of views that are gone; what they held stays. */
  unmap(): void {
    const { mapped } = this;
    if (!mapped) return;
    this.mapped = null;
    this.scratchBytes -= mapped.bytes.length;
    this.base = null;
    this.baseSize = 0;
    for (let start = 0; start < Math.min(this.size, mapped.bytes.length); start += CHUNK) {
      this.#put(chunkOf(start), mapped.bytes.slice(start, Math.min(chunkEnd(start), mapped.bytes.length)));
    }
  }

  /**
   * The bytes that writable views of this file share, at least `length` of them, a multiple of `granularity`. A longer request than an earlier one gets new bytes: the earlier
   * views then no longer follow the file.
   */
  map(layers: LayerStack, length: number, granularity: number): MappedBytes {
    const needed = Math.ceil(Math.max(length, this.size, 1) / granularity) * granularity;
    if (this.mapped && this.mapped.bytes.length >= needed) return this.mapped;
    const bytes = new Uint8Array(needed);
    bytes.set(this.readAll(layers).subarray(0, needed));
    for (const index of [...this.chunks.keys()]) if ((index + 1) * CHUNK <= needed) this.#drop(index);
    this.scratchBytes += needed - (this.mapped?.bytes.length ?? 0);
    return (this.mapped = { bytes });
  }

  #put(index: number, chunk: Uint8Array): void {
    this.scratchBytes += chunk.length - (this.chunks.get(index)?.length ?? 0);
    this.chunks.set(index, chunk);
  }

  #drop(index: number): void {
    this.scratchBytes -= this.chunks.get(index)?.length ?? 0;
    this.chunks.delete(index);
  }

  #neededIn(index: number, end: number): number {
    const start = index * CHUNK;
    // A chunk hides the layer below it, so it must reach as far as the layer does.
    return Math.max(end - start, Math.min(CHUNK, Math.max(0, this.baseSize - start)), 1);
  }

  #writableChunk(layers: LayerStack, index: number, end: number): Uint8Array {
    const start = index * CHUNK;
    const old = this.chunks.get(index);
    const needed = this.#neededIn(index, end);
    if (old && old.length >= needed) return old;
    const chunk = new Uint8Array(chunkCapacity(needed));
    if (old) chunk.set(old);
    else if (this.base && start < this.baseSize) {
      chunk.set(layers.read(this.base).subarray(start, Math.min(start + CHUNK, this.baseSize)));
    }
    this.#put(index, chunk);
    return chunk;
  }
}

function chunkOf(offset: number): number {
  return Math.floor(offset / CHUNK);
}
function chunkEnd(offset: number): number {
  return (chunkOf(offset) + 1) * CHUNK;
}
/** Doubles, so that appending byte by byte costs amortized constant time. */
function chunkCapacity(needed: number): number {
  let capacity = SMALLEST_CHUNK;
  while (capacity < needed) capacity *= 2;
  return Math.min(capacity, CHUNK);
}

stateClass("FileContent", FileContent);
