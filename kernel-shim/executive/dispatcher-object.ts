import { KernelObject } from "../object-manager/kernel-object.ts";
import type { Thread } from "../process-manager/thread.ts";

/** What threads wait on. */
export interface Waitable {
  /** Threads that wait for it, in the order in which they came. */
  readonly waiters: Thread[];
  /** Whether a wait by `thread` would be satisfied now. */
  isSignaled(thread: Thread): boolean;
  /** The wait of `thread` is satisfied: takes what there is to take. Returns true when the object was abandoned. */
  acquire(thread: Thread): boolean;
}

/** An object with handles that threads wait on. */
export abstract class DispatcherObject extends KernelObject implements Waitable {
  readonly waiters: Thread[] = [];
  abstract isSignaled(thread: Thread): boolean;
  acquire(_thread: Thread): boolean {
    return false;
  }
}
