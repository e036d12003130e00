/** Between a thread's registers and the CONTEXT records of the API. */
import type { Context } from "../../emulator/context.ts";
import { Flag, Register } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import { CONTEXT } from "../abi/structures.ts";
import type { GuestMemory } from "../abi/type.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";

export const ContextFlags = {
  CONTEXT_AMD64: 0x10_0000, CONTEXT_CONTROL: 0x1, CONTEXT_INTEGER: 0x2, CONTEXT_SEGMENTS: 0x4, CONTEXT_FLOATING_POINT: 0x8,
  CONTEXT_DEBUG_REGISTERS: 0x10, CONTEXT_XSTATE: 0x40, CONTEXT_FULL: 0xb, CONTEXT_ALL: 0x1f,
} as const; // prettier-ignore

/** User-mode selectors of 64-bit Windows. */
const SELECTOR_CODE = 0x33;
const SELECTOR_DATA = 0x2b;
const SELECTOR_TEB = 0x53;
/** Flags that user mode may set; IF and the reserved bit 1 are always set. */
const SETTABLE_FLAGS = 0x210dd5;
const MXCSR_MASK = 0xffff;

const INTEGER_REGISTERS = [
  Register.RAX, Register.RCX, Register.RDX, Register.RBX, Register.RBP, Register.RSI, Register.RDI, Register.R8, Register.R9,
  Register.R10, Register.R11, Register.R12, Register.R13, Register.R14, Register.R15,
]; // prettier-ignore
const RAX_OFFSET = CONTEXT.offsetOf("Rax");

/** Offsets in the FXSAVE image. */
const FX = { FCW: 0, FSW: 2, FTW: 4, FOP: 6, FIP: 8, FDP: 16, MXCSR: 24, MXCSR_MASK: 28, ST: 32, XMM: 160 } as const;

/** Writes the parts of a CONTEXT that `flags` asks for, and `flags` itself; other fields are left alone. */
export function writeContextRecord(memory: GuestMemory, address: number, context: Context, flags: number): void {
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
    CONTEXT.set(memory, address, { MxCsr: context.mxcsr, FltSave: saveFloatingPoint(context) });
  }
  if (flags & ContextFlags.CONTEXT_DEBUG_REGISTERS) {
    for (let i = 0; i < 6; i++) {
      memory.writeUint64(address + CONTEXT.offsetOf("Dr0") + i * 8, context.view.getBigUint64(layout.dr + i * 8, true));
    }
  }
}

/** Takes the parts of a CONTEXT that its ContextFlags name. */
export function readContextRecord(memory: GuestMemory, address: number, context: Context): void {
  // Everything is read before anything is changed: a fault leaves the thread as it was.
  const record = new BytesMemory(memory.read(address, CONTEXT.size));
  const { ContextFlags: flags, Rsp, Rip, EFlags, MxCsr, FltSave } = CONTEXT.read(record, 0);
  if (flags & ContextFlags.CONTEXT_CONTROL) {
    context.set(Register.RSP, Rsp);
    context.rip = Number(Rip);
    context.rflags = (EFlags & SETTABLE_FLAGS) | Flag.IF | 2;
  }
  if (flags & ContextFlags.CONTEXT_INTEGER) {
    for (const register of INTEGER_REGISTERS) context.set(register, record.readUint64(RAX_OFFSET + register * 8));
  }
  if (flags & ContextFlags.CONTEXT_FLOATING_POINT) {
    restoreFloatingPoint(context, FltSave);
    context.mxcsr = MxCsr & MXCSR_MASK;
  }
  if (flags & ContextFlags.CONTEXT_DEBUG_REGISTERS) {
    for (let i = 0; i < 6; i++) {
      context.view.setBigUint64(layout.dr + i * 8, record.readUint64(CONTEXT.offsetOf("Dr0") + i * 8), true);
    }
  }
}

function saveFloatingPoint(context: Context): Uint8Array {
  const image = new BytesMemory(0x200);
  const { view } = context;
  const fsw = view.getUint16(layout.fsw, true);
  const ftw = view.getUint16(layout.ftw, true);
  image.writeUint16(FX.FCW, view.getUint16(layout.fcw, true));
  image.writeUint16(FX.FSW, fsw);
  // FXSAVE's tag word has one bit a register: set where it is not empty.
  let tags = 0;
  for (let i = 0; i < 8; i++) if (((ftw >> (i * 2)) & 3) !== 3) tags |= 1 << i;
  image.writeUint8(FX.FTW, tags);
  image.writeUint16(FX.FOP, view.getUint16(layout.fop, true));
  image.writeUint64(FX.FIP, view.getBigUint64(layout.fip, true));
  image.writeUint64(FX.FDP, view.getBigUint64(layout.fdp, true));
  image.writeUint32(FX.MXCSR, context.mxcsr);
  image.writeUint32(FX.MXCSR_MASK, MXCSR_MASK);
  const top = (fsw >> 11) & 7;
  for (let i = 0; i < 8; i++) image.write(FX.ST + i * 16, context.x87((top + i) & 7));
  for (let i = 0; i < 16; i++) image.write(FX.XMM + i * 16, context.xmm(i));
  return image.bytes;
}

function restoreFloatingPoint(context: Context, bytes: Uint8Array): void {
  const image = new BytesMemory(bytes);
  const { view } = context;
  const fsw = image.readUint16(FX.FSW);
  view.setUint16(layout.fcw, image.readUint16(FX.FCW), true);
  view.setUint16(layout.fsw, fsw, true);
  view.setUint16(layout.fop, image.readUint16(FX.FOP), true);
  view.setBigUint64(layout.fip, image.readUint64(FX.FIP), true);
  view.setBigUint64(layout.fdp, image.readUint64(FX.FDP), true);
  const top = (fsw >> 11) & 7;
  for (let i = 0; i < 8; i++) context.x87((top + i) & 7).set(image.read(FX.ST + i * 16, 10));
  const tags = image.readUint8(FX.FTW);
  let ftw = 0;
  for (let i = 0; i < 8; i++) ftw |= (tags & (1 << i) ? tagOf(context.x87(i)) : 3) << (i * 2);
  view.setUint16(layout.ftw, ftw, true);
  for (let i = 0; i < 16; i++) context.xmm(i).set(image.read(FX.XMM + i * 16, 16));
}

/** The tag of a register that is not empty: 0 valid, 1 zero, 2 special. */
function tagOf(register: Uint8Array): number {
  const exponent = (register[8] | (register[9] << 8)) & 0x7fff;
  if (exponent === 0) return register.subarray(0, 8).every((byte) => byte === 0) ? 1 : 2;
  return exponent === 0x7fff || !(register[7] & 0x80) ? 2 : 0;
}
