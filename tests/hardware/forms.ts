import { instructions } from "../../emulator/isa/index.ts";
import { features } from "../../emulator/isa/feature.ts";
import type { Form } from "../../emulator/isa/instruction.ts";
import { hasCases } from "./cases.ts";

/** Every form whose outcome its operands decide. */
export const testedForms: readonly Form[] = instructions.flatMap(({ forms }) => forms.filter(hasCases));

/** What the vectors of a form are kept together with: the feature that brought it. */
export const featureOf = ({ specification: { definition } }: Form): string => definition.feature ?? "base";

/** Forms that a processor has, which answers CPUID by `cpuid(leaf, subleaf)`: EAX, EBX, ECX, EDX. */
export function formsOf(cpuid: (leaf: number, subleaf: number) => readonly number[]): readonly Form[] {
  const leaves = new Map<string, readonly number[]>();
  const registers = ["eax", "ebx", "ecx", "edx"];
  const offered = (form: Form): boolean => {
    const { feature } = form.specification.definition;
    if (feature === undefined) return true;
    const { leaf, subleaf, register, bit } = features[feature];
    const key = `${leaf} ${subleaf}`;
    if (!leaves.has(key)) leaves.set(key, cpuid(leaf, subleaf));
    return ((leaves.get(key)?.[registers.indexOf(register)] ?? 0) >>> bit) % 2 === 1;
  };
  return testedForms.filter(offered);
}
