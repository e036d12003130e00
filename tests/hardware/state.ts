/** The state around a single instruction, as hardware and our processor are given it and give it back. */

import { Protection } from "../../emulator/cpu.ts";

/** The memory window lies on the page at WINDOW_PAGE and the next one. */
export const WINDOW_SIZE = 1024;
export const WINDOW_PAGE = 0x2000_0000;
const PAGE_SIZE = 0x1000;

/** Where on the two pages the window lies, and what each permits: the bits of Protection. */
export interface WindowPlace {
  readonly address: number;
  readonly first: Protection;
  readonly second: Protection;
}
const { None, Read, Write } = Protection;
/** Its last byte is the last of the first page, what follows is not mapped. */
export const atPageEnd: WindowPlace = {
  address: WINDOW_PAGE + PAGE_SIZE - WINDOW_SIZE,
  first: Read | Write,
  second: None,
};
export const WINDOW_ADDRESS = atPageEnd.address;
/** A half on each page. */
export const acrossPages = (first: Protection, second: Protection): WindowPlace => ({
  address: WINDOW_PAGE + PAGE_SIZE - WINDOW_SIZE / 2,
  first,
  second,
});
/** The instruction lies in the middle of a page of INT3, so that jumps land. */
export const CODE_PAGE = 0x3000_0000;
export const CODE_ADDRESS = CODE_PAGE + 0x800;

/** Offsets in `fxsave`, an FXSAVE64 image. */
export const fxsaveLayout = { fcw: 0, fsw: 2, ftw: 4, mxcsr: 24, st: 32, xmm: 160 } as const;
export const isAcrossPages = ({ address }: WindowPlace): boolean => address !== atPageEnd.address;

export interface HardwareState {
  /** In encoding order. */
  readonly gpr: BigUint64Array;
  rflags: bigint;
  readonly fxsave: Uint8Array;
  /** Upper halves of YMM0–15. */
  readonly ymmHigh: Uint8Array;
  readonly window: Uint8Array;
  readonly place: WindowPlace;
}

export interface HardwareCase {
  readonly state: HardwareState;
  readonly code: Uint8Array;
}

/** What the processor told of an exception. */
export interface HardwareTrap {
  readonly vector: number;
  readonly errorCode: number;
  /** CR2: of page faults. */
  readonly address: bigint;
}

/** What an instruction made of a case. */
export interface HardwareOutcome {
  readonly state: HardwareState;
  /** The Linux signal that ended the instruction, 0 where none did. */
  readonly signal: number;
  /** Where there was a signal; recordings do not have it. */
  readonly trap?: HardwareTrap;
  readonly rip: bigint;
}

export function newState(place = atPageEnd): HardwareState {
  const fxsave = new Uint8Array(512);
  const view = new DataView(fxsave.buffer);
  view.setUint16(fxsaveLayout.fcw, 0x37f, true);
  view.setUint32(fxsaveLayout.mxcsr, 0x1f80, true);
  return {
    gpr: new BigUint64Array(16),
    rflags: 0x202n,
    fxsave,
    ymmHigh: new Uint8Array(256),
    window: new Uint8Array(WINDOW_SIZE),
    place,
  };
}

export const mxcsrOf = ({ fxsave }: HardwareState): number =>
  new DataView(fxsave.buffer, fxsave.byteOffset).getUint32(fxsaveLayout.mxcsr, true);
