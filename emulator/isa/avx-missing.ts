/** AVX and AVX2 instructions that this CPU does not execute yet; while there are any, CPUID offers neither. */
import type { Feature } from "./feature.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";

const missing = (feature: Feature, mnemonic: string, ...forms: string[]): InstructionSpecification =>
  instruction(mnemonic, { forms, feature, unimplemented: true });

export const avxMissing = [
  missing("AVX", "VBROADCASTSS", "VEX.128.66.0F38.W0 18 /r xmm,m32", "VEX.256.66.0F38.W0 18 /r ymm,m32"),
  missing("AVX2", "VPERMQ", "VEX.256.66.0F3A.W1 00 /r ib ymm,ymm/m256,imm8"),
];
