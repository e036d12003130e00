/**
 * MMX registers are the significands of the x87's. Every MMX instruction makes TOP 0 and all registers valid; a register that is written
 * gets an exponent of all ones. SDM volume 1, 9.5.
 */
import { layout } from "../context-layout.ts";
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Feature } from "./feature.ts";
import { instruction, type InstructionDefinition, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

const TOP = 0x3800;
const ERROR_SUMMARY = 0x80;

export const mmxOffset = (register: number): number => layout.x87 + register * 16;

/** i64. Up to 64 bits of memory, or a register. */
export function readMmx(b: Builder, operand: Operand): Node {
  if (operand.kind === "register" && operand.file === "mmx")
    return b.state({ offset: mmxOffset(operand.register), bytes: 8 });
  return b.read(operand, "i64");
}
/** i64. */
export function writeMmx(b: Builder, operand: Operand, value: Node): void {
  if (operand.kind === "register" && operand.file === "mmx") {
    b.writeState({ offset: mmxOffset(operand.register), bytes: 8 }, value);
    b.writeState({ offset: mmxOffset(operand.register) + 8, bytes: 2 }, b.i32(0xffff));
  } else b.write(operand, value);
}
/** What every MMX instruction but EMMS does. Comes after loads and before the store. */
export function enterMmx(b: Builder): void {
  const status = b.state({ offset: layout.fsw, bytes: 2 });
  b.fallback(b.and(status, ERROR_SUMMARY));
  b.writeState({ offset: layout.fsw, bytes: 2 }, b.and(status, ~TOP));
  b.writeState({ offset: layout.ftw, bytes: 2 }, b.i32(0));
}
/** The lifts fall back for one reason: an x87 exception is pending. */
export const raisePending = (machine: Machine): void => machine.raise("MF");

/** The same for instructions that are executed. */
export function enterMmxState({ context: { view } }: Machine): void {
  view.setUint16(layout.fsw, view.getUint16(layout.fsw, true) & ~TOP, true);
  view.setUint16(layout.ftw, 0, true);
}

/**
 * How an operation on 16 bytes serves for 8: both operands are doubled and the `low` or `high` half of the result counts; or one vector is made
 * of both operands (`both`), for what narrows or adds neighbours.
 */
export type MmxUse = "low" | "high" | "both";

export const low64 = (b: Builder, x: Node): Node => b.lane("i64x2.extract_lane", 0, x);

/** The MMX form of a vector instruction: dst = operation(dst, src). */
export function mmxBinary(
  mnemonic: string,
  encoding: string,
  operation: (b: Builder, x: Node, y: Node) => Node,
  use: MmxUse,
  feature?: Feature,
  memoryBits: 32 | 64 = 64,
): InstructionSpecification {
  return mmx(mnemonic, [`${encoding} /r mm,mm/m${memoryBits}`], feature ? { feature } : {}, (b, dst, src) => {
    const y = b.op("i64x2.splat", readMmx(b, src));
    const x = b.op("i64x2.splat", readMmx(b, dst));
    enterMmx(b);
    const both =
      use === "both"
        ? b.shuffle(
            x,
            y,
            Array.from({ length: 16 }, (_, i) => i + (i < 8 ? 0 : 8)),
          )
        : undefined;
    const result = operation(b, both ?? x, both ?? y);
    writeMmx(b, dst, b.lane("i64x2.extract_lane", use === "high" ? 1 : 0, result));
  });
}

/** An MMX instruction whose lift calls `enterMmx`. */
export function mmx(
  mnemonic: string,
  forms: readonly string[],
  definition: Pick<InstructionDefinition, "feature" | "constantImmediate">,
  lift: NonNullable<InstructionDefinition["lift"]>,
): InstructionSpecification {
  return instruction(mnemonic, { forms, ...definition, lift, execute: raisePending });
}
