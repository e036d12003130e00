/** Cases for every form that does not ask the environment, from a seed: what is recorded and what runs live is made here. */
import { Protection, USER_LIMIT } from "../../emulator/cpu.ts";
import type { Form, InstructionSpecification } from "../../emulator/isa/instruction.ts";
import { encode, encodeForm, RBX, RSP, type MemoryEncoding } from "./encode.ts";
import { environmentOf } from "./environment.ts";
import { gatheredFrom, jumpTarget, prepare } from "./preparation.ts";
import { Random } from "./random.ts";
import { acrossPages, atPageEnd, CODE_ADDRESS, fxsaveLayout, isAcrossPages, newState, WINDOW_ADDRESS, WINDOW_SIZE } from "./state.ts"; // prettier-ignore
import type { HardwareCase, HardwareState, WindowPlace } from "./state.ts";

const RCX = 1;
const RDX = 2;
const RBP = 5;

export function hasCases(form: Form): boolean {
  return environmentOf(form) === undefined && form.specification.definition.unimplemented === undefined;
}

/** What the operands of memory are about. */
export type CaseKind = keyof typeof kinds;
const { None, Read, Write } = Protection;
const kinds = {
  /** Mostly where they may be. */
  ordinary: () => atPageEnd,
  /** Where a page ends, and the access with it: one of the two pages does not permit everything. */
  acrossPages: (random: Random) => {
    const other = random.pick([None, Read]);
    return random.below(2) ? acrossPages(Read | Write, other) : acrossPages(other, Read | Write);
  },
  /** Mostly where no address can be. */
  nonCanonical: () => atPageEnd,
} satisfies Record<string, (random: Random) => WindowPlace>;
export const caseKinds = Object.keys(kinds) as CaseKind[];

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

const POOL_SIZE = 0x4000;
let pool: Uint8Array | undefined;

/** Vector contents from a pool, which takes a hundredth of the time of making them. */
function poolBytes(random: Random, into: Uint8Array): void {
  if (!pool) vectorBytes(new Random(7), (pool = new Uint8Array(POOL_SIZE)));
  for (let at = 0; at < into.length; at += 16) {
    const from = random.below(POOL_SIZE / 8 - 1) * 8;
    into.set(pool.subarray(from, from + 16), at);
  }
}

const isX87 = ({ text, operands }: Form): boolean =>
  /^D[89A-F] /.test(text) ||
  text === "9B" ||
  operands.some((operand) => "file" in operand && ["st", "mmx"].includes(operand.file));

const arithmeticFlags = [0x1, 0x4, 0x10, 0x40, 0x80, 0x800];

function randomState(random: Random, form: Form, kind: CaseKind = "ordinary"): HardwareState {
  const state = newState(kinds[kind](random));
  const area = new DataView(state.fxsave.buffer);
  for (let i = 0; i < 16; i++) state.gpr[i] = random.below(4) ? random.bits(64) : random.bits(random.pick([8, 16, 32]));
  if (random.below(2)) state.gpr[RCX] = BigInt(random.below(70));
  if (random.below(4) === 0) state.gpr[random.below(16)] = state.gpr[random.below(16)];
  state.gpr[RSP] = BigInt(state.place.address + WINDOW_SIZE / 2);
  if (kind === "acrossPages") state.gpr[RSP] += BigInt(random.below(33) - 16);
  else if (kind === "nonCanonical" && random.below(2)) state.gpr[RSP] = random.pick(nowhereFor(form));
  for (const flag of arithmeticFlags) if (random.below(2)) state.rflags |= BigInt(flag);
  poolBytes(random, state.window);
  poolBytes(random, state.fxsave.subarray(fxsaveLayout.xmm, 416));
  poolBytes(random, state.ymmHigh);
  // Operands that are equal, or equal in part.
  if (random.below(4) === 0) {
    const register = fxsaveLayout.xmm + random.below(16) * 16;
    const bytes = state.fxsave.subarray(register, register + 16);
    for (let at = random.below(4) * 16; at < WINDOW_SIZE; at += 64) state.window.set(bytes, at);
    state.fxsave.set(bytes, fxsaveLayout.xmm + random.below(16) * 16);
  }
  if (isX87(form)) {
    area.setUint16(fxsaveLayout.fcw, random.pick([0x37f, 0x27f, 0x77f, 0xb7f, 0xf7f, 0x07f, 0x340, 0x35f]), true);
    area.setUint16(fxsaveLayout.fsw, random.below(8) << 11, true);
    area.setUint8(fxsaveLayout.ftw, random.pick([0xff, 0xff, 0x7f, 0x0f, 0x55, 0, random.below(256)]));
    for (let i = 0; i < 8; i++) state.fxsave.set(random.extended(), fxsaveLayout.st + i * 16);
  }
  return state;
}

