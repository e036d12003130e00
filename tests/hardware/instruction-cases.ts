/** Random cases for every form that can run alone, and the comparison of what hardware and our processor make of them. */
import type { ArithmeticFlag, Form, InstructionSpecification } from "../../emulator/isa/instruction.ts";
import { encode } from "./encode.ts";
import { signalOf, type EngineOutcome } from "./engine-state.ts";
import { newState, WINDOW_ADDRESS, WINDOW_SIZE } from "./hardware.ts";
import type { HardwareCase, HardwareOutcome, HardwareState } from "./hardware.ts";
import { Random } from "./random.ts";

const RCX = 1;
const RBX = 3;
const RSP = 4;
const RDI = 7;

/** What asks the environment, leaves user mode, or jumps. */
/** Vendors' last bits differ: x87.test.ts checks these within an ulp. */
const approximate = /^(FPTAN|FSINCOS|FSIN|FCOS|FPATAN|F2XM1|FYL2X|FYL2XP1)$/;
const elsewhere =
  /^(CPUID|RDTSC|RDTSCP|RDRAND|RDSEED|XGETBV|SYSCALL|INT.*|J.*|CALL.*|RET.*|LOOP.*|HLT|POPF|PUSHF|IRET.*|ENTER|LEAVE|XSAVE.*|XRSTOR.*|F?XSAVE|FXRSTOR|F[LS]?N?(STENV|SAVE)|FLDENV|FRSTOR|LDMXCSR|STI|CLI|IN|OUT|RD(FS|GS).*|WR(FS|GS).*|UD.*|MOV_.*)$/;
export const canRunAlone = (specification: InstructionSpecification, form: Form): boolean =>
  !elsewhere.test(specification.mnemonic) &&
  !approximate.test(specification.mnemonic) &&
  // The selectors are those of Windows.
  !/^d64 0F A[08]$/.test(form.text) &&
  !specification.definition.unimplemented &&
  !form.operands.some((operand) => "file" in operand && ["segment", "control", "debug"].includes(operand.file));

/** Vector contents: numbers of both precisions, small integers, masks. */
function vectorBytes(random: Random, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  for (let at = 0; at < into.length; at += 16) {
    const kind = random.below(4);
    for (let lane = 0; lane < 16; lane += 8) {
      if (kind === 0) view.setBigUint64(at + lane, random.double(), true);
      else if (kind === 1) view.setBigUint64(at + lane, random.single() | (random.single() << 32n), true);
      else view.setBigUint64(at + lane, random.bits(64), true);
    }
  }
}

function randomState(random: Random, form: Form): HardwareState {
  const state = newState();
  const area = new DataView(state.fxsave.buffer);
  for (let i = 0; i < 16; i++) state.gpr[i] = random.below(4) ? random.bits(64) : random.bits(random.pick([8, 16, 32]));
  if (random.below(2)) state.gpr[RCX] = BigInt(random.below(70));
  state.gpr[RSP] = BigInt(WINDOW_ADDRESS + 128);
  // RBX is the base of memory operands: mostly aligned, now and then at the end of the page.
  state.gpr[RBX] = BigInt(WINDOW_ADDRESS + (random.below(8) ? random.below(8) * 16 : random.below(128)));
  // Bit offsets that stay near the window: other pages are mapped for the runner and not for us.
  if (/^BT[CRS]?$/.test(form.specification.mnemonic))
    for (let i = 0; i < 16; i++)
      if (i !== RBX && i !== RSP) state.gpr[i] = BigInt.asUintN(64, BigInt(random.below(4096) - 1024));
  if (/^MASKMOV/.test(form.specification.mnemonic)) state.gpr[RDI] = BigInt(WINDOW_ADDRESS + random.below(WINDOW_SIZE));
  const arithmeticFlags = [0x1, 0x4, 0x10, 0x40, 0x80, 0x800];
  for (const flag of arithmeticFlags) if (random.below(2)) state.rflags |= BigInt(flag);
  vectorBytes(random, state.window);
  vectorBytes(random, state.fxsave.subarray(160, 416));
  vectorBytes(random, state.ymmHigh);
  if (form.operands.some((operand) => "file" in operand && operand.file === "st") || form.text.startsWith("D")) {
    area.setUint16(0, random.pick([0x37f, 0x27f, 0x77f, 0xb7f, 0xf7f, 0x07f, 0x340, 0x35f]), true);
    area.setUint16(2, random.below(8) << 11, true);
    area.setUint8(4, random.pick([0xff, 0xff, 0x7f, 0x0f, 0x55, 0, random.below(256)]));
  }
  for (let i = 0; i < 8; i++) state.fxsave.set(random.extended(), 32 + i * 16);
  return state;
}

/** Undefined where the form cannot be encoded so. */
export function makeInstructionCase(
  form: Form,
  random: Random,
  mxcsr: (random: Random) => number,
): HardwareCase | undefined {
  const memory = random.below(2) === 1;
  const displacement = random.below(8) ? random.below(7) * 16 : random.below(127);
  const encoding = encode(form, random, displacement, memory) ?? encode(form, random, displacement, !memory);
  if (!encoding) return undefined;
  const state = randomState(random, form);
  new DataView(state.fxsave.buffer).setUint32(24, mxcsr(random), true);
  const { repeat } = form.specification.definition;
  if (repeat) return undefined;
  return { state, code: encoding.bytes };
}

