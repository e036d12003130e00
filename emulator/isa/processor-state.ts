/** FXSAVE and FXRSTOR of all of x87 and SSE; the XSAVE family. SDM volume 1, 10.5 and chapter 13. */
import { isCanonicalNumber } from "../address.ts";
import type { Context } from "../context.ts";
import { GuestFault } from "../cpu.ts";
import {
  componentsInUse,
  FXSAVE_SIZE,
  initializeComponents,
  INITIAL_MXCSR,
  loadX87,
  loadXmm,
  loadYmmHigh,
  MXCSR_MASK,
  savedMxcsr,
  saveMxcsr,
  saveX87,
  saveXmm,
  saveYmmHigh,
  StateComponent,
  XSAVE_HEADER_SIZE,
  XSAVE_SIZE,
  xsaveArea,
} from "../xsave-area.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

const { x87, sse, avx } = StateComponent;

function areaOf(machine: Machine, operand: Operand, alignment: 16 | 64, access: "read" | "write"): number {
  if (operand.kind !== "memory") throw new Error("a processor state is saved in memory");
  const address = machine.address(operand);
  // Before alignment, unlike with vectors.
  if (!isCanonicalNumber(address)) throw new GuestFault(address, access);
  if (!machine.isAligned(operand, alignment)) machine.raise("GP");
  return address;
}
const hasWidePointers = (machine: Machine): boolean => machine.instruction.operandSize === 64;

export const FXSAVE = instruction("FXSAVE", {
  forms: ["NP 0F AE /0 mem"],
  execute(machine, dst) {
    const { context, space } = machine;
    const address = areaOf(machine, dst, 16, "write");
    space.probe(address, FXSAVE_SIZE, "write");
    // The processor leaves the reserved bytes at the end alone.
    const area = new Uint8Array(416);
    saveX87(context, area, hasWidePointers(machine));
    saveMxcsr(context, area);
    saveXmm(context, area);
    space.write(address, area);
  },
});

export const FXRSTOR = instruction("FXRSTOR", {
  forms: ["NP 0F AE /1 mem"],
  execute(machine, src) {
    const { context, space } = machine;
    const area = space.read(areaOf(machine, src, 16, "read"), FXSAVE_SIZE);
    if (savedMxcsr(area) & ~MXCSR_MASK) machine.raise("GP");
    loadX87(context, area, hasWidePointers(machine));
    context.mxcsr = savedMxcsr(area);
    loadXmm(context, area);
  },
});

// The XSAVE family. All components of XCR0 are enabled

/** RFBM: the components that EDX:EAX asks for. */
const requested = ({ context }: Machine): number => context.getLow32(0) & StateComponent.all;

const COMPACTED = 1n << 63n;

interface Saving {
  /** The compacted form, whose header says so. */
  readonly compacted: boolean;
  /** Components in their initial state are not written. */
  readonly onlyUsed: boolean;
}

/** The area as the instruction leaves it, from what was there. */
function saved(machine: Machine, area: Uint8Array, { compacted, onlyUsed }: Saving): void {
  const { context } = machine;
  const wanted = requested(machine);
  let used = componentsInUse(context);
  // The compacted form has MXCSR with the XMM registers only.
  if (compacted && context.mxcsr !== INITIAL_MXCSR) used |= sse;
  const written = onlyUsed ? wanted & used : wanted;
  if (written & x87) saveX87(context, area, hasWidePointers(machine));
  if (compacted ? written & sse : wanted & (sse | avx)) saveMxcsr(context, area);
  if (written & sse) saveXmm(context, area);
  if (written & avx) saveYmmHigh(context, area);
  const header = new DataView(area.buffer, area.byteOffset);
  const others = compacted ? 0n : header.getBigUint64(xsaveArea.xstateBv, true) & ~BigInt(wanted);
  header.setBigUint64(xsaveArea.xstateBv, others | BigInt(wanted & used), true);
  if (compacted) header.setBigUint64(xsaveArea.xcompBv, COMPACTED | BigInt(wanted), true);
}
const saving =
  (how: Saving): NonNullable<InstructionSpecification["definition"]["execute"]> =>
  (machine, dst) => {
    const { space } = machine;
    const address = areaOf(machine, dst, 64, "write");
    const size = requested(machine) & avx ? XSAVE_SIZE : FXSAVE_SIZE + XSAVE_HEADER_SIZE;
    space.probe(address, size, "write");
    const area = space.read(address, size);
    saved(machine, area, how);
    space.write(address, area);
  };