/** Offset in the window of an operand of `bytes`: mostly aligned and inside, now and then misaligned, at or beyond the end of the page. */
function operandOffset(random: Random, bytes: number, { place }: HardwareState): number {
  if (isAcrossPages(place) && random.below(4)) return WINDOW_SIZE / 2 - random.below(bytes + 1);
  switch (random.below(16)) {
    case 0:
      return WINDOW_SIZE - random.below(bytes + 1);
    case 1:
    case 2:
      return random.below(WINDOW_SIZE - bytes);
    default:
      return random.below(Math.floor((WINDOW_SIZE - bytes) / 16)) * 16;
  }
}

const nonCanonical = [0x8000_0000_0000n, 0x7fff_ffff_ffff_fff0n, 0xffff_7fff_ffff_ff00n, 0xfedc_ba98_7654_3210n];
/** Operands that are accessed in pieces, of which the first may be canonical. */
const inPieces = ({ specification, operands }: Form): boolean =>
  /MASKMOV/.test(specification.mnemonic) ||
  operands.some((operand) => operand.kind === "rm" && (operand.memoryWidth === 0 || operand.memoryWidth === 80));
const nowhereFor = (form: Form): readonly bigint[] =>
  inPieces(form) ? nonCanonical.filter((address) => address > USER_LIMIT) : nonCanonical;

/** Encodes memory at `offset` of the window and gives the registers it uses the values for it. */
function placeMemory(
  random: Random,
  state: HardwareState,
  offset: number,
  addressSize32: boolean,
  lowest: number,
  form: Form,
  kind: CaseKind,
): MemoryEncoding {
  const address = state.place.address + offset;
  if (kind === "nonCanonical" && random.below(8)) return placeNowhere(random, state, form);
  const mode = random.below(10);
  if (mode === 0) return { base: -1, index: -1, scale: 0, displacement: address };
  if (mode === 1) return { base: "rip", index: -1, scale: 0, displacement: address - CODE_ADDRESS };
  let base = random.below(16);
  // Counts, dividends and such in the low registers are rather left alone.
  if (base < lowest || (base <= RDX && random.below(4))) base = 3 + random.below(13);
  if (base === RSP) {
    const displacement = address - Number(state.gpr[RSP]);
    return { base, index: -1, scale: 0, displacement };
  }
  let displacement = mode < 4 ? random.uint32() | 0 : random.below(256) - 128;
  let index = mode === 3 || mode === 4 ? random.below(16) : -1;
  if (index === RSP || index === base || index < lowest) index = -1;
  const scale = index < 0 ? 0 : random.below(4);
  const offsetBase = index < 0 ? 0n : state.gpr[index] << BigInt(scale);
  const isCanonical = random.below(64) > 0 || base === RBP || base === RBX;
  if (!isCanonical && index < 0) displacement = 0;
  const value = isCanonical || index >= 0 ? BigInt(address) - BigInt(displacement) - offsetBase : random.pick(nonCanonical); // prettier-ignore
  state.gpr[base] = BigInt.asUintN(64, value);
  if (addressSize32) state.gpr[base] ^= random.bits(32) << 32n;
  return { base, index, scale, displacement };
}

/** The same where no memory can be, by way of any register. */
function placeNowhere(random: Random, state: HardwareState, form: Form): MemoryEncoding {
  const base = random.pick([RSP, RBP, RSP, RBP, random.below(16)]);
  const displacement = random.below(2) ? 0 : random.below(256) - 128;
  state.gpr[base] = random.pick(nowhereFor(form));
  if (random.below(2)) return { base, index: -1, scale: 0, displacement };
  const index = random.pick([RBP, 12, random.below(16)]);
  return index === RSP || index === base ? { base: -1, index, scale: 0, displacement: 0 } : { base, index, scale: random.below(4), displacement }; // prettier-ignore
}

const segments = [0x26, 0x2e, 0x36, 0x3e, 0x65];

function prefixesFor(random: Random, form: Form, memory: boolean, kind: CaseKind): number[] {
  const { definition } = form.specification;
  const prefixes: number[] = [];
  const hasMemory = memory || form.operands.some(({ kind }) => kind === "implicitMemory" || kind === "moffs");
  if (hasMemory && random.below(kind === "nonCanonical" ? 3 : 12) === 0) prefixes.push(random.pick(segments));
  const addressed = hasMemory || form.operands.some(({ kind }) => kind === "relative");
  // Of 32 bits every address is canonical.
  const isShort = addressed && form.addressSize === undefined && random.below(12) === 0;
  if (isShort && kind !== "nonCanonical") prefixes.push(0x67);
  // AMD's processors take LOCK for the fourth bit of a control register's number.
  const isControl = form.operands.some((operand) => "file" in operand && operand.file === "control");
  if (random.below(definition.lock && memory ? 4 : 64) === 0 && !isControl) prefixes.push(0xf0);
  if (definition.repeat) {
    if (random.below(3)) prefixes.push(random.pick([0xf2, 0xf3]));
  } else if (/^LOOP/.test(form.specification.mnemonic)) {
    // Some processors let F2 and F3 replace the condition.
  } else if (form.map === "" && !form.vex && !form.mandatory && form.opcode !== 0x90 && random.below(32) === 0)
    prefixes.push(random.pick([0xf2, 0xf3]));
  return prefixes;
}

