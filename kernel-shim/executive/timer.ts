import type { Machine } from "../machine.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import type { Thread, UserApc } from "../process-manager/thread.ts";
import { queueUserApc } from "../process-manager/apc.ts";
import { DispatcherObject } from "./dispatcher-object.ts";
import { stateClass } from "./state.ts";

export const TimerType = objectType("Timer", { read: 0x20001, write: 0x20002, execute: 0x120000, all: 0x1f0003 });

export class Timer extends DispatcherObject {
  /** Stays signaled until it is set again, instead of waking one thread. */
  readonly notification: boolean;
  signaled = false;
  active = false;
  /** Interrupt time at which it fires. */
  due = 0;
  /** In 100 ns units; 0 fires once. */
  period = 0;
  apc: { readonly thread: Thread; readonly apc: UserApc } | undefined = undefined;
  constructor(notification: boolean) {
    super();
    this.notification = notification;
  }
  get type(): ObjectType {
    return TimerType;
  }
  isSignaled(): boolean {
    return this.signaled;
  }
  override acquire(): boolean {
    if (!this.notification) this.signaled = false;
    return false;
  }
  set(machine: Machine, due: number, period: number, apc: Timer["apc"]): void {
    machine.scheduler.stopTimer(this);
    this.signaled = false;
    this.due = due;
    this.period = period;
    this.apc = apc;
    this.active = true;
    machine.scheduler.startTimer(this);
  }
  /** Returns whether it was counting. */
  cancel(machine: Machine): boolean {
    const was = this.active;
    machine.scheduler.stopTimer(this);
    this.active = false;
    this.apc = undefined;
    return was;
  }
  expire(machine: Machine): void {
    this.signaled = true;
    if (this.apc !== undefined) queueUserApc(machine, this.apc.thread, this.apc.apc);
    if (this.period > 0) {
      this.due += this.period;
      machine.scheduler.startTimer(this);
    } else {
      this.active = false;
    }
    machine.scheduler.signal(this);
  }
}
stateClass("Timer", Timer);
