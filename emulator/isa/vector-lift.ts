/**
 * Declaring vector instructions: one operation on 16 bytes gives the legacy encoding, and the VEX encodings of 128 and 256 bits
 * where AVX has them. Legacy instructions need aligned memory operands and leave the upper half of the YMM register alone; VEX ones
 * need no alignment, have a separate destination, and clear what they do not write.
 */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Feature } from "./feature.ts";
import { instruction, type InstructionDefinition, type InstructionSpecification } from "./instruction.ts";
import { low64, mmx as mmxInstruction, mmxBinary, enterMmx, readMmx, writeMmx, type MmxUse } from "./mmx-lift.ts";
import type { Operand, RegisterOperand } from "./operand.ts";

export const zeroVector = (b: Builder): Node => b.v128(new Uint8Array(16));

/** A vector operand of a legacy instruction; in memory it must be aligned. */
export function vector(b: Builder, operand: Operand): Node {
  b.aligned16(operand);
  return b.read(operand, "v128");
}

export interface VectorOptions {
  /** Of the legacy form; absent for SSE and SSE2. */
  readonly feature?: Feature;
  /** Of the VEX.256 form: AVX2 for integers. `none`: AVX has no such instruction; `128`: no 256-bit form. */
  readonly wide?: "AVX" | "AVX2" | "128" | "none";
  /** There is an MMX form as well, without prefix. */
  readonly mmx?: MmxUse;
  /** Its memory operand. */
  readonly mmxMemory?: 32 | 64;
  /** An immediate follows, which `operation` gets. */
  readonly immediate?: true;
}

/** `half` is 1 for the upper 16 bytes of a 256-bit operation: some immediates have bits of their own for them. */
export type VectorOperation = (b: Builder, x: Node, y: Node, immediate: number, half: 0 | 1) => Node;

export interface EncodingParts {
  readonly prefix: string;
  readonly map: string;
  readonly opcode: string;
}
/** `66 0F 38 1C` → prefix 66, map 0F38, opcode 1C. */
export function splitEncoding(encoding: string): EncodingParts {
  const tokens = encoding.split(" ");
  const opcode = tokens.pop() ?? "";
  const prefix = tokens.shift() ?? "";
  return { prefix, map: tokens.join(""), opcode };
}
const withFeature = (feature: Feature | undefined): Pick<InstructionDefinition, "feature"> =>
  feature ? { feature } : {};

/** dst = operation(dst, src); VEX: dst = operation(src1, src2). */
export function vectorBinary(
  mnemonic: string,
  encoding: string,
  operation: VectorOperation,
  { feature, wide = "AVX2", immediate, mmx, mmxMemory }: VectorOptions = {},
): InstructionSpecification[] {
  const { prefix, map, opcode } = splitEncoding(encoding);
  const ib = immediate ? " ib" : "";
  const imm = immediate ? ",imm8" : "";
  const constant = immediate ? { constantImmediate: true } : {};
  const number = (b: Builder, operand: Operand | undefined): number => (operand ? b.number(operand) & 0xff : 0);
  const withoutPrefix = encoding.replace(/^66/, "NP");
  const specifications = [
    ...(mmx
      ? [mmxBinary(mnemonic, withoutPrefix, (b, x, y) => operation(b, x, y, 0, 0), mmx, feature, mmxMemory)]
      : []),
    instruction(mnemonic, {
      forms: [`${encoding} /r${ib} xmm,xmm/m128${imm}`],
      ...withFeature(feature),
      ...constant,
      lift(b, dst, src, count?: Operand) {
        const y = vector(b, src);
        b.write(dst, operation(b, b.read(dst), y, number(b, count), 0));
      },
    }),
  ];
  if (wide === "none") return specifications;
  specifications.push(
    instruction(`V${mnemonic}`, {
      forms: [`VEX.128.${prefix}.${map}.WIG ${opcode} /r${ib} xmm,xmm.v,xmm/m128${imm}`],
      feature: "AVX",
      ...constant,
      lift(b, dst, first, second, count?: Operand) {
        const y = b.read(second, "v128");
        b.write(dst, operation(b, b.read(first), y, number(b, count), 0));
        b.writeHigh(dst as RegisterOperand, zeroVector(b));
      },
    }),
  );
  if (wide === "128") return specifications;
  specifications.push(
    instruction(`V${mnemonic}`, {
      forms: [`VEX.256.${prefix}.${map}.WIG ${opcode} /r${ib} ymm,ymm.v,ymm/m256${imm}`],
      feature: wide,
      ...constant,
      lift(b, dst, first, second, count?: Operand) {
        const low = b.read(second, "v128");
        const high = b.readHigh(second);
        b.write(dst, operation(b, b.read(first), low, number(b, count), 0));
        b.writeHigh(dst as RegisterOperand, operation(b, b.readHigh(first), high, number(b, count), 1));
      },
    }),
  );
  return specifications;
}

/** dst = operation(src). */
export function vectorUnary(
  mnemonic: string,
  encoding: string,
  operation: (b: Builder, x: Node, immediate: number, half: 0 | 1) => Node,
  { feature, wide = "AVX2", immediate, mmx }: VectorOptions = {},
): InstructionSpecification[] {
  const { prefix, map, opcode } = splitEncoding(encoding);
  const ib = immediate ? " ib" : "";
  const imm = immediate ? ",imm8" : "";
  const constant = immediate ? { constantImmediate: true } : {};
  const number = (b: Builder, operand: Operand | undefined): number => (operand ? b.number(operand) & 0xff : 0);
  const forMmx = (): InstructionSpecification =>
    mmxInstruction(mnemonic, [`${encoding.replace(/^66/, "NP")} /r mm,mm/m64`], withFeature(feature), (b, dst, src) => {
      const x = b.op("i64x2.splat", readMmx(b, src));
      enterMmx(b);
      writeMmx(b, dst, low64(b, operation(b, x, 0, 0)));
    });
  const specifications = [
    ...(mmx ? [forMmx()] : []),
    instruction(mnemonic, {
      forms: [`${encoding} /r${ib} xmm,xmm/m128${imm}`],
      ...withFeature(feature),
      ...constant,
      lift: (b, dst, src, count?: Operand) => b.write(dst, operation(b, vector(b, src), number(b, count), 0)),
    }),
  ];
  if (wide === "none") return specifications;
  specifications.push(
    instruction(`V${mnemonic}`, {
      forms: [`VEX.128.${prefix}.${map}.WIG ${opcode} /r${ib} xmm,xmm/m128${imm}`],
      feature: "AVX",
      ...constant,
      lift(b, dst, src, count?: Operand) {
        b.write(dst, operation(b, b.read(src, "v128"), number(b, count), 0));
        b.writeHigh(dst as RegisterOperand, zeroVector(b));
      },
    }),
  );
  if (wide === "128") return specifications;
  specifications.push(
    instruction(`V${mnemonic}`, {
      forms: [`VEX.256.${prefix}.${map}.WIG ${opcode} /r${ib} ymm,ymm/m256${imm}`],
      feature: wide,
      ...constant,
      lift(b, dst, src, count?: Operand) {
        const low = b.read(src, "v128");
        const high = b.readHigh(src);
        b.write(dst, operation(b, low, number(b, count), 0));
        b.writeHigh(dst as RegisterOperand, operation(b, high, number(b, count), 1));
      },
    }),
  );
  return specifications;
}