export const XSAVE = instruction("XSAVE", {
  forms: ["NP 0F AE /4 mem"],
  feature: "XSAVE",
  execute: saving({ compacted: false, onlyUsed: false }),
});
export const XSAVEOPT = instruction("XSAVEOPT", {
  forms: ["NP 0F AE /6 mem"],
  feature: "XSAVEOPT",
  execute: saving({ compacted: false, onlyUsed: true }),
});
export const XSAVEC = instruction("XSAVEC", {
  forms: ["NP 0F C7 /4 mem"],
  feature: "XSAVEC",
  execute: saving({ compacted: true, onlyUsed: true }),
});

/** Components that the area holds; raises #GP for a header that is none, and for an MXCSR that would be loaded and has reserved bits. */
function heldComponents(machine: Machine, area: Uint8Array): { readonly held: number; readonly hasMxcsr: boolean } {
  const header = new DataView(area.buffer, area.byteOffset + xsaveArea.header, XSAVE_HEADER_SIZE);
  const xstateBv = header.getBigUint64(0, true);
  const xcompBv = header.getBigUint64(8, true);
  const compacted = (xcompBv & COMPACTED) !== 0n;
  const components = compacted ? xcompBv & ~COMPACTED : BigInt(StateComponent.all);
  const isZero = (start: number, end: number): boolean => {
    for (let i = start; i < end; i++) if (header.getUint8(i)) return false;
    return true;
  };
  const reserved = compacted ? isZero(16, 64) : isZero(8, 24);
  if (!reserved || components & ~BigInt(StateComponent.all) || xstateBv & ~components) machine.raise("GP");
  const held = Number(xstateBv);
  const hasMxcsr = (compacted ? requested(machine) & held & sse : requested(machine) & (sse | avx)) !== 0;
  if (hasMxcsr && savedMxcsr(area) & ~MXCSR_MASK) machine.raise("GP");
  return { held, hasMxcsr };
}
function restore(context: Context, area: Uint8Array, components: number, wide: boolean): void {
  if (components & x87) loadX87(context, area, wide);
  if (components & sse) loadXmm(context, area);
  if (components & avx) loadYmmHigh(context, area);
}
export const XRSTOR = instruction("XRSTOR", {
  forms: ["NP 0F AE /5 mem"],
  feature: "XSAVE",
  execute(machine, src) {
    const { context, space } = machine;
    const address = areaOf(machine, src, 64, "read");
    const area = new Uint8Array(XSAVE_SIZE);
    area.set(space.read(address, xsaveArea.ymmHigh));
    const wanted = requested(machine);
    const { held, hasMxcsr } = heldComponents(machine, area);
    if (wanted & held & avx)
      area.set(space.read(address + xsaveArea.ymmHigh, XSAVE_SIZE - xsaveArea.ymmHigh), xsaveArea.ymmHigh);
    restore(context, area, wanted & held, hasWidePointers(machine));
    initializeComponents(context, wanted & ~held);
    if (hasMxcsr) context.mxcsr = savedMxcsr(area);
    else if (wanted & sse) context.mxcsr = INITIAL_MXCSR;
  },
});

export const XGETBV = instruction("XGETBV", {
  forms: ["NP 0F 01 D0"],
  feature: "XSAVE",
  execute(machine) {
    const { context } = machine;
    // XCR0, and with XGETBV1 what of it is in use.
    const register = context.getLow32(1);
    if (register > 1) machine.raise("GP");
    context.setNumber(0, register ? componentsInUse(context) : StateComponent.all);
    context.setNumber(2, 0);
  },
});

const privileged = (mnemonic: string, form: string, feature: "XSAVE" | "XSAVES"): InstructionSpecification =>
  instruction(mnemonic, { forms: [form], feature, lift: (b) => b.raise("GP") });
export const privilegedStates = [
  privileged("XSETBV", "NP 0F 01 D1", "XSAVE"),
  privileged("XSAVES", "NP 0F C7 /5 mem", "XSAVES"),
  privileged("XRSTORS", "NP 0F C7 /3 mem", "XSAVES"),
];
