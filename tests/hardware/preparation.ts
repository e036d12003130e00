/** What operands of certain instructions must be for something to be seen: states that make sense to them. */
import type { Form } from "../../emulator/isa/instruction.ts";
import type { MemoryEncoding } from "./encode.ts";
import type { Random } from "./random.ts";
import { CODE_ADDRESS, fxsaveLayout, isAcrossPages, WINDOW_SIZE, type HardwareState } from "./state.ts";

const XMM = fxsaveLayout.xmm;

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;
const RSI = 6;
const RDI = 7;

export interface Preparation {
  /** Where the memory operand lies in the window, for instructions with large or aligned areas. */
  readonly offset?: number;
  /** Elsewhere it would make no sense. */
  readonly keepsOffset?: true;
  /** RAX selects, so it is no part of an address. */
  readonly keepsRax?: true;
  /** Values of immediates. */
  readonly immediates?: readonly number[];
}

type Prepare = (state: HardwareState, random: Random, form: Form) => Preparation | undefined;

const inWindow = ({ place }: HardwareState, random: Random, room: number): bigint =>
  BigInt(place.address + random.below(WINDOW_SIZE - room));
/** Where a page ends. */
const pageEnd = ({ place }: HardwareState): number => (isAcrossPages(place) ? WINDOW_SIZE / 2 : WINDOW_SIZE);
const viewOf = (state: HardwareState): DataView => new DataView(state.window.buffer, state.window.byteOffset);

/** Where a jump may lead: into the INT3 before or behind the instruction. From the instruction's start. */
export const jumpTarget = (random: Random): number =>
  random.below(2) ? 48 + random.below(60) : -20 - random.below(80);

/** An image for FXRSTOR, mostly valid, at the start of the window's slot. */
function stateImage(state: HardwareState, random: Random, offset: number): void {
  const view = viewOf(state);
  view.setUint16(offset, random.pick([0x37f, 0x27f, 0x77f, 0x340, random.uint32()]), true);
  view.setUint16(offset + 2, random.uint32(), true);
  view.setUint16(offset + 4, random.below(0x100), true);
  state.window.fill(0, offset + 6, offset + 24);
  // Bit 17 of MXCSR is AMD's.
  view.setUint32(offset + 24, random.uint32() & (random.below(8) ? 0xffff : ~0x2_0000), true);
  for (let i = 0; i < 8; i++) state.window.set(random.extended(), offset + 32 + i * 16);
}

/** Memory that RSI and RDI lead through. */
const strings: Prepare = (state, random) => {
  if (random.below(2)) state.rflags |= 0x400n;
  state.gpr[RCX] = BigInt(random.pick([0, 1, 2, 3, 7, 16, 31, 60]));
  for (const register of [RSI, RDI])
    state.gpr[register] = random.below(6) ? inWindow(state, random, 8) : BigInt(state.place.address + pageEnd(state) - random.below(24)); // prettier-ignore
  // Runs of equal elements.
  if (random.below(2)) state.window.fill(Number(state.gpr[RAX] & 0xffn), 64, WINDOW_SIZE - random.below(512));
  if (random.below(8) === 0) state.gpr[RDI] = state.gpr[RSI] + BigInt(random.below(17) - 8);
  return undefined;
};

const jumps: Prepare = (state, random) => {
  const view = viewOf(state);
  const target = (): bigint => BigInt(CODE_ADDRESS + jumpTarget(random));
  for (let i = 0; i < 16; i++) if (i !== RSP) state.gpr[i] = target();
  for (let at = 0; at < WINDOW_SIZE; at += 8) view.setBigUint64(at, target(), true);
  if (!isAcrossPages(state.place)) return { offset: random.below(WINDOW_SIZE / 8) * 8 };
  // Between the targets there are none: there they cannot be read.
  const isReadable = state.place.first !== 0 && state.place.second !== 0;
  const offset = (): number => pageEnd(state) - (isReadable ? 8 * random.below(3) : random.below(8));
  state.gpr[RSP] = BigInt(state.place.address + offset());
  return { offset: offset(), keepsOffset: true };
};

const areas = [0, 64, 128, 192, 192, 128];

