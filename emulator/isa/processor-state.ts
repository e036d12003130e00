/** FXSAVE and FXRSTOR of all of x87 and SSE. */
import { layout } from "../context-layout.ts";
import { instruction } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";
import { CONTROL_MASK, tagOf, withSummary } from "./x87-control.ts";

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
