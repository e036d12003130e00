import { closeSync, openSync, writeSync } from "node:fs";
import type { TraceColumns } from "../sandbox/trace/columns.ts";
import { parseFilter } from "../sandbox/trace/filter.ts";
import { targetOf } from "../sandbox/trace/render.ts";
import { traceHeader, traceLine, type TraceFormat } from "../sandbox/trace/sinks.ts";

/** Writes events in their order as soon as they and all before them are complete. */
export class TraceWriter {
  #next = 0;
  readonly #columns: TraceColumns;
  readonly #format: TraceFormat;
  readonly #filter;
  readonly #fd: number;

  /** `file` undefined: standard error. */
  constructor(columns: TraceColumns, format: TraceFormat, filter: string | undefined, file: string | undefined) {
    this.#columns = columns;
    this.#format = format;
    this.#filter = filter === undefined ? undefined : parseFilter(filter);
    this.#fd = file === undefined ? 2 : openSync(file, "w");
    this.#write(traceHeader(format));
  }

  flush(): void {
    this.#writeUntil((sequence) => this.#columns.isPending(sequence));
  }
  /** Writes the rest, calls that never returned included. */
  close(): void {
    this.#writeUntil(() => false);
    if (this.#fd !== 2) closeSync(this.#fd);
  }

  #writeUntil(stop: (sequence: number) => boolean): void {
    let text = "";
    for (; this.#next < this.#columns.length && !stop(this.#next); this.#next++) {
      if (this.#filter && !this.#filter(targetOf(this.#columns, this.#next))) continue;
      text += traceLine(this.#columns, this.#next, this.#format);
    }
    this.#write(text);
  }
  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  }
}
