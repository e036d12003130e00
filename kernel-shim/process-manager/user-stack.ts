import { GuestFault, PAGE_SIZE } from "../../emulator/cpu.ts";
import { Register } from "../../emulator/context.ts";
import { AllocationType, PageProtection } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { TEB } from "../abi/structures.ts";
import type { Machine } from "../machine.ts";
import { pageDown } from "../memory-manager/virtual-memory.ts";
import { createCrashReport } from "./crash-report.ts";
import { terminateProcess } from "./termination.ts";
import type { Thread } from "./thread.ts";

/** What a fault at a guard page comes to. */
export type GuardOutcome = "none" | "grown" | "guard" | "overflow";

/**
 * A fault at `address`: a guard page is taken. In the thread's own stack the next page below becomes the guard, until only the last page of the
 * reservation is left.
 */
export function takeGuardPage(thread: Thread, address: number): GuardOutcome {
  const { virtualMemory, memory } = thread.process;
  if (!virtualMemory.takeGuard(address)) return "none";
  if (thread.teb === 0) return "guard";
  const page = pageDown(address);
  const lowest = TEB.get(memory, thread.teb, "DeallocationStack");
  const base = TEB.get(memory, thread.teb, "StackBase");
  if (page < lowest || page >= base) return "guard";
  TEB.set(memory, thread.teb, { StackLimit: page });
  if (page - PAGE_SIZE <= lowest) return "overflow";
  virtualMemory.allocate(
    page - PAGE_SIZE,
    PAGE_SIZE,
    AllocationType.MEM_COMMIT,
    PageProtection.PAGE_READWRITE | PageProtection.PAGE_GUARD,
  );
  return "grown";
}

/** Touches the pages from `address` up to the stack pointer as the kernel's own pushes do, so that the stack grows. */
function growTo(thread: Thread, address: number): void {
  const top = thread.context.getNumber(Register.RSP);
  for (let page = pageDown(top - 1); page >= pageDown(address); page -= PAGE_SIZE) {
    if (!thread.process.virtualMemory.permits(page, "write")) takeGuardPage(thread, page);
  }
}

/** Runs `push`, which writes a frame down to `address`. A stack that cannot hold it ends the process. Returns true: the thread's registers have changed or it is gone. */
export function withUserStack(machine: Machine, thread: Thread, address: number, push: () => void): true {
  growTo(thread, address);
  try {
    push();
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    const report = createCrashReport(thread, {
      code: ntstatus.STATUS_STACK_OVERFLOW,
      address: thread.context.rip,
      flags: 1,
      parameters: [1n, BigInt(error.address)],
      firstChance: false,
    });
    machine.observer.event({ kind: "crash", process: thread.process, report });
    terminateProcess(machine, thread.process, ntstatus.STATUS_STACK_OVERFLOW);
  }
  return true;
}
