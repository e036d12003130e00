/** Segment registers, descriptors, and what of the system's tables user mode can see. */
import { isCanonical } from "../address.ts";
import { layout } from "../context-layout.ts";
import { SegmentRegister } from "../context.ts";
import type { Builder } from "../ir/builder.ts";
import { descriptorOf, isNull, type Descriptor } from "../segmentation.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOperand, Operand } from "./operand.ts";

const RSP = 4;
const USER = 3;
const ZF = 0x40;
const { CS, SS, FS, GS } = SegmentRegister;

/** Loads a segment register other than CS. SDM volume 2, MOV; volume 3, 5.7. */
function loadSegment(machine: Machine, register: SegmentRegister, selector: number): void {
  const { context, segmentation } = machine;
  const descriptor = descriptorOf(segmentation, selector);
  if (isNull(selector)) {
    // Level 3 has no null stack segment.
    if (register === SS) machine.raise("GP");
  } else if (!descriptor?.isPresent) machine.raise("GP");
  else if (register === SS) {
    if ((selector & 3) !== USER || descriptor.privilege !== USER || !descriptor.isWritable) machine.raise("GP");
  } else if (!descriptor.isReadable || (!descriptor.isConforming && descriptor.privilege !== USER)) machine.raise("GP");
  context.setSelector(register, selector);
  const base = isNull(selector) || !descriptor ? 0 : descriptor.base;
  if (register === FS) context.fsBase = base;
  else if (register === GS) context.gsBase = base;
}

export const MOV_FROM_SEGMENT = instruction("MOV", {
  forms: ["8C /r r/m16,sreg"],
  execute: (machine, dst, src) => machine.write(dst, BigInt(machine.context.selector(segmentOf(src)))),
});
export const MOV_TO_SEGMENT = instruction("MOV", {
  forms: ["8E /r sreg,rm16"],
  execute(machine, dst, src) {
    const register = segmentOf(dst);
    if (register === CS) machine.raise("UD");
    loadSegment(machine, register, Number(machine.read(src)));
    if (register === SS) machine.delayTraps();
  },
});
function segmentOf(operand: Operand): SegmentRegister {
  if (operand.kind !== "register") throw new Error("a segment register is a register");
  return operand.register as SegmentRegister;
}

function pushSelector(b: Builder, register: SegmentRegister): void {
  const { operandSize } = b.site;
  const bytes = operandSize === 16 ? 2 : 8;
  const selector = b.state({ offset: layout.selectors + register * 2, bytes: 2 });
  const top = b.sub(b.gpr(RSP, 64), bytes);
  b.store(top, bytes, bytes === 2 ? selector : b.extendU(selector));
  b.writeGpr(RSP, 64, top);
}
const pushSegment = (opcode: string, register: SegmentRegister): InstructionSpecification =>
  instruction("PUSH", { stack: "write", forms: [`d64 0F ${opcode}`], lift: (b) => pushSelector(b, register) });
const popSegment = (opcode: string, register: SegmentRegister): InstructionSpecification =>
  instruction("POP", {
    stack: "read",
    forms: [`d64 0F ${opcode}`],
    execute(machine) {
      const { context, space } = machine;
      const bytes = machine.instruction.operandSize === 16 ? 2 : 8;
      const top = context.getNumber(RSP);
      const value = bytes === 2 ? space.readUint16(top) : Number(space.readUint64(top) & 0xffffn);
      loadSegment(machine, register, value);
      context.set(RSP, BigInt.asUintN(64, context.get(RSP) + BigInt(bytes)));
    },
  });
export const PUSH_POP_SEGMENT = [
  pushSegment("A0", FS),
  pushSegment("A8", GS),
  popSegment("A1", FS),
  popSegment("A9", GS),
];

/** Offset and selector of a far pointer: m16:16, m16:32 or, on Intel's processors, m16:64 by operand size. */
export function readFarPointer(
  machine: Machine,
  pointer: Operand,
): { readonly offset: bigint; readonly selector: number } {
  const bytes = machine.instruction.operandSize / 8;
  const data = machine.space.read(machine.address(pointer as MemoryOperand), bytes + 2);
  const view = new DataView(data.buffer, data.byteOffset);
  const offset = bytes === 8 ? view.getBigUint64(0, true) : BigInt(bytes === 4 ? view.getUint32(0, true) : view.getUint16(0, true)); // prettier-ignore
  return { offset, selector: view.getUint16(bytes, true) };
}
const loadFarPointer = (mnemonic: string, opcode: string, register: SegmentRegister): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [`0F ${opcode} /r r,mem`],
    execute(machine, dst, src) {
      const { offset, selector } = readFarPointer(machine, src);
      loadSegment(machine, register, selector);
      machine.write(dst, offset);
    },
  });
