/** Which accesses are by SS: that tells what an address that is not canonical raises. SDM volume 1, 3.7.4; volume 3, 6.15, interrupt 12. */
import type { AccessKind } from "../cpu.ts";
import type { Instruction } from "./instruction.ts";

const RSP = 4;
const RBP = 5;

/**
 * Whether `access` of `instruction` refers to the stack segment: by what it is, or as an operand whose base is RSP or RBP, which FS and GS move elsewhere.
 * Of no instruction are two accesses of one kind by different segments.
 */
export function isStackReference({ form, operands }: Instruction, access: AccessKind): boolean {
  const { stack } = form.specification.definition;
  if (stack === access || stack === "both") return true;
  return operands.some(
    (operand) =>
      operand.kind === "memory" && operand.segment === undefined && (operand.base === RSP || operand.base === RBP),
  );
}
