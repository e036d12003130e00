import { Register } from "../../emulator/context.ts";
import { CONTEXT } from "../abi/structures.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import type { Machine } from "../machine.ts";
import { ContextFlags, writeContextRecord } from "./context-record.ts";
import { secondChance } from "./exceptions.ts";
import { withUserStack } from "./user-stack.ts";
import type { Thread, UserApc } from "./thread.ts";

export function queueUserApc(machine: Machine, thread: Thread, apc: UserApc): void {
  // One without a routine has nothing to run in user mode, and ends no wait.
  if (thread.state === "terminated" || apc.routine === 0) return;
  thread.apcs.push(apc);
  if (thread.wait?.alertable) machine.scheduler.wake(thread, ntstatus.STATUS_USER_APC);
}

/** Windows' frame: the CONTEXT alone, its home area holding the arguments and the routine. */
const WINDOWS_FRAME = CONTEXT.size;
/** Wine 8's: four words for the register arguments' homes, the routine, then the CONTEXT; entered as if called, 8 bytes below. */
const WINE_FRAME = { size: 0x30 + CONTEXT.size, routine: 0x20, context: 0x30 } as const;

/** Makes the thread enter KiUserApcDispatcher when an APC is due. Returns whether it did. */
export function deliverPendingApcs(machine: Machine, thread: Thread): boolean {
  if (thread.apcs.length === 0 || !(thread.userApcPending || thread.apcs[0].special)) return false;
  thread.userApcPending = false;
  const { entries, memory } = thread.process;
  const apc = thread.apcs[0];
  if (entries === undefined || entries.KiUserApcDispatcher === 0) {
    machine.countUnimplemented("user APC without KiUserApcDispatcher");
    thread.apcs.shift();
    return false;
  }
  const { context } = thread;
  const wine = entries.isWine;
  const size = wine ? WINE_FRAME.size : WINDOWS_FRAME;
  const top = context.getNumber(Register.RSP);
  const frame = top - (top % 16) - (wine ? 0x30 : 0) - Math.ceil(size / 16) * 16;
  const failure = withUserStack(thread, frame, () => {
    const record = frame + (wine ? WINE_FRAME.context : 0);
    writeContextRecord(memory, record, context, ContextFlags.CONTEXT_AMD64 | ContextFlags.CONTEXT_FULL);
    const [first, second, third] = apc.arguments;
    CONTEXT.set(memory, record, { P1Home: [first, second, third, BigInt(apc.routine), 0n, 0n] });
    if (wine) {
      memory.writePointer(frame + WINE_FRAME.routine, apc.routine);
      context.setNumber(Register.RCX, record);
      context.set(Register.RDX, first);
      context.set(Register.R8, second);
      context.set(Register.R9, third);
    }
    context.setNumber(Register.RSP, wine ? frame - 8 : frame);
    context.rip = entries.KiUserApcDispatcher;
    thread.apcs.shift();
  });
  if (failure !== undefined)
    secondChance(machine, thread, {
      code: failure,
      address: thread.context.rip,
      flags: 1,
      parameters: [1n, BigInt(frame)],
      firstChance: false,
    });
  return true;
}
