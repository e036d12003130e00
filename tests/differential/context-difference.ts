/** Registers after an instruction on two processors, compared. */
import { Flag, Register, registerNames, type Context } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import type { ArithmeticFlag, Form } from "../../emulator/isa/instruction.ts";

const STICKY = 0x3f;
const flagBits: Record<ArithmeticFlag, number> = {
  CF: Flag.CF,
  PF: Flag.PF,
  AF: Flag.AF,
  ZF: Flag.ZF,
  SF: Flag.SF,
  OF: Flag.OF,
};

/** Low byte first. */
export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The first difference, in words; flags that the instruction leaves undefined and the sticky flags of MXCSR aside. */
export function contextDifference(form: Form, x: Context, y: Context): string | undefined {
  if (x.rip !== y.rip) return `RIP ${x.rip.toString(16)}, theirs ${y.rip.toString(16)}`;
  for (const name of registerNames) {
    const [a, b] = [x.get(Register[name]), y.get(Register[name])];
    if (a !== b) return `${name} ${a.toString(16)}, theirs ${b.toString(16)}`;
  }
  let mask = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF | Flag.DF;
  for (const flag of Object.keys(form.specification.definition.undefinedFlags ?? {}))
    mask &= ~flagBits[flag as ArithmeticFlag];
  const flags = (x.rflags ^ y.rflags) & mask;
  if (flags) return `flags ${(x.rflags & mask).toString(16)}, theirs ${(y.rflags & mask).toString(16)}`;
  for (let index = 0; index < 16; index++) {
    if (areEqual(x.xmm(index), y.xmm(index))) continue;
    const [a, b] = [hex(x.xmm(index)), hex(y.xmm(index))];
    return `XMM${index} ${a}, theirs ${b}`;
  }
  // libunicorn never sets the sticky flags of MXCSR.
  if ((x.mxcsr ^ y.mxcsr) & ~STICKY) return `MXCSR ${x.mxcsr.toString(16)}, theirs ${y.mxcsr.toString(16)}`;
  for (let index = 0; index < 8; index++) {
    if (areEqual(x.x87(index), y.x87(index))) continue;
    const [a, b] = [hex(x.x87(index)), hex(y.x87(index))];
    return `R${index} ${a}, theirs ${b}`;
  }
  for (const [name, at] of [
    ["FCW", layout.fcw],
    ["FSW", layout.fsw],
  ] as const) {
    const [a, b] = [x.view.getUint16(at, true), y.view.getUint16(at, true)];
    if (a !== b) return `${name} ${a.toString(16)}, theirs ${b.toString(16)}`;
  }
  return undefined;
}

function areEqual(x: Uint8Array, y: Uint8Array): boolean {
  for (let at = 0; at < x.length; at++) if (x[at] !== y[at]) return false;
  return true;
}
