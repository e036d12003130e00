/** What of an instruction goes into the handler, and what into the record. */
import { layout } from "../context-layout.ts";
import { isRepeated, type Instruction } from "../isa/instruction.ts";
import { DEFERRED_REGISTER, type MemoryOperand, type Operand } from "../isa/operand.ts";
import { BASE_SLOT, INDEX_SLOT, record } from "./record.ts";

/** An immediate that the form fixes, or that the lift looks at. */
function isConstant(instruction: Instruction, index: number): boolean {
  const { form } = instruction;
  return form.operands[index]?.kind === "one" || form.specification.definition.constantImmediate === true;
}

/** Memory at a register that the form fixes. String instructions have two such operands; a record has room for one other. */
function isImplicit({ form }: Instruction, index: number): boolean {
  return form.operands[index]?.kind === "implicitMemory";
}

/** Bits of a shape that an operand takes; what tells operands apart that cannot share a handler. */
const OPERAND = 0x100;
const ShapeBit = { Memory: 0x80, Segment: 4, Index: 2, Base: 1 } as const;

/** Instructions of one form with equal shapes share a handler. */
export function handlerShape(instruction: Instruction): number {
  const { operands, operandSize, addressSize, vectorLength } = instruction;
  let shape =
    (operandSize >> 5) |
    (addressSize === 32 ? 4 : 0) |
    (vectorLength === 256 ? 8 : 0) |
    (isRepeated(instruction) ? 16 : 0);
  for (let i = 0; i < operands.length; i++) shape = shape * OPERAND + operandShape(instruction, operands[i], i);
  return shape;
}

function operandShape(instruction: Instruction, operand: Operand, index: number): number {
  switch (operand.kind) {
    case "register":
      // Registers of the other files are concrete in the handler.
      return operand.file === "gpr" || operand.file === "xmm" ? 0 : operand.register;
    case "immediate":
      if (instruction.form.operands[index]?.kind !== "immediate" || !isConstant(instruction, index)) return 0;
      if (instruction.form.immediates[0] !== "ib") throw new Error("a constant immediate is a byte");
      return Number(operand.value & 0xffn);
    case "memory":
      if (isImplicit(instruction, index))
        return ShapeBit.Memory | (operand.segment ? (operand.segment === "fs" ? 1 : 2) : 0);
      return (
        ShapeBit.Memory |
        (operand.base < 0 ? 0 : ShapeBit.Base) |
        (operand.index < 0 ? 0 : ShapeBit.Index) |
        (operand.segment ? ShapeBit.Segment : 0)
      );
  }
}

/** The operands as the handler's lift sees them. */
export function deferOperands(instruction: Instruction): Operand[] {
  return instruction.operands.map((operand, index): Operand => {
    switch (operand.kind) {
      case "register":
        if (instruction.form.operands[index]?.kind === "fixed") return operand;
        if (operand.file !== "gpr" && operand.file !== "xmm") return operand;
        return { ...operand, register: DEFERRED_REGISTER + index, high: false };
      case "immediate":
        return isConstant(instruction, index) ? operand : { ...operand, deferred: true };
      case "memory":
        if (isImplicit(instruction, index)) return operand;
        return {
          ...operand,
          base: operand.base < 0 ? -1 : DEFERRED_REGISTER + BASE_SLOT,
          index: operand.index < 0 ? -1 : DEFERRED_REGISTER + INDEX_SLOT,
          deferred: true,
        };
    }
  });
}

const TWO_32 = 0x1_0000_0000;

/** An integer of magnitude up to 2^53. */
export function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, value, true);
  view.setInt32(at + 4, Math.floor(value / TWO_32), true);
}

function writeMemoryOperand(view: DataView, at: number, operand: MemoryOperand): void {
  const { base, index, segment } = operand;
  view.setUint16(at + record.base, base < 0 ? layout.zero : layout.gpr + base * 8, true);
  view.setUint16(at + record.index, index < 0 ? layout.zero : layout.gpr + index * 8, true);
  const segmentBase = segment === undefined ? layout.zero : segment === "fs" ? layout.fsBase : layout.gsBase;
  view.setUint16(at + record.segment, segmentBase, true);
  view.setUint32(at + record.scale, operand.scale, true);
  setInt64(view, at + record.displacement, operand.displacement);
}

/** Fills the record at `at`, the handler aside. */
export function writeRecord(view: DataView, at: number, instruction: Instruction): void {
  const { operands } = instruction;
  for (let index = 0; index < operands.length; index++) {
    const operand = operands[index];
    switch (operand.kind) {
      case "register":
        if (operand.file === "gpr" || operand.file === "xmm") {
          const offset =
            operand.file === "gpr"
              ? layout.gpr + operand.register * 8 + (operand.high ? 1 : 0)
              : layout.xmm + operand.register * 16;
          view.setUint16(at + record.slots + index * 2, offset, true);
        }
        break;
      case "immediate":
        view.setBigInt64(at + record.immediate, BigInt.asIntN(64, operand.value), true);
        break;
      case "memory":
        writeMemoryOperand(view, at, operand);
    }
  }
  view.setUint16(at + record.length, instruction.length, true);
  setInt64(view, at + record.next, instruction.address + instruction.length);
}
