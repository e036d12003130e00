/** Far jumps, calls and returns. SDM volume 3, 5.8. */
import { addressNumber, isCanonical } from "../address.ts";
import { layout } from "../context-layout.ts";
import { Flag, SegmentRegister } from "../context.ts";
import { descriptorOf, isNull, type Descriptor } from "../segmentation.ts";
import { instruction } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import { readFarPointer } from "./segment.ts";

const RSP = 4;
const USER = 3;
const NT = 0x4000;
const { CS, SS } = SegmentRegister;

/** The code segment that control goes to. #GP where it may not; 32-bit code this CPU does not have. */
function codeSegment(machine: Machine, selector: number, allowed: (descriptor: Descriptor) => boolean): void {
  const descriptor = isNull(selector) ? undefined : descriptorOf(machine.segmentation, selector);
  if (!descriptor?.isCode || !descriptor.isPresent || !allowed(descriptor)) machine.raise("GP");
  if (descriptor.is64Bit && descriptor.is32Bit) machine.raise("GP");
  if (!descriptor.is64Bit) machine.unsupported("into a segment of 32-bit code");
}
/** By a jump or call: RPL counts in a segment that does not conform. */
const isCallable =
  (selector: number) =>
  (descriptor: Descriptor): boolean =>
    descriptor.isConforming ? descriptor.privilege <= USER : (selector & 3) <= USER && descriptor.privilege === USER;
/** By a return, whose RPL is the level that it returns to: never a lower one than 3 from there. */
const isReturnable =
  (selector: number) =>
  (descriptor: Descriptor): boolean =>
    (selector & 3) === USER && (descriptor.isConforming ? descriptor.privilege <= USER : descriptor.privilege === USER);

function transfer(machine: Machine, selector: number, target: bigint): void {
  if (!isCanonical(target)) machine.raise("GP");
  machine.context.setSelector(CS, selector | USER);
  machine.context.view.setBigUint64(layout.rip, target, true);
}

/** The top `count` values of the stack, of operand size each. */
function peekStack(machine: Machine, count: number): bigint[] {
  const bytes = machine.instruction.operandSize / 8;
  const data = machine.space.read(machine.context.getNumber(RSP), count * bytes);
  const view = new DataView(data.buffer, data.byteOffset);
  return Array.from({ length: count }, (_, i) => {
    if (bytes === 8) return view.getBigUint64(i * 8, true);
    return BigInt(bytes === 4 ? view.getUint32(i * 4, true) : view.getUint16(i * 2, true));
  });
}
const selectorOf = (value: bigint): number => Number(value & 0xffffn);

export const JMPF = instruction("JMPF", {
  forms: ["FF /5 mem"],
  endsBlock: true,
  execute(machine, pointer) {
    const { offset, selector } = readFarPointer(machine, pointer);
    codeSegment(machine, selector, isCallable(selector));
    transfer(machine, selector, offset);
  },
});

export const CALLF = instruction("CALLF", {
  stack: "write",
  forms: ["FF /3 mem"],
  endsBlock: true,
  execute(machine, pointer) {
    const { offset, selector } = readFarPointer(machine, pointer);
    codeSegment(machine, selector, isCallable(selector));
    if (!isCanonical(offset)) machine.raise("GP");
    const { context } = machine;
    const bytes = machine.instruction.operandSize / 8;
    const top = BigInt.asUintN(64, context.get(RSP) - BigInt(2 * bytes));
    const frame = new DataView(new ArrayBuffer(16));
    frame.setBigUint64(0, BigInt(context.rip), true);
    frame.setBigUint64(bytes, BigInt(context.selector(CS)), true);
    machine.space.write(addressNumber(top), new Uint8Array(frame.buffer, 0, 2 * bytes));
    context.set(RSP, top);
    transfer(machine, selector, offset);
  },
});

export const RETF = instruction("RETF", {
  stack: "read",
  forms: ["CB", "CA iw imm16"],
  endsBlock: true,
  // CB has no operand.
  execute(machine, release) {
    const { context } = machine;
    const [target, code] = peekStack(machine, 2);
    const selector = selectorOf(code);
    codeSegment(machine, selector, isReturnable(selector));
    const released = (release as typeof release | undefined) ? machine.read(release) : 0n;
    const top = context.get(RSP) + BigInt(machine.instruction.operandSize / 4) + released;
    transfer(machine, selector, target);
    context.set(RSP, BigInt.asUintN(64, top));
  },
});

/** What level 3 may change by IRET, and with 16 bits. */
const changeable = 0xdd5 | NT | Flag.RF | Flag.AC | Flag.ID;
const changeable16 = 0xdd5 | NT;

export const IRET = instruction("IRET", {
  stack: "read",
  forms: ["CF"],
  endsBlock: true,
  execute(machine) {
    const { context } = machine;
    // A nested task: there are none in long mode.
    if (context.rflags & NT) machine.raise("GP");
    const [target, code, flags, stack, stackSegment] = peekStack(machine, 5);
    const selector = selectorOf(code);
    codeSegment(machine, selector, isReturnable(selector));
    const stackSelector = selectorOf(stackSegment);
    const descriptor = isNull(stackSelector) ? undefined : descriptorOf(machine.segmentation, stackSelector);
    if (!descriptor?.isWritable || (stackSelector & 3) !== USER || descriptor.privilege !== USER) machine.raise("GP");
    transfer(machine, selector, target);
    context.setSelector(SS, stackSelector);
    context.set(RSP, stack);
    const mask = machine.instruction.operandSize === 16 ? changeable16 : changeable;
    context.rflags = ((context.rflags & ~mask) | (Number(flags & 0xffff_ffffn) & mask)) >>> 0;
    machine.reconsider();
  },
});
