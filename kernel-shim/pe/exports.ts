import { malformed } from "./error.ts";
import { Directory } from "./headers.ts";
import type { PeImage } from "./image.ts";

export type ExportTarget =
  | { readonly rva: number }
  /** `module.name` or `module.#ordinal`, to be looked up there. */
  | { readonly forwarder: string };

export type Export = ExportTarget & { readonly ordinal: number; readonly name?: string };

/** Ordinals have 16 bits. */
const MAX_EXPORTS = 0x10000;

/** The export directory: lookups as the loader does them, and a list. */
export class ExportTable {
  readonly moduleName: string;
  readonly #image: PeImage;
  readonly #start: number;
  readonly #end: number;
  readonly #base: number;
  readonly #functionCount: number;
  readonly #nameCount: number;
  readonly #functions: number;
  readonly #names: number;
  readonly #ordinals: number;

  /** @throws PeError where counts are absurd; entries are checked when they are looked at. */
  constructor(image: PeImage, { rva, size }: { readonly rva: number; readonly size: number }) {
    this.#image = image;
    this.#start = rva;
    this.#end = rva + size;
    const nameRva = image.u32(rva + 0xc);
    this.moduleName = nameRva === 0 ? "" : image.text(nameRva);
    this.#base = image.u32(rva + 0x10);
    this.#functionCount = image.u32(rva + 0x14);
    this.#nameCount = image.u32(rva + 0x18);
    this.#functions = image.u32(rva + 0x1c);
    this.#names = image.u32(rva + 0x20);
    this.#ordinals = image.u32(rva + 0x24);
    if (this.#functionCount > MAX_EXPORTS || this.#nameCount > MAX_EXPORTS) {
      throw malformed(`it exports ${this.#functionCount} functions under ${this.#nameCount} names`);
    }
  }

  /** A binary search, as in ntdll: the names are sorted. */
  byName(name: string): Export | undefined {
    let low = 0;
    let high = this.#nameCount - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#nameAt(middle);
      if (found === name) return this.#named(middle, found);
      if (found < name) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
  byOrdinal(ordinal: number): Export | undefined {
    const target = this.#target(ordinal - this.#base);
    return target && { ordinal, ...target };
  }
  /** What is exported by name, in the names' order; a name is read when it is asked for. */
  *named(): Generator<{ readonly target: ExportTarget; readonly name: () => string }> {
    for (let index = 0; index < this.#nameCount; index++) {
      const target = this.#target(this.#image.u16(this.#ordinals + index * 2));
      if (target) yield { target, name: () => this.#nameAt(index) };
    }
  }
  /** Every exported function, named ones once a name. */
  *list(): Generator<Export> {
    const named = new Set<number>();
    for (let index = 0; index < this.#nameCount; index++) {
      const found = this.#named(index, this.#nameAt(index));
      if (found === undefined) continue;
      named.add(found.ordinal);
      yield found;
    }
    for (let index = 0; index < this.#functionCount; index++) {
      if (named.has(this.#base + index)) continue;
      const found = this.byOrdinal(this.#base + index);
      if (found !== undefined) yield found;
    }
  }

  #nameAt(index: number): string {
    return this.#image.text(this.#image.u32(this.#names + index * 4), 4096);
  }
  #named(index: number, name: string): Export | undefined {
    const slot = this.#image.u16(this.#ordinals + index * 2);
    const target = this.#target(slot);
    return target && { name, ordinal: this.#base + slot, ...target };
  }
  #target(slot: number): ExportTarget | undefined {
    if (slot < 0 || slot >= this.#functionCount) return undefined;
    const rva = this.#image.u32(this.#functions + slot * 4);
    if (rva === 0) return undefined;
    // An address inside the export directory is the text of a forwarder.
    if (rva >= this.#start && rva < this.#end) return { forwarder: this.#image.text(rva) };
    return { rva };
  }
}

export function exportsOf(image: PeImage): ExportTable | undefined {
  const directory = image.directory(Directory.EXPORT);
  return directory && new ExportTable(image, directory);
}
