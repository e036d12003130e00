import type { Builder } from "../ir/builder.ts";
import { parseForm, type EncodingForm } from "./form.ts";
import type { Feature } from "./feature.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

export type ArithmeticFlag = "CF" | "PF" | "AF" | "ZF" | "SF" | "OF";

interface Common {
  /** Encodings in the notation of form.ts. */
  readonly forms: readonly string[];
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

/** Meaning as expressions and effects. */
interface Lifted extends Common {
  lift(b: Builder, ...operands: Operand[]): void;
}

/** Meaning in TypeScript on the state in memory, for what is rare or long. */
interface Executed extends Common {
  execute(machine: Machine, ...operands: Operand[]): void;
  /** It may change RIP or what the engine looks at between instructions, so no other instruction follows it in a block. */
  readonly endsBlock?: boolean;
}

export type InstructionDefinition = Lifted | Executed;

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

/** One instruction a condition code; `00` in a form stands for the byte `first` plus the code. */
export function conditional(
  prefix: string,
  first: number,
  definition: (code: number) => Omit<Lifted, "forms">,
  forms: readonly string[],
): InstructionSpecification[] {
  return conditionNames.map((suffix, code) =>
    instruction(prefix + suffix, {
      ...definition(code),
      forms: forms.map((form) => form.replace("00", (first + code).toString(16).toUpperCase().padStart(2, "0"))),
    }),
  );
}
