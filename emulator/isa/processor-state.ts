/** x87 control and status, and FXSAVE and FXRSTOR of all of x87 and SSE. */
import { layout } from "../context-layout.ts";
import type { Context } from "../context.ts";
import { instruction } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

/** FCW after FNINIT: everything masked, 64 bits of precision, round to nearest. */
const INITIAL_CONTROL = 0x37f;
/** Status bits that say an exception is pending: the six flags, stack fault, summary, busy. */
const EXCEPTION_BITS = 0x80ff;
/** Control bits that can be written; bit 6 always reads 1. */
const CONTROL_MASK = 0x1f3f;

/** The summary and busy bits follow from flags and masks. */
function withSummary(control: number, status: number): number {
  return status & ~control & 0x3f ? status | 0x8080 : status & ~0x8080;
}
function setControl(context: Context, control: number): void {
  const { view } = context;
  const value = (control & CONTROL_MASK) | 0x40;
  view.setUint16(layout.fcw, value, true);
  view.setUint16(layout.fsw, withSummary(value, view.getUint16(layout.fsw, true)), true);
}

/** An unmasked exception that is pending is raised by the next instruction that waits. */
export function waitForPending(machine: Machine): void {
  if (machine.context.view.getUint16(layout.fsw, true) & 0x80) machine.raise("MF");
}

export const FWAIT = instruction("WAIT", { forms: ["9B"], execute: waitForPending });

export const FNINIT = instruction("FNINIT", {
  forms: ["DB E3"],
  execute({ context: { view } }) {
    view.setUint16(layout.fcw, INITIAL_CONTROL, true);
    view.setUint16(layout.fsw, 0, true);
    view.setUint16(layout.ftw, 0xffff, true);
    view.setUint16(layout.fop, 0, true);
    view.setBigUint64(layout.fip, 0n, true);
    view.setBigUint64(layout.fdp, 0n, true);
  },
});
export const FNCLEX = instruction("FNCLEX", {
  forms: ["DB E2"],
  execute({ context: { view } }) {
    view.setUint16(layout.fsw, view.getUint16(layout.fsw, true) & ~EXCEPTION_BITS, true);
  },
});
export const FLDCW = instruction("FLDCW", {
  forms: ["D9 /5 m16"],
  execute(machine, src) {
    waitForPending(machine);
    setControl(machine.context, Number(machine.read(src)));
  },
});
export const FNSTCW = instruction("FNSTCW", {
  forms: ["D9 /7 m16"],
  lift: (b, dst) => b.write(dst, b.state({ offset: layout.fcw, bytes: 2 })),
});
export const FNSTSW = instruction("FNSTSW", {
  forms: ["DD /7 m16", "DF E0 AX"],
  lift: (b, dst) => b.write(dst, b.state({ offset: layout.fsw, bytes: 2 })),
});

// FXSAVE: SDM volume 1, 10.5.1

const AREA = 512;
const at = { fcw: 0, fsw: 2, ftw: 4, fop: 6, fip: 8, fdp: 16, mxcsr: 24, mxcsrMask: 28, st: 32, xmm: 160 } as const;
/** MXCSR bits that may be set: DAZ is there. */
const MXCSR_MASK = 0xffff;

function areaOf(machine: Machine, operand: Operand): number {
  if (operand.kind !== "memory") throw new Error("FXSAVE has a memory operand");
  const address = machine.address(operand);
  if (address % 16) machine.raise("GP");
  return address;
}
const hasWidePointers = (machine: Machine): boolean => machine.instruction.operandSize === 64;

export const FXSAVE = instruction("FXSAVE", {
  forms: ["NP 0F AE /0 mem"],
  execute(machine, dst) {
    const { context, space } = machine;
    const { view } = context;
    const address = areaOf(machine, dst);
    space.probe(address, AREA, "write");
    // The processor leaves the reserved bytes at the end alone.
    const area = new Uint8Array(at.xmm + 16 * 16);
    const out = new DataView(area.buffer);
    const status = view.getUint16(layout.fsw, true);
    const tags = view.getUint16(layout.ftw, true);
    const top = (status >> 11) & 7;
    let abridged = 0;
    for (let physical = 0; physical < 8; physical++)
      if (((tags >> (physical * 2)) & 3) !== 3) abridged |= 1 << physical;
    out.setUint16(at.fcw, view.getUint16(layout.fcw, true), true);
    out.setUint16(at.fsw, status, true);
    out.setUint8(at.ftw, abridged);
    out.setUint16(at.fop, view.getUint16(layout.fop, true), true);
    const pointerMask = hasWidePointers(machine) ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
    out.setBigUint64(at.fip, view.getBigUint64(layout.fip, true) & pointerMask, true);
    out.setBigUint64(at.fdp, view.getBigUint64(layout.fdp, true) & pointerMask, true);
    out.setUint32(at.mxcsr, context.mxcsr, true);
    out.setUint32(at.mxcsrMask, MXCSR_MASK, true);
    for (let i = 0; i < 8; i++) area.set(context.x87((top + i) & 7), at.st + i * 16);
    for (let i = 0; i < 16; i++) area.set(context.xmm(i), at.xmm + i * 16);
    space.write(address, area);
  },
});

/** 0 valid, 1 zero, 2 special: what an 80-bit value is. */
function tagOf(value: Uint8Array): number {
  const exponent = (value[8] | (value[9] << 8)) & 0x7fff;
  const isZero = value.subarray(0, 8).every((byte) => byte === 0);
  if (exponent === 0) return isZero ? 1 : 2;
  return exponent === 0x7fff || !(value[7] & 0x80) ? 2 : 0;
}

export const FXRSTOR = instruction("FXRSTOR", {
  forms: ["NP 0F AE /1 mem"],
  execute(machine, src) {
    const { context, space } = machine;
    const { view } = context;
    const area = space.read(areaOf(machine, src), AREA);
    const from = new DataView(area.buffer, area.byteOffset, AREA);
    const mxcsr = from.getUint32(at.mxcsr, true);
    if (mxcsr & ~MXCSR_MASK) machine.raise("GP");
    const control = (from.getUint16(at.fcw, true) & CONTROL_MASK) | 0x40;
    const status = withSummary(control, from.getUint16(at.fsw, true));
    const top = (status >> 11) & 7;
    const abridged = from.getUint8(at.ftw);
    let tags = 0;
    for (let i = 0; i < 8; i++) {
      const physical = (top + i) & 7;
      const value = area.subarray(at.st + i * 16, at.st + i * 16 + 10);
      context.x87(physical).set(value);
      tags |= ((abridged >> physical) & 1 ? tagOf(value) : 3) << (physical * 2);
    }
    view.setUint16(layout.fcw, control, true);
    view.setUint16(layout.fsw, status, true);
    view.setUint16(layout.ftw, tags, true);
    view.setUint16(layout.fop, from.getUint16(at.fop, true) & 0x7ff, true);
    const pointerMask = hasWidePointers(machine) ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
    view.setBigUint64(layout.fip, from.getBigUint64(at.fip, true) & pointerMask, true);
    view.setBigUint64(layout.fdp, from.getBigUint64(at.fdp, true) & pointerMask, true);
    context.mxcsr = mxcsr;
    for (let i = 0; i < 16; i++) context.xmm(i).set(area.subarray(at.xmm + i * 16, at.xmm + i * 16 + 16));
  },
});
