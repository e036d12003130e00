import { stateClass } from "../../../kernel-shim/executive/state.ts";
import type { Captured } from "../../../kernel-shim/abi/type.ts";

/** What an event is. The order is the number in the column. */
export const eventKinds = ["call", "exception", "module", "process", "thread", "debug"] as const;
export type EventKind = (typeof eventKinds)[number];

/** How a call ended. */
export const Outcome = {
  /** It waits, or the run ended in it. */
  Pending: 0,
  /** `status` is an NTSTATUS. */
  Status: 1,
  /** It did not return to its caller: the thread ended or its context was replaced. */
  NoReturn: 2,
  /** `status` has the low 32 bits of a value that is no NTSTATUS. */
  Value: 3,
  /** The event is no call. */
  None: 4,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** The part of an event that only a closer look needs. Captured when it happened. */
export interface EventDetail {
  /** Of a call: one entry a parameter, undefined where there is nothing. */
  readonly before: readonly (Captured | undefined)[];
  readonly after: readonly (Captured | undefined)[];
  /** Of an event that is no call: its text. */
  readonly text: string | undefined;
}
export const noDetail: EventDetail = { before: [], after: [], text: undefined };

const CHUNK = 4096;

class Chunk {
  /** Virtual time since the start, 100 ns. */
  readonly time = new Float64Array(CHUNK);
  readonly instructions = new Float64Array(CHUNK);
  readonly process = new Uint32Array(CHUNK);
  readonly thread = new Uint32Array(CHUNK);
  readonly kind = new Uint8Array(CHUNK);
  readonly outcome = new Uint8Array(CHUNK);
  readonly status = new Uint32Array(CHUNK);
  readonly returnAddress = new Float64Array(CHUNK);
  /** Indices into `strings`. */
  readonly name = new Uint32Array(CHUNK);
  readonly path = new Uint32Array(CHUNK);
  readonly module = new Uint32Array(CHUNK);
  readonly detail: EventDetail[] = [];
}
stateClass("TraceChunk", Chunk);

export interface EventRecord {
  readonly time: number;
  readonly instructions: number;
  readonly process: number;
  readonly thread: number;
  readonly kind: EventKind;
  readonly outcome: Outcome;
  readonly status: number;
  readonly returnAddress: number;
  readonly name: string;
  /** Empty where the event is about no file or key. */
  readonly path: string;
  /** The calling module's file name; empty outside modules. */
  readonly module: string;
  readonly detail: EventDetail;
}

/** The events of a run, as columns in chunks: filters read numbers and interned strings, and nothing is text until somebody looks. */
export class TraceColumns {
  readonly chunks: Chunk[] = [];
  readonly strings: string[] = [""];
  readonly stringIds = new Map<string, number>([["", 0]]);
  length = 0;
  /** Events that were not kept because the trace was full. */
  dropped = 0;
  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get isFull(): boolean {
    return this.length >= this.capacity;
  }

  /** The sequence number of the new event; -1 when the trace is full. */
  append(event: EventRecord): number {
    if (this.isFull) {
      this.dropped++;
      return -1;
    }
    const at = this.length++ % CHUNK;
    if (at === 0) this.chunks.push(new Chunk());
    const chunk = this.chunks[this.chunks.length - 1];
    chunk.time[at] = event.time;
    chunk.instructions[at] = event.instructions;
    chunk.process[at] = event.process;
    chunk.thread[at] = event.thread;
    chunk.kind[at] = eventKinds.indexOf(event.kind);
    chunk.outcome[at] = event.outcome;
    chunk.status[at] = event.status;
    chunk.returnAddress[at] = event.returnAddress;
    chunk.name[at] = this.intern(event.name);
    chunk.path[at] = this.intern(event.path);
    chunk.module[at] = this.intern(event.module);
    chunk.detail[at] = event.detail;
    return this.length - 1;
  }

  /** A call has ended. `path` replaces the one that was known before, unless it is empty. */
  finish(sequence: number, outcome: Outcome, status: number, path: string, after: EventDetail["after"]): void {
    const chunk = this.chunks[Math.floor(sequence / CHUNK)];
    const at = sequence % CHUNK;
    chunk.outcome[at] = outcome;
    chunk.status[at] = status;
    if (path !== "") chunk.path[at] = this.intern(path);
    if (after.length > 0) chunk.detail[at] = { ...chunk.detail[at], after };
  }

  get(sequence: number): EventRecord {
    const chunk = this.chunks[Math.floor(sequence / CHUNK)];
    const at = sequence % CHUNK;
    return {
      time: chunk.time[at],
      instructions: chunk.instructions[at],
      process: chunk.process[at],
      thread: chunk.thread[at],
      kind: eventKinds[chunk.kind[at]],
      outcome: chunk.outcome[at] as Outcome,
      status: chunk.status[at],
      returnAddress: chunk.returnAddress[at],
      name: this.strings[chunk.name[at]],
      path: this.strings[chunk.path[at]],
      module: this.strings[chunk.module[at]],
      detail: chunk.detail[at],
    };
  }
  isPending(sequence: number): boolean {
    return this.chunks[Math.floor(sequence / CHUNK)].outcome[sequence % CHUNK] === Outcome.Pending;
  }

  private intern(text: string): number {
    let id = this.stringIds.get(text);
    if (id === undefined) {
      id = this.strings.push(text) - 1;
      this.stringIds.set(text, id);
    }
    return id;
  }
}
stateClass("TraceColumns", TraceColumns);
