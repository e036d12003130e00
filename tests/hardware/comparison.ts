/** What hardware and our processor make of a case, compared. */
import { addressNumber, isCanonicalNumber } from "../../emulator/address.ts";
import { PAGE_SIZE, type Exit } from "../../emulator/cpu.ts";
import type { ArithmeticFlag, Form } from "../../emulator/isa/instruction.ts";
import { signalOf, vectorOf, type EngineOutcome } from "./engine-state.ts";
import {
  fxsaveLayout,
  mxcsrOf,
  WINDOW_SIZE,
  type HardwareCase,
  type HardwareOutcome,
  type HardwareTrap,
} from "./state.ts";

const RCX = 1;
const flagBits: Record<ArithmeticFlag, bigint> = { CF: 1n, PF: 4n, AF: 16n, ZF: 64n, SF: 128n, OF: 0x800n };
/** The arithmetic flags, DF, NT, ID. */
const COMPARED_FLAGS = 0x8d5n | 0x400n | 0x4000n | 0x20_0000n;
const C1 = 0x200;

/** Big endian. */
function hex(bytes: Uint8Array): string {
  let digits = "";
  for (const byte of bytes) digits = byte.toString(16).padStart(2, "0") + digits;
  return digits;
}
function areEqual(x: Uint8Array, y: Uint8Array): boolean {
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

/** Where the SDM leaves the result undefined, and vendors differ: SHLD and SHRD of 16 bits by more than 16, arguments out of range. */
function isUndefined(mnemonic: string, { code, state }: HardwareCase): boolean {
  const exponent = (state.fxsave[fxsaveLayout.st + 8] | (state.fxsave[fxsaveLayout.st + 9] << 8)) & 0x7fff;
  if (mnemonic === "F2XM1") return exponent >= 0x3fff;
  if (mnemonic === "FYL2XP1") return exponent >= 0x3ffd;
  if (!/^SH[LR]D$/.test(mnemonic) || !code.subarray(0, 5).includes(0x66)) return false;
  const opcode = code[code.indexOf(0x0f) + 1];
  const count = opcode === 0xa4 || opcode === 0xac ? code[code.length - 1] : Number(state.gpr[RCX] & 0xffn);
  return (count & 31) > 16;
}

/** RCPPS and its relatives promise a relative error of at most 1.5 × 2^-12. */
const isReciprocal = (mnemonic: string): boolean => /^V?(RCP|RSQRT)[PS]S$/.test(mnemonic);
function areClose(theirs: Uint8Array, mine: Uint8Array): boolean {
  const x = new Float32Array(theirs.slice().buffer);
  const y = new Float32Array(mine.slice().buffer);
  const bits = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);
  // Their errors may lie on both sides.
  const bound = 2 * 1.5 * 2 ** -12;
  // Around the smallest normal number it is open whether a result is flushed to zero.
  const tiny = 2 ** -125;
  return x.every(
    (value, i) =>
      (Math.abs(value) <= tiny && Math.abs(y[i]) <= tiny) ||
      bits(theirs)[i] === bits(mine)[i] ||
      Math.abs(value - y[i]) <= Math.abs(value) * bound,
  );
}

/** Vendors' last bits differ, and with them which way was rounded. */
const isTranscendental = (mnemonic: string): boolean =>
  /^(FPTAN|FSINCOS|FSIN|FCOS|FPATAN|F2XM1|FYL2X|FYL2XP1)$/.test(mnemonic);
function withinUlp(theirs: Uint8Array, mine: Uint8Array): boolean {
  const distance = BigInt(`0x${hex(theirs)}`) - BigInt(`0x${hex(mine)}`);
  return distance <= 1n && distance >= -1n;
}

/** MXCSR_MASK at the end of 16 bytes of an area: bit 17 is AMD's. */
function sameButMxcsrMask(theirs: Uint8Array, mine: Uint8Array): boolean {
  const masks = [theirs, mine].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true));
  return masks[0] === (masks[1] | 0x2_0000) && areEqual(theirs.subarray(0, 12), mine.subarray(0, 12));
}

const STACK_FAULT = 12;
const PROTECTION = 13;
const PAGE_FAULT = 14;
/** Of a page fault's error code. */
const WRITE = 2;

/** AMD's processors raise #GP where the SDM has #SS for an area of the XSAVE family on the stack. */
const raisesProtection = (mnemonic: string, { trap }: HardwareOutcome, exit: Exit): boolean =>
  /^X(SAVE|RSTOR)/.test(mnemonic) && trap?.vector === PROTECTION && exit.reason === "fault" && exit.vector === "SS";

/** Processors find a target that is not canonical before they jump, we afterwards: nothing may be spent on it in every return. */
const isJumpNowhere = ({ signal, trap }: HardwareOutcome, { rip }: EngineOutcome): boolean =>
  signal !== 0 && trap?.vector === PROTECTION && !isCanonicalNumber(Number(rip));

/** Areas of which it is the processor's to say at which byte of a page it looks first. */
const isArea = (mnemonic: string): boolean => /^(FX|X)(SAVE|RSTOR)|^F(N?SAVE|RSTOR|N?STENV|LDENV)$/.test(mnemonic);

