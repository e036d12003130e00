/** A state with RIP and signal as one run of bytes: what is compared of it, in an order in which few instructions change much. */
import { CODE_ADDRESS, fxsaveLayout, newState, WINDOW_SIZE } from "./state.ts";
import type { HardwareCase, HardwareOutcome, HardwareState } from "./state.ts";

const REGISTER_SIZE = 10;
const at = {
  gpr: 0,
  rflags: 128,
  rip: 136,
  mxcsr: 144,
  fcw: 148,
  fsw: 150,
  ftw: 152,
  signal: 153,
  /** Physical registers: a push or pop moves none of them. */
  st: 154,
  xmm: 234,
  ymmHigh: 490,
  window: 746,
} as const;
export const IMAGE_SIZE = at.window + WINDOW_SIZE;

const topOf = (fxsave: Uint8Array): number => (fxsave[fxsaveLayout.fsw + 1] >> 3) & 7;

function imageOf({ gpr, rflags, fxsave, ymmHigh, window }: HardwareState, rip: bigint, signal: number): Uint8Array {
  const image = new Uint8Array(IMAGE_SIZE);
  const view = new DataView(image.buffer);
  for (let i = 0; i < 16; i++) view.setBigUint64(at.gpr + i * 8, gpr[i], true);
  view.setBigUint64(at.rflags, rflags, true);
  view.setBigUint64(at.rip, rip, true);
  const take = (to: number, from: number, length: number): void => image.set(fxsave.subarray(from, from + length), to);
  take(at.mxcsr, fxsaveLayout.mxcsr, 4);
  take(at.fcw, fxsaveLayout.fcw, 5);
  image[at.signal] = signal;
  for (let i = 0; i < 8; i++) take(at.st + ((topOf(fxsave) + i) & 7) * REGISTER_SIZE, fxsaveLayout.st + i * 16, REGISTER_SIZE); // prettier-ignore
  take(at.xmm, fxsaveLayout.xmm, 256);
  image.set(ymmHigh, at.ymmHigh);
  image.set(window, at.window);
  return image;
}

/** Before the instruction; RIP is behind it. */
export const inputImage = ({ state, code }: HardwareCase): Uint8Array =>
  imageOf(state, BigInt(CODE_ADDRESS + code.length), 0);
export const outcomeImage = ({ state, rip, signal }: HardwareOutcome): Uint8Array => imageOf(state, rip, signal);

export function outcomeOf(image: Uint8Array): HardwareOutcome {
  const view = new DataView(image.buffer, image.byteOffset);
  const state = newState();
  const { gpr, fxsave, ymmHigh, window } = state;
  for (let i = 0; i < 16; i++) gpr[i] = view.getBigUint64(at.gpr + i * 8, true);
  state.rflags = view.getBigUint64(at.rflags, true);
  const put = (from: number, to: number, length: number): void => fxsave.set(image.subarray(from, from + length), to);
  put(at.mxcsr, fxsaveLayout.mxcsr, 4);
  put(at.fcw, fxsaveLayout.fcw, 5);
  for (let i = 0; i < 8; i++) put(at.st + ((topOf(fxsave) + i) & 7) * REGISTER_SIZE, fxsaveLayout.st + i * 16, REGISTER_SIZE); // prettier-ignore
  put(at.xmm, fxsaveLayout.xmm, 256);
  ymmHigh.set(image.subarray(at.ymmHigh, at.ymmHigh + 256));
  window.set(image.subarray(at.window, at.window + WINDOW_SIZE));
  return { state, signal: image[at.signal], rip: view.getBigUint64(at.rip, true) };
}
