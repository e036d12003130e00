import { FreeType } from "../abi/memory.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import type { Machine } from "../machine.ts";
import { closeAllHandles } from "../object-manager/close.ts";
import { TEB_SIZE } from "./teb.ts";
import type { Process } from "./process.ts";
import type { Thread } from "./thread.ts";

/**
 * Ends a thread; with the last one its process ends with the same status. The TEB goes with a thread that ends itself; user mode may still
 * have one that was killed in its lists.
 */
export function terminateThread(machine: Machine, thread: Thread, status: NtStatus, itself: boolean): void {
  if (thread.state === "terminated") return;
  endThread(machine, thread, status);
  const { process } = thread;
  if (process.livingThreads.length === 0) {
    endProcess(machine, process, status);
    return;
  }
  const { virtualMemory } = process;
  if (
    thread.stackAllocation !== 0 &&
    virtualMemory.regionAt(thread.stackAllocation)?.start === thread.stackAllocation
  ) {
    virtualMemory.free(thread.stackAllocation, 0, FreeType.MEM_RELEASE);
  }
  if (itself && thread.teb !== 0) virtualMemory.free(thread.teb, TEB_SIZE, FreeType.MEM_DECOMMIT);
}

export function terminateProcess(machine: Machine, process: Process, status: NtStatus): void {
  if (process.exited) return;
  for (const thread of process.livingThreads) endThread(machine, thread, status);
  endProcess(machine, process, status);
}

function endThread(machine: Machine, thread: Thread, status: NtStatus): void {
  machine.scheduler.remove(thread);
  thread.state = "terminated";
  thread.pendingCall = undefined;
  thread.exitStatus = status;
  thread.exitTime = machine.clock.systemTime;
  thread.apcs.length = 0;
  for (const mutant of [...thread.ownedMutants]) {
    mutant.abandon();
    machine.scheduler.signal(mutant);
  }
  machine.observer.event({ kind: "thread-exit", thread });
  machine.scheduler.signal(thread);
}

function endProcess(machine: Machine, process: Process, status: NtStatus): void {
  process.exitStatus = status;
  process.exited = true;
  process.exitTime = machine.clock.systemTime;
  closeAllHandles(machine, process);
  process.virtualMemory.dispose();
  machine.observer.event({ kind: "process-exit", process });
  machine.scheduler.signal(process);
  for (const job of process.jobs) job.processEnded(machine, process);
}
