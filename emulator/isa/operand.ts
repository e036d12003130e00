/**
 * Operands of a decoded instruction.
 *
 * A *deferred* operand belongs to a handler of the interpreter: its shape is known, its register numbers (`register` is then
 * DEFERRED_REGISTER plus the number of a slot of the decoded record) and constants are read from the record when the handler runs.
 * Lifts do not notice, unless they look at numbers themselves.
 */
export type RegisterFile = "gpr" | "xmm" | "mmx" | "st" | "segment" | "control" | "debug";

export interface RegisterOperand {
  readonly kind: "register";
  readonly file: RegisterFile;
  /** Number in the file (0–15); for AH, CH, DH, BH that of RAX, RCX, RDX, RBX. */
  readonly register: number;
  /** Bits of it that the instruction uses: 8, 16, 32, 64, 80, 128 or 256. */
  readonly width: number;
  /** AH, CH, DH or BH. */
  readonly high: boolean;
}

export interface MemoryOperand {
  readonly kind: "memory";
  /** Bits accessed; 0 where no access is made (LEA) or the instruction says how many (FXSAVE). */
  readonly width: number;
  /** -1: none. RIP-relative operands have none: `displacement` is the address. */
  readonly base: number;
  readonly index: number;
  /** log2 of the factor of `index`. */
  readonly scale: 0 | 1 | 2 | 3;
  readonly displacement: number;
  /** FS and GS alone have a base in 64-bit mode. */
  readonly segment: "fs" | "gs" | undefined;
  readonly addressWidth: 32 | 64;
  readonly deferred: boolean;
}

export interface ImmediateOperand {
  readonly kind: "immediate";
  /** Bits of the value as the instruction uses it, sign extension done. */
  readonly width: number;
  /** Signed; for branches the target's address. */
  readonly value: bigint;
  readonly deferred: boolean;
}

export type Operand = RegisterOperand | MemoryOperand | ImmediateOperand;

/** `register` of deferred operands starts here. */
export const DEFERRED_REGISTER = 64;
