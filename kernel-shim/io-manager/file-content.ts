import { stateClass } from "../executive/state.ts";
import type { LayerLocation, LayerStack } from "./layer.ts";

/** Contents are kept in chunks of this many bytes; the unit of copy-on-write. */
const CHUNK = 0x10000;
const SMALLEST_CHUNK = 0x200;

/** The bytes of a file. What was never written is read from the file's layer; writes copy a chunk at a time. */
export class FileContent {
  size = 0;
  /** Where unwritten bytes below `baseSize` are. */
  base: LayerLocation | null = null;
  baseSize = 0;
  /** Chunk index → bytes, at most CHUNK of them, as many as were needed. */
  chunks = new Map<number, Uint8Array>();

  /** Bytes of the scratch layer that this file occupies. */
  scratchBytes = 0;

  get isWritten(): boolean {
    return this.base === null || this.size !== this.baseSize || this.chunks.size > 0;
  }

  /** At most `length` bytes from `offset`; fewer at the end of the file. A fresh copy. */
  read(layers: LayerStack, offset: number, length: number): Uint8Array {
    const result = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    let done = 0;
    while (done < result.length) {
      const at = offset + done;
      const end = Math.min(chunkEnd(at), offset + result.length);
      const target = result.subarray(done, done + end - at);
      const chunk = this.chunks.get(chunkOf(at));
      if (chunk) target.set(chunk.subarray(at % CHUNK, (at % CHUNK) + target.length));
      else if (this.base && at < this.baseSize)
        target.set(layers.read(this.base).subarray(at, Math.min(end, this.baseSize)));
      done += end - at;
    }
    return result;
  }

  /** The same bytes, not copied where a layer has them as they are: nobody may change them, and no later write does. */
  view(layers: LayerStack, offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size);
    if (this.base === null || this.chunks.size > 0 || end > this.baseSize) return this.read(layers, offset, length);
    return layers.read(this.base).subarray(Math.min(offset, end), end);
  }

  /** The whole contents. */
  readAll(layers: LayerStack): Uint8Array {
    return this.read(layers, 0, this.size);
  }

  /** Upper bound of the scratch bytes that a write would add. */
  growthOfWrite(offset: number, length: number): number {
    let growth = 0;
    for (let at = offset; at < offset + length; at = chunkEnd(at)) {
      growth +=
        chunkCapacity(this.neededIn(chunkOf(at), Math.min(chunkEnd(at), offset + length))) -
        (this.chunks.get(chunkOf(at))?.length ?? 0);
    }
    return Math.max(0, growth);
  }

  /** Writes, extending the file as necessary; a gap reads as zeros. */
  write(layers: LayerStack, offset: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const at = offset + done;
      const end = Math.min(chunkEnd(at), offset + bytes.length);
      this.writableChunk(layers, chunkOf(at), end).set(bytes.subarray(done, done + end - at), at % CHUNK);
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
        if (start >= size) this.drop(index);
        else if (start + chunk.length > size) chunk.fill(0, size - start);
      }
    }
    this.size = size;
  }

  /** Replaces everything; nothing of a layer remains. */
  clear(): void {
    this.size = 0;
    this.base = null;
    this.baseSize = 0;
    for (const index of [...this.chunks.keys()]) this.drop(index);
  }

  private put(index: number, chunk: Uint8Array): void {
    this.scratchBytes += chunk.length - (this.chunks.get(index)?.length ?? 0);
    this.chunks.set(index, chunk);
  }

  private drop(index: number): void {
    this.scratchBytes -= this.chunks.get(index)?.length ?? 0;
    this.chunks.delete(index);
  }

  private neededIn(index: number, end: number): number {
    const start = index * CHUNK;
    // A chunk hides the layer below it, so it must reach as far as the layer does.
    return Math.max(end - start, Math.min(CHUNK, Math.max(0, this.baseSize - start)), 1);
  }

  private writableChunk(layers: LayerStack, index: number, end: number): Uint8Array {
    const start = index * CHUNK;
    const old = this.chunks.get(index);
    const needed = this.neededIn(index, end);
    if (old && old.length >= needed) return old;
    const chunk = new Uint8Array(chunkCapacity(needed));
    if (old) chunk.set(old);
    else if (this.base && start < this.baseSize) {
      chunk.set(layers.read(this.base).subarray(start, Math.min(start + CHUNK, this.baseSize)));
    }
    this.put(index, chunk);
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
