import { ntstatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { Irp } from "./irp.ts";

/** What one write has put into a pipe. */
interface PipeMessage {
  readonly data: Uint8Array;
  /** Bytes already read. */
  taken: number;
  /** The write, while it waits for room. */
  irp: Irp | undefined;
}

/** One direction of a pipe: messages that were written and not yet read, or reads that wait for some. */
export class PipeQueue {
  /** Bytes that writers may have in the pipe without waiting. */
  readonly quota: number;
  messages: PipeMessage[] = [];
  readers: { readonly irp: Irp; readonly byMessage: boolean }[] = [];

  constructor(quota: number) {
    this.quota = quota;
  }

  get available(): number {
    return this.messages.reduce((sum, { data, taken }) => sum + data.length - taken, 0);
  }
  /** What is left of the first message. */
  get firstLength(): number {
    const first = this.messages.at(0);
    return first ? first.data.length - first.taken : 0;
  }
  get isEmpty(): boolean {
    return this.messages.length === 0;
  }

  /** Adds a message and lets readers at it. Returns whether it fits into the quota; otherwise `irp` is completed when there is room. */
  put(data: Uint8Array, irp: Irp | undefined): boolean {
    const message: PipeMessage = { data, taken: 0, irp: undefined };
    this.messages.push(message);
    this.serveReaders();
    const fits = !this.messages.includes(message) || this.available <= this.quota;
    if (!fits) message.irp = irp;
    return fits;
  }

  /** Completes `irp` with what is there; false when nothing is. `byMessage` stops at the end of a message and tells when more of it is left. */
  take(irp: Irp, byMessage: boolean): boolean {
    if (this.messages.length === 0) return false;
    const output = this.peek(irp.length, byMessage);
    this.consume(output.length, byMessage);
    const partial = byMessage && this.messages.length > 0 && this.messages[0].taken > 0;
    irp.complete(partial ? ntstatus.STATUS_BUFFER_OVERFLOW : ntstatus.STATUS_SUCCESS, output.length, output);
    this.releaseWriters();
    return true;
  }

  /** A copy of the first bytes, at most `length`, of the first message only with `byMessage`. */
  peek(length: number, byMessage: boolean): Uint8Array {
    const output = new Uint8Array(Math.min(length, byMessage ? this.firstLength : this.available));
    let at = 0;
    for (const { data, taken } of this.messages) {
      const part = data.subarray(taken, taken + output.length - at);
      output.set(part, at);
      at += part.length;
      if (at === output.length) break;
    }
    return output;
  }

  waitForData(irp: Irp, byMessage: boolean): void {
    this.readers.push({ irp, byMessage });
  }
  forget(irp: Irp): void {
    this.readers = this.readers.filter((reader) => reader.irp !== irp);
    this.messages = this.messages.filter((message) => message.irp !== irp);
  }

  /** No more will be written: waiting reads end with `status`; what is there can still be read. */
  endReaders(status: number): void {
    const { readers } = this;
    this.readers = [];
    for (const { irp } of readers) irp.complete(status);
  }
  /** Nobody will read any more: waiting writes end with `status`, everything is dropped. */
  discard(status: number): void {
    const { messages } = this;
    this.messages = [];
    for (const { irp } of messages) irp?.complete(status);
  }

  private serveReaders(): void {
    while (this.readers.length > 0 && this.messages.length > 0) {
      const [{ irp, byMessage }] = this.readers.splice(0, 1);
      this.take(irp, byMessage);
    }
  }

  private consume(length: number, byMessage: boolean): void {
    let left = length;
    for (;;) {
      const first = this.messages.at(0);
      if (!first) return;
      const size = first.data.length - first.taken;
      if (left < size) {
        first.taken += left;
        return;
      }
      left -= size;
      first.taken = first.data.length;
      this.messages.shift();
      if (first.irp) first.irp.complete(ntstatus.STATUS_SUCCESS, first.data.length);
      if (byMessage || left === 0) return;
    }
  }

  /** Ends the writes whose messages have come within the quota. */
  private releaseWriters(): void {
    let sum = 0;
    for (const message of [...this.messages]) {
      sum += message.data.length - message.taken;
      if (sum > this.quota) return;
      const { irp } = message;
      message.irp = undefined;
      irp?.complete(ntstatus.STATUS_SUCCESS, message.data.length);
    }
  }
}

stateClass("PipeQueue", PipeQueue);
