/** x87: control, status and tag words, and saving and restoring them alone and with all registers. */
import { layout } from "../context-layout.ts";
import type { Context } from "../context.ts";
import { INITIAL_CONTROL, INITIAL_TAGS, tagOf, withSummary, writtenControl } from "../x87-words.ts";
import { instruction } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOperand } from "./operand.ts";

/** Status bits that say an exception is pending: the six flags, stack fault, summary, busy. */
const EXCEPTION_BITS = 0x80ff;
export function setStatus(context: Context, status: number): void {
  const { view } = context;
  view.setUint16(layout.fsw, withSummary(view.getUint16(layout.fcw, true), status), true);
}
export function setControl(context: Context, control: number): void {
  const { view } = context;
  const value = writtenControl(control);
  view.setUint16(layout.fcw, value, true);
  view.setUint16(layout.fsw, withSummary(value, view.getUint16(layout.fsw, true)), true);
}

/** An unmasked exception that is pending is raised by the next instruction that waits. */
export function waitForPending(machine: Machine): void {
  if (machine.context.view.getUint16(layout.fsw, true) & 0x80) machine.raise("MF");
}

export const FWAIT = instruction("WAIT", { forms: ["9B"], execute: waitForPending });

export const FNINIT = instruction("FNINIT", { forms: ["DB E3"], execute: initialize });
export function initialize({ context: { view } }: Machine): void {
  view.setUint16(layout.fcw, INITIAL_CONTROL, true);
  view.setUint16(layout.fsw, 0, true);
  view.setUint16(layout.ftw, INITIAL_TAGS, true);
  view.setUint16(layout.fop, 0, true);
  view.setBigUint64(layout.fip, 0n, true);
  view.setBigUint64(layout.fdp, 0n, true);
}
export const FNCLEX = instruction("FNCLEX", {
  forms: ["DB E2"],
  execute({ context: { view } }) {
    view.setUint16(layout.fsw, view.getUint16(layout.fsw, true) & ~EXCEPTION_BITS, true);
  },
});
export const FLDCW = instruction("FLDCW", {
  forms: ["D9 /5 m16"],
  execute(machine, src) {
    waitForPending(machine);
    setControl(machine.context, Number(machine.read(src)));
  },
});
export const FNSTCW = instruction("FNSTCW", {
  forms: ["D9 /7 m16"],
  lift: (b, dst) => b.write(dst, b.state({ offset: layout.fcw, bytes: 2 })),
});
export const FNSTSW = instruction("FNSTSW", {
  forms: ["DD /7 m16", "DF E0 AX"],
  lift: (b, dst) => b.write(dst, b.state({ offset: layout.fsw, bytes: 2 })),
});

const noOperation = (machine: Machine): void => waitForPending(machine);
/** What the 8087 and 80287 did with these, nothing does since the 80387. */
export const FNENI = instruction("FNENI", { forms: ["DB E0"], execute: () => undefined });
export const FNDISI = instruction("FNDISI", { forms: ["DB E1"], execute: () => undefined });
export const FNSETPM = instruction("FNSETPM", { forms: ["DB E4"], execute: () => undefined });
export const FNOP = instruction("FNOP", { forms: ["D9 D0"], execute: noOperation });

// The environment: SDM volume 1, figures 8-9 (14 bytes) and 8-10 (28 bytes); the protected-mode formats serve 64-bit mode too

interface EnvironmentShape {
  readonly size: number;
  readonly step: 2 | 4;
}
const shapeOf = (machine: Machine): EnvironmentShape =>
  machine.instruction.operandSize === 16 ? { size: 14, step: 2 } : { size: 28, step: 4 };
const REGISTER_BYTES = 10;

/** Each register's tag as its contents are now; empty ones stay empty. */
function currentTags(context: Context): number {
  const tags = context.view.getUint16(layout.ftw, true);
  let current = 0;
  for (let physical = 0; physical < 8; physical++) {
    const isEmpty = ((tags >> (physical * 2)) & 3) === 3;
    current |= (isEmpty ? 3 : tagOf(context.x87(physical))) << (physical * 2);
  }
  return current;
}

