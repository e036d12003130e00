/** What each page of an address space is: one byte a page, in tables of a 4 GiB range that exist where something was mapped. */
export const PageFlag = {
  Read: 1,
  Write: 2,
  Execute: 4,
  /** There is a page; without it the byte is 0. */
  Mapped: 8,
  /** It has storage: it may hold something else than zeroes. */
  Touched: 16,
  /** Instructions were decoded from it. */
  Code: 32,
  /** A page of SharedPages. */
  Shared: 64,
  /** Its storage lies outside the window. */
  Outside: 128,
} as const;
export const PROTECTION_MASK = PageFlag.Read | PageFlag.Write | PageFlag.Execute;

/** Pages of a table: those with equal upper bits of the address. */
export const TABLE_PAGES = 0x10_0000;
/** User mode has this many pages. */
const USER_PAGES = 0x8_0000_0000;

/** Pages of a stretch, which is passed over as a whole where nothing was ever mapped. */
const STRETCH = 0x1000;

interface Table {
  readonly flags: Uint8Array;
  /** By stretch: something was mapped there. */
  readonly used: Uint8Array;
}

export class PageTable {
  readonly #tables = new Map<number, Table>();
  #lastNumber = -1;
  #last: Uint8Array | undefined;

  #table(number: number): Uint8Array | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#last = this.#tables.get(number)?.flags;
    }
    return this.#last;
  }
  /** Flags of page number `page`; 0 where none is mapped. */
  get(page: number): number {
    const table = this.#table(Math.floor(page / TABLE_PAGES));
    return table ? table[page % TABLE_PAGES] : 0;
  }
  /** The page must lie in a range that was given to `fill`. */
  set(page: number, flags: number): void {
    const table = this.#table(Math.floor(page / TABLE_PAGES));
    if (!table) throw new Error(`page ${page.toString(16)} has no table`);
    table[page % TABLE_PAGES] = flags;
  }
  fill(page: number, count: number, flags: number): void {
    if (page < 0 || page + count > USER_PAGES) throw new RangeError("no pages of user mode");
    this.#parts(page, count, (number, first, end) => {
      let table = this.#tables.get(number);
      if (!table) {
        if (!flags) return;
        table = { flags: new Uint8Array(TABLE_PAGES), used: new Uint8Array(TABLE_PAGES / STRETCH) };
        this.#tables.set(number, table);
        this.#lastNumber = -1;
      }
      table.flags.fill(flags, first, end);
      if (flags) table.used.fill(1, Math.floor(first / STRETCH), Math.ceil(end / STRETCH));
    });
  }
  /** Calls `visit` for each mapped page in the range, in ascending order. */
  forEach(page: number, count: number, visit: (page: number, flags: number) => void): void {
    this.#parts(page, count, (number, first, end) => {
      const table = this.#tables.get(number);
      if (!table) return;
      for (let index = first; index < end;) {
        const stop = Math.min(end, (Math.floor(index / STRETCH) + 1) * STRETCH);
        if (!table.used[Math.floor(index / STRETCH)]) index = stop;
        for (; index < stop; index++) if (table.flags[index]) visit(number * TABLE_PAGES + index, table.flags[index]);
      }
    });
  }
  /** Every mapped page, in ascending order. */
  forEachMapped(visit: (page: number, flags: number) => void): void {
    for (const number of [...this.#tables.keys()].sort((a, b) => a - b))
      this.forEach(number * TABLE_PAGES, TABLE_PAGES, visit);
  }
  clear(): void {
    this.#tables.clear();
    this.#lastNumber = -1;
  }

  #parts(page: number, count: number, visit: (table: number, first: number, end: number) => void): void {
    const end = page + count;
    while (page < end) {
      const number = Math.floor(page / TABLE_PAGES);
      const stop = Math.min(end, (number + 1) * TABLE_PAGES);
      visit(number, page - number * TABLE_PAGES, stop - number * TABLE_PAGES);
      page = stop;
    }
  }
}
