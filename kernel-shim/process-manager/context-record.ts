/** Between a thread's registers and the CONTEXT records of the API. */
import type { Context } from "../../emulator/context.ts";
import { Flag, Register } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import { FXSAVE_SIZE, loadX87, loadXmm, MXCSR_MASK, saveMxcsr, saveX87, saveXmm } from "../../emulator/xsave-area.ts";
import { CONTEXT } from "../abi/structures.ts";
import type { GuestMemory } from "../abi/type.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { locateExtendedState, readExtendedState, writeExtendedState } from "./extended-state.ts";

export const ContextFlags = {
  CONTEXT_AMD64: 0x10_0000, CONTEXT_CONTROL: 0x1, CONTEXT_INTEGER: 0x2, CONTEXT_SEGMENTS: 0x4, CONTEXT_FLOATING_POINT: 0x8,
  CONTEXT_DEBUG_REGISTERS: 0x10, CONTEXT_XSTATE: 0x40, CONTEXT_FULL: 0xb, CONTEXT_ALL: 0x1f,
} as const; // prettier-ignore

const XSTATE = ContextFlags.CONTEXT_XSTATE;

/** User-mode selectors of 64-bit Windows. */
const SELECTOR_CODE = 0x33;
const SELECTOR_DATA = 0x2b;
const SELECTOR_TEB = 0x53;
/** Flags that user mode may set; IF and the reserved bit 1 are always set. */
const SETTABLE_FLAGS = 0x210dd5;

const INTEGER_REGISTERS = [
  Register.RAX, Register.RCX, Register.RDX, Register.RBX, Register.RBP, Register.RSI, Register.RDI, Register.R8, Register.R9,
  Register.R10, Register.R11, Register.R12, Register.R13, Register.R14, Register.R15,
]; // prettier-ignore
const RAX_OFFSET = CONTEXT.offsetOf("Rax");

/**
 * Writes the parts of a CONTEXT that `flags` asks for, and `flags` itself; other fields are left alone. Extended state goes where the CONTEXT_EX behind
 * it says; not successful where that is no place for it.
 */
export function writeContextRecord(memory: GuestMemory, address: number, context: Context, flags: number): NtStatus {
  if (flags & XSTATE) {
    const extended = locateExtendedState(memory, address);
    if ("status" in extended) return extended.status;
    writeExtendedState(memory, extended.address, context, extended.components);
  }
  memory.writeUint32(address + CONTEXT.offsetOf("ContextFlags"), flags >>> 0);
  if (flags & ContextFlags.CONTEXT_CONTROL) {
    CONTEXT.set(memory, address, {
      SegCs: SELECTOR_CODE,
      SegSs: SELECTOR_DATA,
      Rsp: context.get(Register.RSP),
      Rip: BigInt(context.rip),
      EFlags: context.rflags | Flag.IF,
    });
  }
  if (flags & ContextFlags.CONTEXT_INTEGER) {
    for (const register of INTEGER_REGISTERS)
      memory.writeUint64(address + RAX_OFFSET + register * 8, context.get(register));
  }
  if (flags & ContextFlags.CONTEXT_SEGMENTS) {
    CONTEXT.set(memory, address, {
      SegDs: SELECTOR_DATA,
      SegEs: SELECTOR_DATA,
      SegFs: SELECTOR_TEB,
      SegGs: SELECTOR_DATA,
    });
  }
  if (flags & ContextFlags.CONTEXT_FLOATING_POINT) {
    const area = new Uint8Array(FXSAVE_SIZE);
    saveX87(context, area);
    saveMxcsr(context, area);
    saveXmm(context, area);
    CONTEXT.set(memory, address, { MxCsr: context.mxcsr, FltSave: area });
  }
  if (flags & ContextFlags.CONTEXT_DEBUG_REGISTERS) {
    for (let i = 0; i < 6; i++) {
      memory.writeUint64(address + CONTEXT.offsetOf("Dr0") + i * 8, context.view.getBigUint64(layout.dr + i * 8, true));
    }
  }
  return ntstatus.STATUS_SUCCESS;
}

/** Takes the parts of a CONTEXT that its ContextFlags name; none of them where it is not successful. */
export function readContextRecord(memory: GuestMemory, address: number, context: Context): NtStatus {
  // Everything is read before anything is changed: a fault leaves the thread as it was.
  const record = new BytesMemory(memory.read(address, CONTEXT.size));
  const { ContextFlags: flags, Rsp, Rip, EFlags, MxCsr, FltSave } = CONTEXT.read(record, 0);
  if (flags & XSTATE) {
    const extended = locateExtendedState(memory, address);
    if ("status" in extended) return extended.status;
    readExtendedState(memory, extended.address, context);
  }
  if (flags & ContextFlags.CONTEXT_CONTROL) {
    context.set(Register.RSP, Rsp);
    context.rip = Number(Rip);
    context.rflags = (EFlags & SETTABLE_FLAGS) | Flag.IF | 2;
  }
  if (flags & ContextFlags.CONTEXT_INTEGER) {
    for (const register of INTEGER_REGISTERS) context.set(register, record.readUint64(RAX_OFFSET + register * 8));
  }
  if (flags & ContextFlags.CONTEXT_FLOATING_POINT) {
    loadX87(context, FltSave);
    loadXmm(context, FltSave);
    context.mxcsr = MxCsr & MXCSR_MASK;
  }
  if (flags & ContextFlags.CONTEXT_DEBUG_REGISTERS) {
    for (let i = 0; i < 6; i++) {
      context.view.setBigUint64(layout.dr + i * 8, record.readUint64(CONTEXT.offsetOf("Dr0") + i * 8), true);
    }
  }
  return ntstatus.STATUS_SUCCESS;
}