export const LOAD_FAR_POINTER = [
  loadFarPointer("LSS", "B2", SS),
  loadFarPointer("LFS", "B4", FS),
  loadFarPointer("LGS", "B5", GS),
];

// What descriptors say: ZF tells whether the selector's is visible to level 3.

function inspect(
  mnemonic: string,
  forms: readonly string[],
  look: (descriptor: Descriptor, machine: Machine, dst: Operand) => boolean,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms,
    execute(machine, ...operands) {
      const selector = Number(machine.read(operands[operands.length - 1]) & 0xffffn);
      const descriptor = isNull(selector) ? undefined : descriptorOf(machine.segmentation, selector);
      const isVisible = descriptor !== undefined && (descriptor.isConforming || descriptor.privilege === USER);
      const found = isVisible && look(descriptor, machine, operands[0]);
      const { context } = machine;
      context.rflags = found ? context.rflags | ZF : context.rflags & ~ZF;
    },
  });
}
export const LAR = inspect("LAR", ["0F 02 /r r,r/m16"], (descriptor, machine, dst) => {
  if (!descriptor.isKnownTo("LAR")) return false;
  machine.write(dst, BigInt(descriptor.accessRights));
  return true;
});
export const LSL = inspect("LSL", ["0F 03 /r r,r/m16"], (descriptor, machine, dst) => {
  if (!descriptor.isKnownTo("LSL")) return false;
  machine.write(dst, BigInt(descriptor.limit));
  return true;
});
export const VERR = inspect("VERR", ["0F 00 /4 rm16"], (descriptor) => descriptor.isReadable);
export const VERW = inspect("VERW", ["0F 00 /5 rm16"], (descriptor) => descriptor.isWritable);

// The system's registers, which UMIP would hide: it is not offered.

const store = (mnemonic: string, form: string, value: (machine: Machine) => bigint): InstructionSpecification =>
  instruction(mnemonic, { forms: [form], execute: (machine, dst) => machine.write(dst, value(machine)) });
export const SYSTEM_REGISTERS = [
  store("SLDT", "0F 00 /0 r/m16", () => 0n),
  store("STR", "0F 00 /1 r/m16", ({ segmentation }) => BigInt(segmentation.taskRegister)),
  store("SMSW", "0F 01 /4 r/m16", ({ segmentation }) => segmentation.cr0),
];
function storeTable(machine: Machine, dst: Operand, limit: number, base: bigint): void {
  const image = new DataView(new ArrayBuffer(10));
  image.setUint16(0, limit, true);
  image.setBigUint64(2, base, true);
  machine.space.write(machine.address(dst as MemoryOperand), new Uint8Array(image.buffer));
}
export const SGDT = instruction("SGDT", {
  forms: ["0F 01 /0 mem"],
  execute(machine, dst) {
    const { gdt, gdtBase } = machine.segmentation;
    storeTable(machine, dst, gdt.length * 8 - 1, gdtBase);
  },
});
export const SIDT = instruction("SIDT", {
  forms: ["0F 01 /1 mem"],
  execute(machine, dst) {
    const { idtBase, idtLimit } = machine.segmentation;
    storeTable(machine, dst, idtLimit, idtBase);
  },
});

// FSGSBASE

const forms = (extension: number): string[] => [
  `F3 W0 0F AE /${extension} rmr32`,
  `F3 REX.W 0F AE /${extension} rmr64`,
];
const baseAt = (register: "fs" | "gs"): number => (register === "fs" ? layout.fsBase : layout.gsBase);
const readBase = (mnemonic: string, extension: number, register: "fs" | "gs"): InstructionSpecification =>
  instruction(mnemonic, {
    forms: forms(extension),
    feature: "FSGSBASE",
    execute: (machine, dst) => machine.write(dst, machine.context.view.getBigUint64(baseAt(register), true)),
  });
const writeBase = (mnemonic: string, extension: number, register: "fs" | "gs"): InstructionSpecification =>
  instruction(mnemonic, {
    forms: forms(extension),
    feature: "FSGSBASE",
    execute(machine, src) {
      const base = machine.read(src);
      if (!isCanonical(base)) machine.raise("GP");
      machine.context.view.setBigUint64(baseAt(register), base, true);
    },
  });
export const FSGSBASE = [
  readBase("RDFSBASE", 0, "fs"),
  readBase("RDGSBASE", 1, "gs"),
  writeBase("WRFSBASE", 2, "fs"),
  writeBase("WRGSBASE", 3, "gs"),
];
