import type { Builder } from "../ir/builder.ts";
import { parseForm, type EncodingForm } from "./form.ts";
import type { Feature } from "./feature.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

export type ArithmeticFlag = "CF" | "PF" | "AF" | "ZF" | "SF" | "OF";

/**
 * Meaning is `lift`, expressions and effects that both tiers compile, or `execute`, TypeScript on the state in memory, for what is
 * rare or long. With both, `execute` does the repeated form of a string instruction, and the cases in which the lift says `fallback`.
 */
export interface InstructionDefinition {
  /** Encodings in the notation of form.ts. */
  readonly forms: readonly string[];
  readonly lift?: (b: Builder, ...operands: Operand[]) => void;
  /** The repeated form of a string instruction, with addresses of 64 bits; else `execute` does it. */
  readonly liftRepeated?: (b: Builder, ...operands: Operand[]) => void;
  readonly execute?: (machine: Machine, ...operands: Operand[]) => void;
  /** Hardware executes it; this CPU does not yet. */
  readonly unimplemented?: true;
  /** `execute` may change RIP or what the engine looks at between instructions, so no other instruction follows it in a block. */
  readonly endsBlock?: boolean;
  /** Accesses that it makes by the stack or frame pointer, without an operand. */
  readonly stack?: "read" | "write" | "both";
  /** Absent: every x86-64 processor has it. */
  readonly feature?: Feature;
  /** LOCK is permitted with a memory destination. */
  readonly lock?: boolean;
  /** F3 and F2 repeat it: `rep` whatever they are, `repz` while ZF is as the prefix says. */
  readonly repeat?: "rep" | "repz";
  /** Flags that the SDM leaves undefined, and when. What this implementation leaves in them is what the lift says. */
  readonly undefinedFlags?: Partial<Record<ArithmeticFlag, string>>;
  /** `lift` needs the number of its immediate operand; the interpreter makes a handler for each. */
  readonly constantImmediate?: boolean;
}

/** An instruction's one home: encodings and meaning. */
export interface InstructionSpecification {
  readonly mnemonic: string;
  readonly definition: InstructionDefinition;
  readonly forms: readonly Form[];
}

export interface Form extends EncodingForm {
  readonly specification: InstructionSpecification;
}

/** A decoded instruction. */
export interface Instruction {
  readonly form: Form;
  readonly address: number;
  readonly length: number;
  readonly operands: readonly Operand[];
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 32 | 64;
  readonly lock: boolean;
  /** F3, F2 as the last such prefix, where the form gives it no other meaning. */
  readonly repeat: "F3" | "F2" | undefined;
  /** VEX.L. */
  readonly vectorLength: 128 | 256;
}

export function instruction(mnemonic: string, definition: InstructionDefinition): InstructionSpecification {
  const forms: Form[] = [];
  const specification: InstructionSpecification = { mnemonic, definition, forms };
  for (const text of definition.forms) forms.push({ ...parseForm(text), specification });
  return specification;
}

/** The suffixes of Jcc, SETcc and CMOVcc by condition code. */
export const conditionNames = ["O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G"] as const; // prettier-ignore

/** One instruction a condition code; `forms` gets its hexadecimal digit. */
export function conditional(
  prefix: string,
  forms: (digit: string) => readonly string[],
  lift: (code: number) => NonNullable<InstructionDefinition["lift"]>,
): InstructionSpecification[] {
  return conditionNames.map((suffix, code) =>
    instruction(prefix + suffix, { forms: forms(code.toString(16).toUpperCase()), lift: lift(code) }),
  );
}

/** Whether `execute` gives this instruction's meaning, rather than `lift`. */
export const isExecuted = (instruction: Instruction): boolean => liftOf(instruction) === undefined;

/** The lift that gives this instruction's meaning. */
export function liftOf(instruction: Instruction): InstructionDefinition["lift"] {
  const { lift, liftRepeated } = instruction.form.specification.definition;
  if (!isRepeated(instruction)) return lift;
  return instruction.addressSize === 64 ? liftRepeated : undefined;
}
export function isRepeated({ form, repeat }: Instruction): boolean {
  return form.specification.definition.repeat !== undefined && repeat !== undefined;
}
