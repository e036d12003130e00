import type { Machine } from "../machine.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import { DispatcherObject } from "./dispatcher-object.ts";
import { stateClass } from "./state.ts";

export const EventType = objectType("Event", { read: 0x20001, write: 0x20002, execute: 0x120000, all: 0x1f0003 });

export class Event extends DispatcherObject {
  /** Notification events stay signaled; synchronization events wake one thread and reset. */
  readonly notification: boolean;
  signaled: boolean;
  constructor(notification: boolean, signaled = false) {
    super();
    this.notification = notification;
    this.signaled = signaled;
  }
  get type(): ObjectType {
    return EventType;
  }
  isSignaled(): boolean {
    return this.signaled;
  }
  override acquire(): boolean {
    if (!this.notification) this.signaled = false;
    return false;
  }
  /** Returns the state before. */
  set(machine: Machine): boolean {
    const before = this.signaled;
    this.signaled = true;
    machine.scheduler.signal(this);
    return before;
  }
  reset(): boolean {
    const before = this.signaled;
    this.signaled = false;
    return before;
  }
}
stateClass("Event", Event);
