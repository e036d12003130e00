/**
 * The areas of FXSAVE and XSAVE, and the parts of the state that go there: SDM volume 1, 10.5.1 and 13.4. `area` is always the whole one, from its first
 * byte on; each function reads or writes what it names, and leaves the other bytes alone.
 */
import { layout } from "./context-layout.ts";
import type { Context } from "./context.ts";
import { INITIAL_CONTROL, INITIAL_TAGS, tagOf, withSummary, writtenControl } from "./x87-words.ts";

/** Byte offsets: XMM registers; the header, and in it; the upper halves of the YMM registers follow the header, compacted or not. */
export const xsaveArea = { xmm: 160, header: 512, xstateBv: 512, xcompBv: 520, ymmHigh: 576 } as const;
export const FXSAVE_SIZE = 512;
export const XSAVE_HEADER_SIZE = 64;
export const XSAVE_SIZE = 832;

/** State components: bits of XCR0, XSTATE_BV, XCOMP_BV. */
export const StateComponent = { x87: 1, sse: 2, avx: 4, all: 7 } as const;

/** MXCSR bits that may be set: DAZ is there. */
export const MXCSR_MASK = 0xffff;
export const INITIAL_MXCSR = 0x1f80;

const at = { fcw: 0, fsw: 2, ftw: 4, fop: 6, fip: 8, fdp: 16, mxcsr: 24, mxcsrMask: 28, st: 32 } as const;
const VECTORS = 16;

const viewOf = (area: Uint8Array): DataView => new DataView(area.buffer, area.byteOffset, area.byteLength);
/** Instructions without REX.W know 32 bits of the instruction and data pointers, and selectors, which are deprecated and 0. */
const pointerMask = (wide: boolean): bigint => (wide ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn);

export function saveX87(context: Context, area: Uint8Array, wide = true): void {
  const { view } = context;
  const out = viewOf(area);
  const status = view.getUint16(layout.fsw, true);
  const tags = view.getUint16(layout.ftw, true);
  // A bit a register: set where it is not empty.
  let abridged = 0;
  for (let physical = 0; physical < 8; physical++) if (((tags >> (physical * 2)) & 3) !== 3) abridged |= 1 << physical;
  out.setUint16(at.fcw, view.getUint16(layout.fcw, true), true);
  out.setUint16(at.fsw, status, true);
  out.setUint16(at.ftw, abridged, true);
  out.setUint16(at.fop, view.getUint16(layout.fop, true), true);
  out.setBigUint64(at.fip, view.getBigUint64(layout.fip, true) & pointerMask(wide), true);
  out.setBigUint64(at.fdp, view.getBigUint64(layout.fdp, true) & pointerMask(wide), true);
  const top = (status >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    area.fill(0, at.st + i * 16, at.st + i * 16 + 16);
    area.set(context.x87((top + i) & 7), at.st + i * 16);
  }
}
export function loadX87(context: Context, area: Uint8Array, wide = true): void {
  const { view } = context;
  const from = viewOf(area);
  const control = writtenControl(from.getUint16(at.fcw, true));
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
  view.setBigUint64(layout.fip, from.getBigUint64(at.fip, true) & pointerMask(wide), true);
  view.setBigUint64(layout.fdp, from.getBigUint64(at.fdp, true) & pointerMask(wide), true);
}
function initializeX87(context: Context): void {
  const { view } = context;
  for (const [offset, value] of [
    [layout.fcw, INITIAL_CONTROL],
    [layout.fsw, 0],
    [layout.ftw, INITIAL_TAGS],
    [layout.fop, 0],
  ] as const)
    view.setUint16(offset, value, true);
  view.setBigUint64(layout.fip, 0n, true);
  view.setBigUint64(layout.fdp, 0n, true);
  for (let i = 0; i < 8; i++) context.x87(i).fill(0);
}

export function saveMxcsr(context: Context, area: Uint8Array): void {
  viewOf(area).setUint32(at.mxcsr, context.mxcsr, true);
  viewOf(area).setUint32(at.mxcsrMask, MXCSR_MASK, true);
}
/** As it stands there, reserved bits included. */
export const savedMxcsr = (area: Uint8Array): number => viewOf(area).getUint32(at.mxcsr, true);

export function saveXmm(context: Context, area: Uint8Array): void {
  for (let i = 0; i < VECTORS; i++) area.set(context.xmm(i), xsaveArea.xmm + i * 16);
}
export function loadXmm(context: Context, area: Uint8Array): void {
  for (let i = 0; i < VECTORS; i++)
    context.xmm(i).set(area.subarray(xsaveArea.xmm + i * 16, xsaveArea.xmm + i * 16 + 16));
}
export function saveYmmHigh(context: Context, area: Uint8Array): void {
  for (let i = 0; i < VECTORS; i++) area.set(context.ymmHigh(i), xsaveArea.ymmHigh + i * 16);
}
export function loadYmmHigh(context: Context, area: Uint8Array): void {
  for (let i = 0; i < VECTORS; i++)
    context.ymmHigh(i).set(area.subarray(xsaveArea.ymmHigh + i * 16, xsaveArea.ymmHigh + i * 16 + 16));
}

/** Gives the components their initial contents; MXCSR belongs to none of them. */
export function initializeComponents(context: Context, components: number): void {
  if (components & StateComponent.x87) initializeX87(context);
  for (let i = 0; i < VECTORS; i++) {
    if (components & StateComponent.sse) context.xmm(i).fill(0);
    if (components & StateComponent.avx) context.ymmHigh(i).fill(0);
  }
}
/** XINUSE: the components that are not as `initializeComponents` leaves them. */
export function componentsInUse({ bytes, view }: Context): number {
  const isUsed = (start: number, length: number): boolean => bytes.subarray(start, start + length).some((byte) => byte !== 0); // prettier-ignore
  const x87 =
    view.getUint16(layout.fcw, true) !== INITIAL_CONTROL ||
    view.getUint16(layout.fsw, true) !== 0 ||
    view.getUint16(layout.ftw, true) !== INITIAL_TAGS ||
    isUsed(layout.fop, 18) ||
    isUsed(layout.x87, 8 * 16);
  return (
    (x87 ? StateComponent.x87 : 0) |
    (isUsed(layout.xmm, VECTORS * 16) ? StateComponent.sse : 0) |
    (isUsed(layout.ymmHigh, VECTORS * 16) ? StateComponent.avx : 0)
  );
}
