import { ntstatus } from "../abi/ntstatus.ts";
import { ObjectAttributeFlags } from "../abi/access.ts";
import { StatusError } from "../executive/unsupported.ts";
import { stateClass } from "../executive/state.ts";
import type { KernelObject } from "./kernel-object.ts";

export interface HandleEntry {
  readonly object: KernelObject;
  readonly access: number;
  /** OBJ_INHERIT and OBJ_PROTECT_CLOSE. */
  attributes: number;
}

/** Handles of one process. A handle is a multiple of 4; the two low bits are the caller's to use and are ignored. */
export class HandleTable {
  private readonly entries: (HandleEntry | undefined)[] = [undefined];
  private readonly free: number[] = [];
  count = 0;
  /** More handles than this are refused with STATUS_INSUFFICIENT_RESOURCES. */
  limit = 1 << 20;

  insert(object: KernelObject, access: number, attributes = 0): number {
    if (this.count >= this.limit) throw new StatusError(ntstatus.STATUS_INSUFFICIENT_RESOURCES);
    const index = this.free.pop() ?? this.entries.length;
    this.entries[index] = {
      object,
      access: access >>> 0,
      attributes: attributes & (ObjectAttributeFlags.OBJ_INHERIT | ObjectAttributeFlags.OBJ_PROTECT_CLOSE),
    };
    this.count++;
    object.handleCount++;
    return index * 4;
  }
  get(handle: number): HandleEntry | undefined {
    return handle < 0 ? undefined : this.entries[Math.floor((handle % 0x1_0000_0000) / 4)];
  }
  /** Removes the handle; the caller has checked OBJ_PROTECT_CLOSE. */
  remove(handle: number): HandleEntry | undefined {
    const entry = this.get(handle);
    if (entry === undefined) return undefined;
    const index = Math.floor((handle % 0x1_0000_0000) / 4);
    this.entries[index] = undefined;
    this.free.push(index);
    this.count--;
    return entry;
  }
  /** Puts an inherited entry where the parent has it, so that the child finds it under the same number. */
  inherit(handle: number, entry: HandleEntry): void {
    const index = handle / 4;
    for (let i = this.entries.length; i < index; i++) {
      this.entries[i] = undefined;
      this.free.unshift(i);
    }
    const at = this.free.indexOf(index);
    if (at >= 0) this.free.splice(at, 1);
    this.entries[index] = { ...entry };
    this.count++;
    entry.object.handleCount++;
  }
  *[Symbol.iterator](): IterableIterator<readonly [number, HandleEntry]> {
    for (let index = 0; index < this.entries.length; index++) {
      const entry = this.entries[index];
      if (entry !== undefined) yield [index * 4, entry];
    }
  }
  toString(): string {
    return [...this].map(([handle, { object, access }]) => `0x${handle.toString(16)} ${object.describe()} access 0x${access.toString(16)}`).join("\n"); // prettier-ignore
  }
}
stateClass("HandleTable", HandleTable);