const preparations: readonly (readonly [RegExp, Prepare])[] = [
  [
    // Bit offsets that stay near the window.
    /^BT[CRS]?$/,
    (state, random) => {
      for (let i = 0; i < 16; i++) if (i !== RSP) state.gpr[i] = BigInt.asUintN(64, BigInt(random.below(4096) - 1024));
      return { offset: 512 + random.below(32) * 8 };
    },
  ],
  [
    /^V?MASKMOV(Q|DQU)$/,
    (state, random) => {
      const offset = isAcrossPages(state.place) ? pageEnd(state) - random.below(18) : random.below(WINDOW_SIZE);
      state.gpr[RDI] = BigInt(state.place.address + offset);
      return undefined;
    },
  ],
  [
    /^I?DIV$/,
    (state, random, { specification }) => {
      if (random.below(4) === 0) return undefined;
      state.gpr[RDX] = specification.mnemonic === "IDIV" && random.below(2) ? 0xffff_ffff_ffff_ffffn : BigInt(random.below(3)); // prettier-ignore
      return undefined;
    },
  ],
  [/^(MOVS|CMPS|STOS|LODS|SCAS|INS|OUTS)$/, strings],
  [
    /^(LOOP(N?E)?|JRCXZ)$/,
    (state, random) => {
      state.gpr[RCX] = random.pick([0n, 1n, 2n, 0x1_0000_0000n, 0x1_0000_0001n, 0xffff_ffff_ffff_ffffn]);
      return undefined;
    },
  ],
  [/^(JMP|CALL|RET)$/, jumps],
  [
    // With operands of 16 bits AMD's processors read 32.
    /^MOVSXD$/,
    (_, random) => ({ offset: random.below(WINDOW_SIZE / 16) * 16, keepsOffset: true }),
  ],
  [
    /^(ENTER|LEAVE)$/,
    (state, random) => {
      state.gpr[RBP] = BigInt(state.place.address + 256 + random.below(96) * 8);
      if (isAcrossPages(state.place)) state.gpr[RBP] -= BigInt(random.below(8));
      return {
        immediates: [
          random.uint32() & (random.below(2) ? 0xff : 0xffff),
          random.below(8) ? random.below(40) : random.below(256),
        ],
      };
    },
  ],
  [
    // TF would trap, AC fault; IOPL, IF, VIF and VIP are not user mode's to change.
    /^POPF$/,
    (state) => {
      const view = viewOf(state);
      for (let at = 0; at < WINDOW_SIZE; at += 2)
        view.setUint16(at, view.getUint16(at, true) & (at % 4 ? 0x20 : 0x4ed5), true);
      // A multiple of 4 still.
      state.gpr[RSP] &= ~3n;
      return undefined;
    },
  ],
  [
    /^XLAT$/,
    (state, random) => {
      state.gpr[RBX] = inWindow(state, random, 200);
      return undefined;
    },
  ],
  [
    /^CMPXCHG(8B|16B)?$/,
    (state, random, { specification }) => {
      const offset = 16 * random.below(WINDOW_SIZE / 16);
      if (random.below(2)) {
        const bytes = specification.mnemonic === "CMPXCHG8B" ? 4 : 8;
        const view = viewOf(state);
        const part = (at: number): bigint => (bytes === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true)); // prettier-ignore
        state.gpr[RAX] = part(offset);
        if (specification.mnemonic !== "CMPXCHG") state.gpr[RDX] = part(offset + bytes);
      }
      return { offset: random.below(8) ? offset : random.below(WINDOW_SIZE) };
    },
  ],
  [
    /^PCMP[EI]STR[IM]$/,
    (state, random) => {
      for (const register of [RAX, RDX])
        if (random.below(4)) state.gpr[register] = BigInt.asUintN(64, BigInt(random.below(40) - 20));
      return undefined;
    },
  ],
  [
    /^V?LDMXCSR$/,
    (state, random) => {
      const view = viewOf(state);
      const valid = random.below(4) > 0;
      // Bit 17 is AMD's.
      for (let at = 2; at < WINDOW_SIZE; at += 4) view.setUint16(at, valid ? 0 : view.getUint16(at, true) & ~2, true);
      return { offset: random.below(8) ? random.below(WINDOW_SIZE / 4) * 4 : pageEnd(state) - random.below(4) };
    },
  ],
  [
    /^FBLD$/,
    (state, random) => {
      const offset = random.below(60) * 16 + (isAcrossPages(state.place) ? random.below(16) : 0);
      for (let i = 0; i < 9; i++) state.window[offset + i] = random.below(10) | (random.below(10) << 4);
      return { offset, keepsOffset: true };
    },
  ],
  [
    /^(FNSAVE|FRSTOR|FNSTENV|FLDENV)$/,
    (state, random) => {
      const offset = random.below(WINDOW_SIZE - 108);
      // Pointers and opcode are vendors' own business.
      state.window.fill(0, offset + 12, offset + 28);
      return { offset, keepsOffset: true };
    },
  ],
  [
    /^FX(SAVE|RSTOR)(64)?$/,
    (state, random) => {
      const offset = random.below(8) ? random.below(32) * 16 : random.below(512);
      stateImage(state, random, offset);
      return { offset, keepsOffset: true };
    },
  ],
  [
    /^X(SAVE|SAVEC|SAVEOPT|RSTOR|SAVES|RSTORS)(64)?$/,
    (state, random, { specification }) => {
      const offset = random.pick(areas);
      stateImage(state, random, offset);
      // Components that no processor has here, but not those that only some have.
      state.gpr[RAX] = BigInt(random.below(8) | (random.below(8) ? 0 : 0x18));
      state.gpr[RDX] = 0n;
      // Whether a component in its initial state counts as used is the processor's to say.
      state.fxsave.set(state.window.subarray(offset + XMM, offset + XMM + 256), XMM);
      new DataView(state.fxsave.buffer).setUint16(fxsaveLayout.fcw, 0x27f, true);
      for (let i = 0; i < 8; i++) state.fxsave.set(random.extended(), fxsaveLayout.st + i * 16);
      state.window.fill(0, offset + 512, offset + 576);
      const compact = specification.mnemonic.startsWith("XRSTOR") && random.below(2) === 1;
      state.window[offset + 512] = random.below(8);
      if (compact) {
        state.window[offset + 520] = state.window[offset + 512] | random.below(8);
        state.window[offset + 527] = 0x80;
      }
      if (random.below(8) === 0) {
        const at = random.below(64);
        state.window[offset + 512 + at] = at === 0 || at === 8 ? random.below(8) | 0x10 : random.below(256);
      }
      return { offset: random.below(16) ? offset : offset + random.below(64), keepsRax: true, keepsOffset: true };
    },
  ],
];