function environmentImage({ context }: Machine, { size, step }: EnvironmentShape): Uint8Array {
  const { view } = context;
  const image = new Uint8Array(size);
  const out = new DataView(image.buffer);
  // The unused upper halves read as ones.
  if (step === 4) for (const at of [0, 4, 8, 24]) out.setUint16(at + 2, 0xffff, true);
  out.setUint16(0, view.getUint16(layout.fcw, true), true);
  out.setUint16(step, view.getUint16(layout.fsw, true), true);
  out.setUint16(2 * step, currentTags(context), true);
  if (step === 4) {
    out.setUint32(12, view.getUint32(layout.fip, true), true);
    out.setUint16(18, view.getUint16(layout.fop, true), true);
    out.setUint32(20, view.getUint32(layout.fdp, true), true);
  } else {
    out.setUint16(6, view.getUint16(layout.fip, true), true);
    out.setUint16(10, view.getUint16(layout.fdp, true), true);
  }
  return image;
}
function loadEnvironment({ context }: Machine, image: Uint8Array, { step }: EnvironmentShape): void {
  const from = new DataView(image.buffer, image.byteOffset);
  const { view } = context;
  const control = writtenControl(from.getUint16(0, true));
  view.setUint16(layout.fcw, control, true);
  view.setUint16(layout.fsw, withSummary(control, from.getUint16(step, true)), true);
  view.setUint16(layout.ftw, from.getUint16(2 * step, true), true);
  if (step === 4) {
    view.setBigUint64(layout.fip, BigInt(from.getUint32(12, true)), true);
    view.setUint16(layout.fop, from.getUint16(18, true) & 0x7ff, true);
    view.setBigUint64(layout.fdp, BigInt(from.getUint32(20, true)), true);
  } else {
    view.setBigUint64(layout.fip, BigInt(from.getUint16(6, true)), true);
    view.setBigUint64(layout.fdp, BigInt(from.getUint16(10, true)), true);
  }
}
const topOf = (context: Context): number => (context.view.getUint16(layout.fsw, true) >> 11) & 7;

export const FNSTENV = instruction("FNSTENV", {
  forms: ["D9 /6 mem"],
  execute(machine, dst) {
    const { context } = machine;
    machine.space.write(machine.address(dst as MemoryOperand), environmentImage(machine, shapeOf(machine)));
    setControl(context, context.view.getUint16(layout.fcw, true) | 0x3f);
  },
});
export const FLDENV = instruction("FLDENV", {
  forms: ["D9 /4 mem"],
  execute(machine, src) {
    waitForPending(machine);
    const shape = shapeOf(machine);
    loadEnvironment(machine, machine.space.read(machine.address(src as MemoryOperand), shape.size), shape);
  },
});
export const FNSAVE = instruction("FNSAVE", {
  forms: ["DD /6 mem"],
  execute(machine, dst) {
    const { context } = machine;
    const shape = shapeOf(machine);
    const image = new Uint8Array(shape.size + 8 * REGISTER_BYTES);
    image.set(environmentImage(machine, shape));
    const top = topOf(context);
    for (let i = 0; i < 8; i++) image.set(context.x87((top + i) & 7), shape.size + i * REGISTER_BYTES);
    machine.space.write(machine.address(dst as MemoryOperand), image);
    initialize(machine);
  },
});
export const FRSTOR = instruction("FRSTOR", {
  forms: ["DD /4 mem"],
  execute(machine, src) {
    waitForPending(machine);
    const { context } = machine;
    const shape = shapeOf(machine);
    const size = shape.size + 8 * REGISTER_BYTES;
    const image = machine.space.read(machine.address(src as MemoryOperand), size);
    loadEnvironment(machine, image, shape);
    const top = topOf(context);
    for (let i = 0; i < 8; i++) {
      const start = shape.size + i * REGISTER_BYTES;
      context.x87((top + i) & 7).set(image.subarray(start, start + REGISTER_BYTES));
    }
  },
});
