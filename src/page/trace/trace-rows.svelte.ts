import type { TraceDetail, TraceRow } from "../../worker/interface.ts";
import type { Connection } from "../session/connection.svelte.ts";

const chunkRows = 256;
const keptChunks = 64;
/** More than a screen shows. */
const tailRows = 100;
const filterDelay = 80;

interface Chunk {
  rows: readonly TraceRow[];
  loading: Promise<void> | undefined;
}

/**
 * The trace as the page sees it: the matching rows are the worker's, and come in chunks when they are looked at. What was fetched
 * stays readable when the worker is gone.
 */
export class TraceRows {
  /** Number of rows that pass the filter. */
  total = $state(0);
  filter = $state("");
  following = $state(true);
  selected = $state<number | undefined>();
  selectedIndex = $state(-1);
  detail = $state.raw<TraceDetail | undefined>();
  /** A row that the table should bring into view; replaced whole for each wish. */
  wanted = $state.raw<{ readonly index: number } | undefined>();
  #version = $state(0);
  #chunks = new Map<number, Chunk>();
  #generation = 0;
  #looked = { first: 0, last: -1 };
  #newest = 0;
  #growing = false;
  #filterTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  clear(): void {
    this.#forgetRows();
    this.total = 0;
    this.#newest = 0;
    this.following = true;
    this.selected = undefined;
    this.selectedIndex = -1;
    this.detail = undefined;
  }

  /** There are more rows. While the table follows them, they are counted when they are here: it never shows a gap. */
  grow(total: number): void {
    this.#newest = total;
    if (!this.following || total <= this.total) this.total = total;
    else if (!this.#growing) void this.#fetchNewest();
  }

  async #fetchNewest(): Promise<void> {
    this.#growing = true;
    while (this.#newest > this.total && this.#connection.holdsSession) {
      const [target, generation] = [this.#newest, this.#generation];
      const last = Math.floor((target - 1) / chunkRows);
      const first = Math.max(0, Math.floor((target - tailRows) / chunkRows));
      const chunks = this.#chunks;
      await Promise.all(
        Array.from({ length: last - first + 1 }, (_, i) => this.#fetch(first + i, chunks, generation, target)),
      );
      if (generation === this.#generation) this.total = target;
    }
    this.#growing = false;
  }

  /** Undefined while the row is on its way. */
  row(index: number): TraceRow | undefined {
    void this.#version;
    return this.#chunks.get(Math.floor(index / chunkRows))?.rows[index % chunkRows];
  }

  /** Fetches what is missing of the rows from `first` to `last`. */
  look(first: number, last: number): void {
    this.#looked = { first, last };
    const end = Math.min(last, this.total - 1);
    for (let chunk = Math.floor(Math.max(first, 0) / chunkRows); chunk * chunkRows <= end; chunk++) {
      void this.#fetch(chunk, this.#chunks, this.#generation);
    }
  }

  #fetch(number: number, chunks: Map<number, Chunk>, generation: number, total = this.total): Promise<void> {
    const wanted = Math.min(chunkRows, total - number * chunkRows);
    const chunk = chunks.get(number) ?? { rows: [], loading: undefined };
    if (chunk.loading !== undefined) return chunk.loading;
    if (chunk.rows.length >= wanted || !this.#connection.holdsSession) return Promise.resolve();
    chunks.delete(number);
    chunks.set(number, chunk);
    chunk.loading = this.#fill(number, chunk, wanted, generation).then((arrived) => {
      chunk.loading = undefined;
      this.#version++;
      for (const old of chunks.keys()) {
        if (chunks.size <= keptChunks) break;
        chunks.delete(old);
      }
      // The trace may have grown meanwhile.
      if (arrived && chunks === this.#chunks) this.look(this.#looked.first, this.#looked.last);
    });
    return chunk.loading;
  }

  /** Whether rows came. Rows of another filter are dropped. */
  async #fill(number: number, chunk: Chunk, wanted: number, generation: number): Promise<boolean> {
    const start = number * chunkRows + chunk.rows.length;
    try {
      const rows = await this.#connection.ask((sandbox) => sandbox.rows(start, wanted - chunk.rows.length));
      if (generation !== this.#generation) return false;
      chunk.rows = [...chunk.rows, ...rows];
      return rows.length > 0;
    } catch {
      // The rows stay empty; the connection reports the loss in its own place.
      return false;
    }
  }

  setFilter(text: string): void {
    this.filter = text;
    clearTimeout(this.#filterTimer);
    this.#filterTimer = setTimeout(() => void this.#applyFilter(text), filterDelay);
  }

  /** A fresh session in the worker knows no filter. */
  async restoreFilter(): Promise<void> {
    if (this.filter !== "") await this.#applyFilter(this.filter);
  }

  async #applyFilter(text: string): Promise<void> {
    if (!this.#connection.holdsSession) return;
    try {
      const total = await this.#connection.ask((sandbox) => sandbox.setFilter(text));
      if (text !== this.filter) return;
      this.#generation++;
      const selected = this.selected;
      const found =
        selected === undefined ? undefined : await this.#connection.ask((sandbox) => sandbox.indexOf(selected));
      const target = found ?? (this.following ? total - 1 : 0);
      const chunks = new Map<number, Chunk>();
      const middle = Math.floor(Math.max(target, 0) / chunkRows);
      if (total > 0) {
        const around = [middle - 1, middle, middle + 1].filter((n) => n >= 0 && n * chunkRows < total);
        await Promise.all(around.map((n) => this.#fetch(n, chunks, this.#generation, total)));
      }
      if (text !== this.filter) return;
      this.#chunks = chunks;
      this.#newest = total;
      this.total = total;
      this.#version++;
      this.selectedIndex = found !== undefined && this.row(found)?.sequence === selected ? found : -1;
      this.wanted = { index: Math.max(0, Math.min(target, total - 1)) };
    } catch {
      // Without a worker the old rows stay.
    }
  }

  /** Selects a matching row by its position. */
  async selectIndex(index: number): Promise<void> {
    if (this.total === 0) return;
    const position = Math.max(0, Math.min(index, this.total - 1));
    this.selectedIndex = position;
    this.following = false;
    this.wanted = { index: position };
    const chunk = Math.floor(position / chunkRows);
    if (this.row(position) === undefined) await this.#fetch(chunk, this.#chunks, this.#generation);
    const row = this.row(position);
    if (row !== undefined && this.selectedIndex === position) await this.#show(row.sequence);
  }

  /** Selects an event by its number; lifts the filter when it hides the event. */
  async selectEvent(sequence: number): Promise<void> {
    if (!this.#connection.holdsSession) return;
    const position = await this.#connection.ask((sandbox) => sandbox.indexOf(sequence));
    await this.selectIndex(position);
    if (this.row(position)?.sequence === sequence || this.filter === "") return;
    this.filter = "";
    this.selected = sequence;
    await this.#applyFilter("");
    await this.#show(sequence);
  }

  deselect(): void {
    this.selected = undefined;
    this.selectedIndex = -1;
    this.detail = undefined;
  }

  async #show(sequence: number): Promise<void> {
    this.selected = sequence;
    try {
      const detail = await this.#connection.ask((sandbox) => sandbox.detail(sequence));
      if (this.selected === sequence) this.detail = detail;
    } catch {
      if (this.selected === sequence) this.detail = undefined;
    }
  }

  #forgetRows(): void {
    this.#generation++;
    this.#chunks = new Map();
    this.#version++;
  }
}
