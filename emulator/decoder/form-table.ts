import type { CpuLevel } from "../cpu.ts";
import { features } from "../isa/feature.ts";
import type { Form, InstructionSpecification } from "../isa/instruction.ts";

/** How much a form asks for: of several that match, the one that asks for most is meant. */
function specificity(form: Form): number {
  return (
    (form.mandatory === "F2" || form.mandatory === "F3" ? 64 : form.mandatory ? 32 : 0) +
    (form.fixedModrm === undefined ? 0 : form.stackRegister ? 8 : 16) +
    (form.extension === undefined ? 0 : 4) +
    (form.withoutRexB ? 16 : 0) +
    (form.rexW || typeof form.operandSize === "number" ? 2 : 0) +
    (form.accepts === "both" ? 0 : 1)
  );
}

/** The opcode maps as a VEX prefix numbers them. */
export const OpcodeMapNumber = { oneByte: 0, "0F": 1, "0F38": 2, "0F3A": 3 } as const;
const mapNumber = ({ map }: Form): number => OpcodeMapNumber[map || "oneByte"];
const MAPS = 4;

/** The forms that processors of one level have, by encoding. */
export class FormTable {
  /** By map (those with VEX after those without) and opcode. */
  readonly #forms: Form[][] = [];
  /** The same, those that were asked for: most specific first. */
  readonly #sorted: (readonly Form[])[] = [];

  constructor(specifications: readonly InstructionSpecification[], level: CpuLevel) {
    for (const { definition, forms } of specifications) {
      if (definition.feature && features[definition.feature].level > level) continue;
      for (const form of forms) {
        if (form.vex && level < 3) continue;
        const first = indexOf(form.vex !== undefined, mapNumber(form), form.opcode);
        for (let index = first; index < first + (form.registerInOpcode ? 8 : 1); index++)
          (this.#forms[index] ??= []).push(form);
      }
    }
  }
  /** Candidates, most specific first. */
  lookup(vex: boolean, map: number, opcode: number): readonly Form[] {
    const index = indexOf(vex, map, opcode);
    return (this.#sorted[index] ??= (this.#forms[index] ?? []).sort((a, b) => specificity(b) - specificity(a)));
  }
}

const indexOf = (vex: boolean, map: number, opcode: number): number => ((vex ? MAPS : 0) + map) * 256 + opcode;
