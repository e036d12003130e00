import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import { DispatcherObject } from "./dispatcher-object.ts";
import { stateClass } from "./state.ts";

export const SemaphoreType = objectType("Semaphore", {
  read: 0x20001,
  write: 0x20002,
  execute: 0x120000,
  all: 0x1f0003,
});

export class Semaphore extends DispatcherObject {
  count: number;
  readonly limit: number;
  constructor(count: number, limit: number) {
    super();
    this.count = count;
    this.limit = limit;
  }
  get type(): ObjectType {
    return SemaphoreType;
  }
  isSignaled(): boolean {
    return this.count > 0;
  }
  override acquire(): boolean {
    this.count--;
    return false;
  }
}
stateClass("Semaphore", Semaphore);
