import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import type { Machine } from "../machine.ts";
import type { Thread } from "../process-manager/thread.ts";
import type { Waitable } from "./dispatcher-object.ts";
import { stateClass } from "./state.ts";
import type { Timer } from "./timer.ts";
import type { Wait } from "./wait.ts";
import { FOREVER } from "./wait.ts";

/** Instructions that a thread runs before another of its priority does: 1 ms. */
const QUANTUM = 1_000_000;
/** STATUS_ABANDONED_WAIT_0 − STATUS_WAIT_0. */
const ABANDONED = 0x80;

/** One processor's threads: who runs, who waits and until when. Deterministic: order depends on the guest alone. */
export class Scheduler {
  private current: Thread | undefined = undefined;
  /** Ready threads, in the order in which they became ready. */
  private readonly ready: Thread[] = [];
  private readonly waiting = new Set<Thread>();
  private readonly timers = new Set<Timer>();
  /** The earliest interrupt time at which something is due. May be early, never late. */
  nextDeadline = FOREVER;

  /** The thread to run now. Keeps the current one until it blocks, yields or spends its quantum. */
  pick(): Thread | undefined {
    if (this.current?.runnable) return this.current;
    if (this.current !== undefined && this.current.state === "ready") this.ready.push(this.current);
    this.current = undefined;
    let best: Thread | undefined;
    for (const thread of this.ready) {
      if (thread.runnable && (best === undefined || thread.priority > best.priority)) best = thread;
    }
    if (best === undefined) return undefined;
    this.ready.splice(this.ready.indexOf(best), 1);
    best.quantum = QUANTUM;
    this.current = best;
    return best;
  }
  /** The current thread goes behind the others of its priority. Returns false when there is no other. */
  yield(): boolean {
    const { current } = this;
    if (current === undefined) return false;
    current.quantum = QUANTUM;
    if (!this.ready.some((thread) => thread.runnable && thread.priority >= current.priority)) return false;
    this.ready.push(current);
    this.current = undefined;
    return true;
  }
  add(thread: Thread): void {
    thread.state = "ready";
    this.ready.push(thread);
  }
  remove(thread: Thread): void {
    this.endWait(thread);
    if (this.current === thread) this.current = undefined;
    const at = this.ready.indexOf(thread);
    if (at >= 0) this.ready.splice(at, 1);
  }

  /** Begins a wait. Returns the status with which it ended at once, or undefined when the thread now waits. */
  wait(thread: Thread, wait: Wait, now: number): NtStatus | undefined {
    const satisfied = satisfy(thread, wait);
    if (satisfied !== undefined) return satisfied;
    if (wait.alertable) {
      if (thread.alerted) {
        thread.alerted = false;
        return ntstatus.STATUS_ALERTED;
      }
      if (thread.apcs.length > 0) return ntstatus.STATUS_USER_APC;
    }
    if (wait.deadline <= now) return ntstatus.STATUS_TIMEOUT;
    thread.wait = wait;
    thread.state = "waiting";
    this.waiting.add(thread);
    for (const object of wait.objects) object.waiters.push(thread);
    this.nextDeadline = Math.min(this.nextDeadline, wait.deadline);
    if (this.current === thread) this.current = undefined;
    return undefined;
  }
  /** Ends the wait of `thread` with `status`; it runs when its turn comes. */
  wake(thread: Thread, status: NtStatus): void {
    if (thread.state !== "waiting") return;
    this.endWait(thread);
    thread.wakeStatus = status;
    this.add(thread);
  }
  private endWait(thread: Thread): void {
    const { wait } = thread;
    if (wait === undefined) return;
    for (const object of wait.objects) {
      const at = object.waiters.indexOf(thread);
      if (at >= 0) object.waiters.splice(at, 1);
    }
    thread.wait = undefined;
    this.waiting.delete(thread);
  }
  /** `object` may have become signaled: wakes those whose waits it satisfies, the first who came first. */
  signal(object: Waitable): void {
    for (const thread of [...object.waiters]) {
      if (thread.wait === undefined) continue;
      const status = satisfy(thread, thread.wait);
      if (status !== undefined) this.wake(thread, status);
    }
  }
  /** Threads waiting under `key`, in order. */
  waitersFor(key: number): Thread[] {
    return [...this.waiting].filter((thread) => thread.wait?.key === key);
  }

  startTimer(timer: Timer): void {
    this.timers.add(timer);
    this.nextDeadline = Math.min(this.nextDeadline, timer.due);
  }
  stopTimer(timer: Timer): boolean {
    return this.timers.delete(timer);
  }
  /** Fires the timers and ends the waits whose time has come, in order of their times. */
  expireDeadlines(machine: Machine): void {
    const now = machine.clock.interruptTime;
    if (this.nextDeadline > now) return;
    const dueTimers = [...this.timers].filter((timer) => timer.due <= now).toSorted((a, b) => a.due - b.due);
    for (const timer of dueTimers) {
      this.timers.delete(timer);
      timer.expire(machine);
    }
    const dueThreads = [...this.waiting].filter((thread) => (thread.wait?.deadline ?? FOREVER) <= now);
    for (const thread of dueThreads.toSorted((a, b) => (a.wait?.deadline ?? 0) - (b.wait?.deadline ?? 0))) {
      this.wake(thread, ntstatus.STATUS_TIMEOUT);
    }
    this.nextDeadline = FOREVER;
    for (const timer of this.timers) this.nextDeadline = Math.min(this.nextDeadline, timer.due);
    for (const thread of this.waiting)
      this.nextDeadline = Math.min(this.nextDeadline, thread.wait?.deadline ?? FOREVER);
  }
}
stateClass("Scheduler", Scheduler);

/** Takes what the wait asks for, where it is there: the wait's status, or undefined. */
function satisfy(thread: Thread, { objects, all }: Wait): NtStatus | undefined {
  if (objects.length === 0) return undefined;
  if (!all) {
    const index = objects.findIndex((object) => object.isSignaled(thread));
    if (index < 0) return undefined;
    return objects[index].acquire(thread) ? index + ABANDONED : index;
  }
  if (!objects.every((object) => object.isSignaled(thread))) return undefined;
  const abandoned = objects.map((object) => object.acquire(thread));
  return abandoned.includes(true) ? abandoned.indexOf(true) + ABANDONED : ntstatus.STATUS_SUCCESS;
}
