import { GuestFault, PAGE_SIZE } from "../../emulator/cpu.ts";
import { Register } from "../../emulator/context.ts";
import { AllocationType, PageProtection } from "../abi/memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { TEB } from "../abi/structures.ts";
import { StatusError } from "../executive/unsupported.ts";
import { pageDown } from "../memory-manager/virtual-memory.ts";
import type { Thread } from "./thread.ts";

/** What a fault at a guard page comes to. */
export type GuardOutcome = "none" | "grown" | "guard" | "overflow";

/** The thread's own stack as its TEB tells: the reservation's lowest address and one past the highest. Undefined where the guest has spoilt that. */
function ownStack(thread: Thread): { readonly lowest: number; readonly base: number } | undefined {
  if (thread.teb === 0) return undefined;
  const { memory } = thread.process;
  try {
    return {
      lowest: TEB.get(memory, thread.teb, "DeallocationStack"),
      base: TEB.get(memory, thread.teb, "StackBase"),
    };
  } catch (error) {
    if (error instanceof GuestFault) return undefined;
    throw error;
  }
}

/**
 * A fault at `address`: a guard page is taken. In the thread's own stack the next page below becomes the guard, until only the last page of the
 * reservation is left, or no memory.
 */
export function takeGuardPage(thread: Thread, address: number): GuardOutcome {
  const { virtualMemory, memory } = thread.process;
  if (!virtualMemory.takeGuard(address)) return "none";
  const stack = ownStack(thread);
  const page = pageDown(address);
  if (!stack || page < stack.lowest || page >= stack.base) return "guard";
  try {
    TEB.set(memory, thread.teb, { StackLimit: page });
    if (page - PAGE_SIZE <= stack.lowest) return "overflow";
    virtualMemory.allocate(
      page - PAGE_SIZE,
      PAGE_SIZE,
      AllocationType.MEM_COMMIT,
      PageProtection.PAGE_READWRITE | PageProtection.PAGE_GUARD,
    );
  } catch (error) {
    if (error instanceof GuestFault) return "guard";
    if (error instanceof StatusError) return "overflow";
    throw error;
  }
  return "grown";
}

/** Touches the pages from `address` up to the stack pointer as the kernel's own pushes do, so that the stack grows. */
function growTo(thread: Thread, address: number): void {
  const top = thread.context.getNumber(Register.RSP);
  for (let page = pageDown(top - 1); page >= pageDown(address); page -= PAGE_SIZE) {
    if (!thread.process.virtualMemory.permits(page, "write")) takeGuardPage(thread, page);
  }
}

/**
 * Runs `push`, which writes a frame down to `address`. Where that cannot be written: STATUS_STACK_OVERFLOW if it is the thread's own stack, else
 * STATUS_ACCESS_VIOLATION.
 */
export function withUserStack(thread: Thread, address: number, push: () => void): NtStatus | undefined {
  growTo(thread, address);
  try {
    push();
    return undefined;
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    const stack = ownStack(thread);
    return stack && error.address >= stack.lowest && error.address < stack.base
      ? ntstatus.STATUS_STACK_OVERFLOW
      : ntstatus.STATUS_ACCESS_VIOLATION;
  }
}
