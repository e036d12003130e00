import type { ObjectType } from "../object-manager/kernel-object.ts";
import { KernelObject, objectType } from "../object-manager/kernel-object.ts";
import type { Thread } from "../process-manager/thread.ts";
import { stateClass } from "./state.ts";

export const KeyedEventType = objectType("KeyedEvent", {
  read: 0x20001,
  write: 0x20002,
  execute: 0x20000,
  all: 0xf0003,
});

/** Meets one waiter and one waker under a key. Both block until the other comes. */
export class KeyedEvent extends KernelObject {
  readonly waiting: { readonly thread: Thread; readonly key: number; readonly release: boolean }[] = [];
  get type(): ObjectType {
    return KeyedEventType;
  }
}
stateClass("KeyedEvent", KeyedEvent);
