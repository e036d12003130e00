import { PAGE_SIZE } from "../../emulator/cpu.ts";
import { Context, Register } from "../../emulator/context.ts";
import { AllocationType, PageProtection } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { CONTEXT } from "../abi/structures.ts";
import { StatusError } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import { ALLOCATION_GRANULARITY } from "../memory-manager/address-search.ts";
import { pageUp } from "../memory-manager/virtual-memory.ts";
import { ContextFlags, writeContextRecord } from "./context-record.ts";
import type { Process } from "./process.ts";
import type { StackBounds } from "./teb.ts";
import { createTeb } from "./teb.ts";
import { Thread } from "./thread.ts";

export interface ThreadParameters {
  readonly start: number;
  readonly argument: number;
  /** In bytes; 0 means what the program's image says. */
  readonly stackReserve: number;
  readonly stackCommit: number;
  readonly suspended: boolean;
}

/** Wine's ntdll fills the stack below a thread's first context down to here before it runs. */
const WINE_COMMITTED_STACK = 0xf_8000;
const WINE_MINIMUM_STACK = 0x10_0000;
const MINIMUM_COMMIT = 0x4000;

/** Makes a thread, its stack and its TEB, and lets it start: through the loader where the process has an ntdll, at `start` where it has none. */
export function createThread(machine: Machine, process: Process, parameters: ThreadParameters): Thread {
  if (process.threads.filter((one) => one.state !== "terminated").length >= machine.limits.threads) {
    machine.limitsReached.add("threads");
    throw new StatusError(ntstatus.STATUS_INSUFFICIENT_RESOURCES);
  }
  const thread = new Thread(machine.takeId(), process, parameters.start);
  const stack = createStack(process, parameters);
  thread.stackAllocation = stack.allocation;
  thread.teb = createTeb(process, thread.id, stack);
  thread.createTime = machine.clock.systemTime;
  thread.suspendCount = parameters.suspended ? 1 : 0;
  const { context } = thread;
  context.gsBase = thread.teb;
  const top = stack.base - 0x28;
  const { entries, memory } = process;
  if (entries === undefined) {
    context.setNumber(Register.RSP, top);
    context.setNumber(Register.RCX, parameters.argument);
    context.rip = parameters.start;
  } else {
    const initial = new Context();
    initial.setNumber(Register.RSP, top);
    initial.setNumber(Register.RCX, parameters.start);
    initial.setNumber(Register.RDX, parameters.argument);
    initial.rip = entries.RtlUserThreadStart;
    const record = top - (top % 16) - CONTEXT.size;
    writeContextRecord(
      memory,
      record,
      initial,
      ContextFlags.CONTEXT_AMD64 | ContextFlags.CONTEXT_FULL | ContextFlags.CONTEXT_SEGMENTS,
    );
    context.setNumber(Register.RSP, record - 8);
    context.setNumber(Register.RCX, record);
    context.setNumber(Register.RDX, entries.base);
    context.rip = entries.LdrInitializeThunk;
  }
  process.threads.push(thread);
  machine.scheduler.add(thread);
  machine.observer.event({ kind: "thread-start", thread });
  return thread;
}

function createStack(process: Process, { stackReserve, stackCommit }: ThreadParameters): StackBounds {
  const { virtualMemory, entries, section } = process;
  const isWine = entries?.isWine === true;
  const image = section.imageInformation;
  let commit = pageUp(stackCommit || image?.CommittedStackSize || MINIMUM_COMMIT);
  let reserve = stackReserve || image?.MaximumStackSize || WINE_MINIMUM_STACK;
  // A commitment beyond the reservation enlarges it, to whole megabytes.
  if (commit >= reserve) reserve = Math.ceil(commit / 0x10_0000) * 0x10_0000;
  if (isWine) {
    reserve = Math.max(reserve, WINE_MINIMUM_STACK);
    commit = Math.max(commit, WINE_COMMITTED_STACK);
  }
  reserve = Math.ceil(reserve / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;
  // The lowest page is never committed, and the one above the lowest is the last that can be the guard.
  commit = Math.min(commit, reserve - 2 * PAGE_SIZE);
  const { base: allocation } = virtualMemory.allocate(
    0,
    reserve,
    AllocationType.MEM_RESERVE,
    PageProtection.PAGE_READWRITE,
  );
  const base = allocation + reserve;
  const limit = base - commit;
  const guard = limit - PAGE_SIZE;
  virtualMemory.allocate(limit, commit, AllocationType.MEM_COMMIT, PageProtection.PAGE_READWRITE);
  virtualMemory.allocate(
    guard,
    PAGE_SIZE,
    AllocationType.MEM_COMMIT,
    PageProtection.PAGE_READWRITE | PageProtection.PAGE_GUARD,
  );
  return { base, limit, allocation };
}
