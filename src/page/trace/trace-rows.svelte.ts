import type { TraceDetail, TraceRow } from "../../worker/interface.ts";
import type { Connection } from "../session/connection.svelte.ts";

const chunkRows = 256;
const keptChunks = 64;
const filterDelay = 80;

interface Chunk {
  rows: readonly TraceRow[];
  loading: boolean;
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
  #filterTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  clear(): void {
    this.#forgetRows();
    this.total = 0;
    this.following = true;
    this.selected = undefined;
    this.selectedIndex = -1;
    this.detail = undefined;
  }

  /** Undefined while the row is on its way. */
  row(index: number): TraceRow | undefined {
    void this.#version;
    return this.#chunks.get(Math.floor(index / chunkRows))?.rows[index % chunkRows];
  }

  /** Fetches what is missing of the rows from `first` to `last`. */
  look(first: number, last: number): void {
    const end = Math.min(last, this.total - 1);
    for (let chunk = Math.floor(Math.max(first, 0) / chunkRows); chunk * chunkRows <= end; chunk++) {
      void this.#fetch(chunk, this.#chunks, this.#generation);
    }
  }

  async #fetch(number: number, chunks: Map<number, Chunk>, generation: number): Promise<void> {
    const wanted = Math.min(chunkRows, this.total - number * chunkRows);
    const chunk = chunks.get(number) ?? { rows: [], loading: false };
    if (chunk.loading || chunk.rows.length >= wanted || !this.#connection.holdsSession) return;
    chunk.loading = true;
    chunks.delete(number);
    chunks.set(number, chunk);
    try {
      const start = number * chunkRows + chunk.rows.length;
      const rows = await this.#connection.ask((sandbox) => sandbox.rows(start, wanted - chunk.rows.length));
      if (generation === this.#generation) chunk.rows = [...chunk.rows, ...rows];
    } catch {
      // The row stays empty; the connection reports the loss in its own place.
    } finally {
      chunk.loading = false;
      this.#version++;
    }
    for (const old of chunks.keys()) {
      if (chunks.size <= keptChunks) break;
      chunks.delete(old);
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
      this.total = total;
      const selected = this.selected;
      const found =
        selected === undefined ? undefined : await this.#connection.ask((sandbox) => sandbox.indexOf(selected));
      const target = found ?? (this.following ? total - 1 : 0);
      const chunks = new Map<number, Chunk>();
      if (total > 0) await this.#fetch(Math.floor(Math.max(target, 0) / chunkRows), chunks, this.#generation);
      if (text !== this.filter) return;
      this.#chunks = chunks;
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
