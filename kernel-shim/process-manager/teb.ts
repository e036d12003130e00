import { AllocationType, PageProtection } from "../abi/memory.ts";
import { TEB } from "../abi/structures.ts";
import type { Process } from "./process.ts";

/** The TEB and what lies after it: Wine keeps its debug buffers there, we the activation context stack. */
export const TEB_SIZE = 0x8000;
const ACTIVATION_CONTEXT_STACK = 0x6000;
const END_OF_CHAIN = 0xffff_ffff_ffff_ffffn;

export interface StackBounds {
  /** One past the highest address. */
  readonly base: number;
  readonly limit: number;
  /** The lowest reserved address. */
  readonly allocation: number;
}

/** Makes the thread environment block of a new thread. */
export function createTeb(process: Process, threadId: number, stack: StackBounds): number {
  const { memory, virtualMemory } = process;
  const teb = virtualMemory.allocate(
    0,
    TEB_SIZE,
    AllocationType.MEM_COMMIT | AllocationType.MEM_RESERVE | AllocationType.MEM_TOP_DOWN,
    PageProtection.PAGE_READWRITE,
  ).base;
  const clientId = { UniqueProcess: process.id, UniqueThread: threadId };
  TEB.set(memory, teb, {
    StackBase: stack.base,
    StackLimit: stack.limit,
    DeallocationStack: stack.allocation,
    Self: teb,
    ClientId: clientId,
    RealClientId: clientId,
    ProcessEnvironmentBlock: process.peb,
    ActivationContextStackPointer: teb + ACTIVATION_CONTEXT_STACK,
    StaticUnicodeString: { Length: 0, MaximumLength: 522, Buffer: teb + TEB.offsetOf("StaticUnicodeBuffer") },
  });
  memory.writeUint64(teb, END_OF_CHAIN);
  // ACTIVATION_CONTEXT_STACK.FrameListCache is an empty list.
  const list = teb + ACTIVATION_CONTEXT_STACK + 8;
  memory.writePointer(list, list);
  memory.writePointer(list + 8, list);
  return teb;
}