function trapDifference(mnemonic: string, { vector, errorCode, address }: HardwareTrap, exit: Exit): string[] {
  const found: string[] = [];
  if (vectorOf(exit) !== vector && !(vector === PROTECTION && vectorOf(exit) === STACK_FAULT))
    found.push(`vector ${vector}, ours ${JSON.stringify(exit)}`);
  else if (vector === PAGE_FAULT && exit.reason === "fault") {
    const theirs = addressNumber(address);
    // Which operand is read first is the processor's to say, too.
    const same =
      mnemonic === "CMPS" ||
      (isArea(mnemonic) ? theirs >= exit.address && theirs < exit.address + PAGE_SIZE : theirs === exit.address);
    if (!same) found.push(`fault at ${address.toString(16)}, ours at ${exit.address.toString(16)}`); // prettier-ignore
    const access = errorCode & WRITE ? "write" : "read";
    if (access !== exit.access) found.push(`fault of a ${access}, ours of a ${exit.access}`);
  }
  return found;
}

type Close = (theirs: Uint8Array, mine: Uint8Array) => boolean;

/** What differs, in words; undefined where they agree. */
export function difference(
  { specification }: Form,
  one: HardwareCase,
  hardware: HardwareOutcome,
  ours: EngineOutcome,
): string | undefined {
  const { mnemonic, definition } = specification;
  const found: string[] = [];
  if (ours.exit.reason === "unsupported") return `unsupported ${ours.exit.mnemonic}`;
  const signal = raisesProtection(mnemonic, hardware, ours.exit) ? hardware.signal : signalOf(ours.exit);
  if (signal !== hardware.signal)
    found.push(`signal ${hardware.signal}, ours ${signal} (${JSON.stringify(ours.exit)})`);
  else if (signal && hardware.trap) found.push(...trapDifference(mnemonic, hardware.trap, ours.exit));
  if (isJumpNowhere(hardware, ours)) return undefined;
  if (ours.rip !== hardware.rip) found.push(`RIP ${hardware.rip.toString(16)}, ours ${ours.rip.toString(16)}`);
  hardware.state.gpr.forEach((value, i) => {
    if (ours.state.gpr[i] !== value) found.push(`r${i} ${value.toString(16)}, ours ${ours.state.gpr[i].toString(16)}`);
  });
  let mask = COMPARED_FLAGS;
  // A fault in the middle of a comparison: Intel's processors restore the flags, AMD's do not.
  if (hardware.signal && /^(CMPS|SCAS)$/.test(mnemonic)) mask = 0n;
  if (!hardware.signal)
    for (const flag of Object.keys(definition.undefinedFlags ?? {})) mask &= ~flagBits[flag as ArithmeticFlag];
  if ((hardware.state.rflags ^ ours.state.rflags) & mask)
    found.push(`flags ${(hardware.state.rflags & mask).toString(16)}, ours ${(ours.state.rflags & mask).toString(16)}`);
  const [theirs, mine] = [hardware.state, ours.state];
  const compare = (name: string, x: Uint8Array, y: Uint8Array, at: number, length: number, close?: Close): void => {
    const [a, b] = [x.subarray(at, at + length), y.subarray(at, at + length)];
    if (!areEqual(a, b) && !close?.(a, b)) found.push(`${name} ${hex(a)}, ours ${hex(b)}`);
  };
  const closeVectors = isReciprocal(mnemonic) ? areClose : undefined;
  for (let i = 0; i < 16; i++) {
    compare(`xmm${i}`, theirs.fxsave, mine.fxsave, fxsaveLayout.xmm + i * 16, 16, closeVectors);
    compare(`ymm${i}h`, theirs.ymmHigh, mine.ymmHigh, i * 16, 16, closeVectors);
  }
  for (let at = 0; at < WINDOW_SIZE; at += 16)
    compare(`memory+${at}`, theirs.window, mine.window, at, 16, /SAVE/.test(mnemonic) ? sameButMxcsrMask : undefined);
  if (mxcsrOf(theirs) !== mxcsrOf(mine))
    found.push(`MXCSR ${mxcsrOf(theirs).toString(16)}, ours ${mxcsrOf(mine).toString(16)}`);
  const closeX87 = isTranscendental(mnemonic) ? withinUlp : undefined;
  const word = (state: Uint8Array, at: number): number => state[at] | (state[at + 1] << 8);
  for (const [name, at, bits] of [
    ["FCW", fxsaveLayout.fcw, 0xffff],
    ["FSW", fxsaveLayout.fsw, closeX87 ? 0xffff & ~C1 : 0xffff],
    ["FTW", fxsaveLayout.ftw, 0xff],
  ] as const) {
    const [x, y] = [word(theirs.fxsave, at) & bits, word(mine.fxsave, at) & bits];
    if (x !== y) found.push(`${name} ${x.toString(16)}, ours ${y.toString(16)}`);
  }
  for (let i = 0; i < 8; i++) compare(`st${i}`, theirs.fxsave, mine.fxsave, fxsaveLayout.st + i * 16, 10, closeX87);
  if (!found.length || isUndefined(mnemonic, one)) return undefined;
  return `${hex(one.code.slice().reverse())} mxcsr ${mxcsrOf(one.state).toString(16)}: ${found.join("; ")}`;
}