export function casesOfForm(
  form: Form,
  count: number,
  seed: number,
  mxcsr: (random: Random) => number,
): HardwareCase[] {
  const random = new Random(seed);
  const cases: HardwareCase[] = [];
  for (let i = 0; i < count; i++) {
    const one = makeInstructionCase(form, random, mxcsr);
    if (!one) return [];
    cases.push(one);
  }
  return cases;
}

const flagBits: Record<ArithmeticFlag, bigint> = { CF: 1n, PF: 4n, AF: 16n, ZF: 64n, SF: 128n, OF: 0x800n };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString("hex");

export interface ComparisonOptions {
  /** MXCSR bits that are not compared. */
  readonly ignoreMxcsr?: number;
}

/** SHLD and SHRD of 16 bits by more than 16: the SDM leaves the result undefined, and vendors differ. */
function isUndefined(mnemonic: string, { code, state }: HardwareCase): boolean {
  if (!/^SH[LR]D$/.test(mnemonic) || code[0] !== 0x66) return false;
  const byImmediate = code.includes(0xa4) || code.includes(0xac);
  const count = byImmediate ? code.at(-1)! : Number(state.gpr[RCX] & 0xffn);
  return (count & 31) > 16;
}

/** RCPPS and its relatives promise a relative error of at most 1.5 × 2^-12. */
const isReciprocal = (mnemonic: string): boolean => /^(RCP|RSQRT)[PS]S$/.test(mnemonic);
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

/** What differs, in words; empty where they agree. */
export function differences(
  { specification, operands }: Form,
  one: HardwareCase,
  hardware: HardwareOutcome,
  ours: EngineOutcome,
  options: ComparisonOptions = {},
): string[] {
  const found: string[] = [];
  if (ours.exit.reason === "unsupported") return [`unsupported ${ours.exit.mnemonic}`];
  const signal = signalOf(ours.exit);
  if (signal !== hardware.signal)
    found.push(`signal ${hardware.signal}, ours ${signal} (${JSON.stringify(ours.exit)})`);
  if (ours.rip !== hardware.rip) found.push(`RIP ${hardware.rip.toString(16)}, ours ${ours.rip.toString(16)}`);
  hardware.state.gpr.forEach((value, i) => {
    if (ours.state.gpr[i] !== value) found.push(`r${i} ${value.toString(16)}, ours ${ours.state.gpr[i].toString(16)}`);
  });
  let mask = 0x8d5n | 0x400n;
  for (const flag of Object.keys(specification.definition.undefinedFlags ?? {}))
    mask &= ~flagBits[flag as ArithmeticFlag];
  const flags = (hardware.state.rflags ^ ours.state.rflags) & mask;
  if (flags)
    found.push(`flags ${(hardware.state.rflags & mask).toString(16)}, ours ${(ours.state.rflags & mask).toString(16)}`);
  const compare = (name: string, theirs: Uint8Array, mine: Uint8Array): void => {
    if (hex(theirs) !== hex(mine)) found.push(`${name} ${hex(theirs)}, ours ${hex(mine)}`);
  };
  for (let i = 0; i < 16; i++) {
    const at = 160 + i * 16;
    const [theirs, mine] = [hardware.state.fxsave.subarray(at, at + 16), ours.state.fxsave.subarray(at, at + 16)];
    if (!isReciprocal(specification.mnemonic) || !areClose(theirs, mine)) compare(`xmm${i}`, theirs, mine);
    compare(
      `ymm${i}h`,
      hardware.state.ymmHigh.subarray(i * 16, i * 16 + 16),
      ours.state.ymmHigh.subarray(i * 16, i * 16 + 16),
    );
  }
  for (let i = 0; i < WINDOW_SIZE; i += 16)
    compare(`memory+${i}`, hardware.state.window.subarray(i, i + 16), ours.state.window.subarray(i, i + 16));
  const theirs = new DataView(hardware.state.fxsave.buffer);
  const mine = new DataView(ours.state.fxsave.buffer);
  const mxcsr = (theirs.getUint32(24, true) ^ mine.getUint32(24, true)) & ~(options.ignoreMxcsr ?? 0);
  if (mxcsr)
    found.push(`MXCSR ${theirs.getUint32(24, true).toString(16)}, ours ${mine.getUint32(24, true).toString(16)}`);
  for (const [name, at, bits] of [
    ["FCW", 0, 0xffff],
    ["FSW", 2, 0xffff],
    ["FTW", 4, 0xff],
  ] as const) {
    const [x, y] = [theirs.getUint16(at, true) & bits, mine.getUint16(at, true) & bits];
    if (x !== y) found.push(`${name} ${x.toString(16)}, ours ${y.toString(16)}`);
  }
  for (let i = 0; i < 8; i++)
    compare(
      `st${i}`,
      hardware.state.fxsave.subarray(32 + i * 16, 42 + i * 16),
      ours.state.fxsave.subarray(32 + i * 16, 42 + i * 16),
    );
  if (isUndefined(specification.mnemonic, one)) return [];
  if (!found.length) return found;
  const { state } = one;
  const inputs = operands.length ? ` rbx ${state.gpr[RBX].toString(16)}` : "";
  return [
    `${hex(one.code.slice().reverse())} mxcsr ${new DataView(state.fxsave.buffer).getUint32(24, true).toString(16)}${inputs}: ${found.join("; ")}`,
  ];
}