/** Memory for a gather: indices that mostly lead into the window, and masks that are often all ones. */
export function gatheredFrom(state: HardwareState, random: Random, form: Form): MemoryEncoding {
  const fields = form.operands.find(({ kind }) => kind === "vectorIndex");
  if (fields?.kind !== "vectorIndex") throw new Error("no indices");
  const [base, index, scale] = [random.pick([RBX, RBP, RSI, RDI, 8, 12, 13, 15]), random.below(16), random.below(4)];
  const isWide = /W[01] (91|93)/.test(form.text);
  const allOnes = random.below(2) === 1;
  const misses = random.below(3) === 0;
  for (let register = 0; register < 16; register++)
    for (const half of [state.fxsave.subarray(XMM + register * 16), state.ymmHigh.subarray(register * 16)]) {
      const view = new DataView(half.buffer, half.byteOffset);
      if (register !== index) for (let at = 3; at < 16; at += 4) half[at] |= allOnes ? 0x80 : 0;
      else
        for (let at = 0; at < 16; at += isWide ? 8 : 4) {
          const value = misses && random.below(6) === 0 ? random.below(WINDOW_SIZE) : random.below(64) - 32;
          if (isWide) view.setBigInt64(at, BigInt(value), true);
          else view.setInt32(at, value, true);
        }
    }
  const displacement = random.below(2) ? random.below(256) - 128 : random.below(0x1_0000);
  state.gpr[base] = BigInt(state.place.address + 300 + random.below(400) - displacement);
  return { base, index, scale, displacement };
}

export function prepare(state: HardwareState, random: Random, form: Form): Preparation {
  const row = preparations.find(([mnemonic]) => mnemonic.test(form.specification.mnemonic));
  return row?.[1](state, random, form) ?? {};
}