/** Undefined where the form cannot be encoded so. */
function makeCase(form: Form, random: Random, kind: CaseKind): HardwareCase | undefined {
  const state = randomState(random, form, kind);
  const prepared = prepare(state, random, form);
  const rm = form.operands.find((operand) => operand.kind === "rm");
  const accepts = rm?.kind === "rm" && form.fixedModrm === undefined ? rm.accepts : "register";
  const useMemory = accepts === "memory" || (accepts === "both" && random.below(2) === 1);
  const prefixes = prefixesFor(random, form, useMemory, kind);
  const locked = prefixes.includes(0xf0);
  const width = rm?.kind === "rm" ? rm.memoryWidth : 64;
  const movesOffset = kind === "acrossPages" && prepared.keepsOffset === undefined && random.below(2) === 1;
  const chosen = movesOffset ? undefined : prepared.offset;
  let offset = chosen ?? operandOffset(random, width === "operand" ? 8 : Math.max(1, width / 8), state);
  // A locked access to two lines may be an alignment check of the operating system's.
  if (locked) offset &= ~15;
  const encoding = encodeForm(form, random, {
    memory: !useMemory
      ? undefined
      : form.vsib
        ? gatheredFrom(state, random, form)
        : placeMemory(random, state, offset, prefixes.includes(0x67), prepared.keepsRax ? 1 : 0, form, kind),
    prefixes,
    target: jumpTarget(random),
    moffs: state.place.address + offset,
    immediates: prepared.immediates ?? [],
    anyRegister: true,
  });
  return encoding && { state, code: encoding.bytes };
}

/** MXCSR for an instruction that may look at it: half of the time that of a new thread, but for the sticky flags. */
function someMxcsr(random: Random): number {
  const unusual = [0x3f80, 0x5f80, 0x7f80, 0x9f80, 0x1fc0, 0x9fc0, 0x1f80 & ~(0x80 << random.below(6))];
  const control = random.below(2) ? random.pick(unusual) : 0x1f80;
  return control | random.pick([0, 0, 0x20, 0x20, random.below(64)]);
}

/** Names a form among all. */
export const nameOf = ({ specification, text }: Form): string => `${specification.mnemonic} ${text}`;

function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}

/** The first `count` cases of a form in the row that belongs to `seed`. */
export function casesOf(form: Form, count: number, seed: number, kind: CaseKind = "ordinary"): HardwareCase[] {
  const random = new Random((hashOf(nameOf(form)) ^ Math.imul(seed, 0x9e37_79b1)) >>> 0 || 1);
  const looksAtMxcsr = form.operands.some((operand) => "file" in operand && operand.file === "xmm");
  return Array.from({ length: count }, () => {
    const one = makeCase(form, random, kind);
    if (!one) throw new Error(`${nameOf(form)} cannot be encoded`);
    if (looksAtMxcsr) new DataView(one.state.fxsave.buffer).setUint32(fxsaveLayout.mxcsr, someMxcsr(random), true);
    return one;
  });
}

// Instructions in a row, for tests/differential

const jumpsOrTraps = /^(INT.*|J.*|CALL|RET|LOOP.*|HLT|POPF|PUSHF|ENTER|LEAVE|XSAVE.*|XRSTOR.*|FXSAVE|FXRSTOR|F(N?STENV|N?SAVE|LDENV|RSTOR)|LDMXCSR|STI|CLI|IN|OUT|UD.*)$/; // prettier-ignore
const transcendental = /^(FPTAN|FSINCOS|FSIN|FCOS|FPATAN|F2XM1|FYL2X|FYL2XP1)$/;

/** Whether a form may stand among others: it does not jump, and needs no preparation. */
export const canStandInRow = (specification: InstructionSpecification, form: Form): boolean =>
  hasCases(form) && !jumpsOrTraps.test(specification.mnemonic) && !transcendental.test(specification.mnemonic);

/** A case whose memory operand is at RBX. Undefined where the form has others. */
export function caseAtRbx(form: Form, random: Random): HardwareCase | undefined {
  if (form.specification.definition.repeat || form.vsib) return undefined;
  const memory = random.below(2) === 1;
  const displacement = random.below(8) ? random.below(7) * 16 : random.below(127);
  const encoding = encode(form, random, displacement, memory) ?? encode(form, random, displacement, !memory);
  if (!encoding) return undefined;
  const state = randomState(random, form);
  prepare(state, random, form);
  state.gpr[RBX] = BigInt(WINDOW_ADDRESS + WINDOW_SIZE - 256 + (random.below(8) ? random.below(8) * 16 : random.below(128))); // prettier-ignore
  return { state, code: encoding.bytes };
}
