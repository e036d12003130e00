import type { CpuLevel } from "../cpu.ts";
import { features } from "../isa/feature.ts";
import type { OpcodeMap } from "../isa/form.ts";
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

/** The forms that processors of one level have, by encoding. */
export class FormTable {
  readonly #forms = new Map<string, Form[][]>();

  constructor(specifications: readonly InstructionSpecification[], level: CpuLevel) {
    for (const { definition, forms } of specifications) {
      if (definition.feature && features[definition.feature].level > level) continue;
      for (const form of forms) {
        if (form.vex && level < 3) continue;
        const key = FormTable.#key(form.vex !== undefined, form.map);
        let opcodes = this.#forms.get(key);
        if (!opcodes) this.#forms.set(key, (opcodes = Array.from({ length: 256 }, () => [])));
        for (let register = 0; register < (form.registerInOpcode ? 8 : 1); register++)
          opcodes[form.opcode + register].push(form);
      }
    }
    for (const opcodes of this.#forms.values())
      for (const forms of opcodes) forms.sort((a, b) => specificity(b) - specificity(a));
  }
  static #key(vex: boolean, map: OpcodeMap): string {
    return vex ? `VEX ${map}` : map;
  }
  /** Candidates, most specific first. */
  lookup(vex: boolean, map: OpcodeMap, opcode: number): readonly Form[] {
    return this.#forms.get(FormTable.#key(vex, map))?.[opcode] ?? [];
  }
}
