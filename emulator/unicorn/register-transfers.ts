/** Which registers of an engine are which bytes of a Context. */
import { layout } from "../context-layout.ts";

/** `uc_x86_reg`. */
export const UC_X86_REG = {
  RAX: 35, RCX: 38, RDX: 40, RBX: 37, RSP: 44, RBP: 36, RSI: 43, RDI: 39, R8: 106,
  RIP: 41, RFLAGS: 253, FS_BASE: 250, GS_BASE: 251, MXCSR: 249,
  FPCW: 246, FPSW: 31, FPTAG: 247, FOP: 258, FIP: 254, FDP: 256, FP0: 82, XMM0: 122,
  CS: 11, DS: 17, ES: 28, FS: 32, GS: 33, SS: 49, CR4: 54, GDTR: 243,
} as const; // prettier-ignore

/** Where registers stand between engine and Context: the Context's own layout, and behind it RFLAGS in one piece. */
export const RFLAGS_AT = layout.size;
export const STAGING_SIZE = layout.size + 16;

const R = UC_X86_REG;
const legacyOrder = [R.RAX, R.RCX, R.RDX, R.RBX, R.RSP, R.RBP, R.RSI, R.RDI];

/** Pairs of register and offset. RIP stands first: it is read only, since libunicorn takes a write of it as a request to stop. */
export const transfers: readonly (readonly [id: number, offset: number])[] = [
  [R.RIP, layout.rip],
  ...legacyOrder.map((id, index) => [id, layout.gpr + index * 8] as const),
  ...Array.from({ length: 8 }, (_, index) => [R.R8 + index, layout.gpr + (8 + index) * 8] as const),
  [R.RFLAGS, RFLAGS_AT],
  [R.FS_BASE, layout.fsBase],
  [R.GS_BASE, layout.gsBase],
  [R.MXCSR, layout.mxcsr],
  [R.FPCW, layout.fcw],
  [R.FPSW, layout.fsw],
  [R.FPTAG, layout.ftw],
  [R.FOP, layout.fop],
  [R.FIP, layout.fip],
  [R.FDP, layout.fdp],
  ...Array.from({ length: 8 }, (_, index) => [R.FP0 + index, layout.x87 + index * 16] as const),
  ...Array.from({ length: 16 }, (_, index) => [R.XMM0 + index, layout.xmm + index * 16] as const),
];

/** What an engine tells; the rest of a Context (debug registers, upper YMM halves) stays as it is. */
export const stored: readonly (readonly [from: number, to: number])[] = [
  [layout.gpr, layout.zero],
  [layout.mxcsr, layout.dr],
  [layout.x87, layout.ymmHigh],
];
