import { PAGE_SIZE, type PageContents } from "../cpu.ts";

/** The memory that still holds a page as it was saved. */
export interface LiveMemory {
  copyPage(page: number, target: Uint8Array, at: number): void;
}

/** A page at a moment. As long as it does not change, its bytes are those of the memory that it was saved from. */
export class SavedPage implements PageContents {
  #bytes: Uint8Array | undefined;
  readonly #offset: number;
  #memory: LiveMemory | undefined;
  readonly #page: number;

  private constructor(bytes: Uint8Array | undefined, offset: number, memory: LiveMemory | undefined, page: number) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#memory = memory;
    this.#page = page;
  }
  /** `memory` must call `detach` before the page changes. */
  static of(memory: LiveMemory, page: number): SavedPage {
    return new SavedPage(undefined, 0, memory, page);
  }
  /** The page that begins at `offset`; behind the end of `bytes`, which must not change, are zeroes. */
  static from(bytes: Uint8Array, offset: number): SavedPage {
    return new SavedPage(bytes, offset, undefined, 0);
  }

  /** `target` must hold zeroes there. */
  copyTo(target: Uint8Array, at: number): void {
    if (this.#bytes) target.set(this.#bytes.subarray(this.#offset, this.#offset + PAGE_SIZE), at);
    else this.#memory?.copyPage(this.#page, target, at);
  }
  detach(): void {
    const bytes = new Uint8Array(PAGE_SIZE);
    this.copyTo(bytes, 0);
    this.#bytes = bytes;
    this.#memory = undefined;
  }
}
