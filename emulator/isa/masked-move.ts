/** AVX and AVX2: loads and stores of the elements whose mask has its sign bit set. The others are not accessed, so they do not fault. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Feature } from "./feature.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOperand, Operand } from "./operand.ts";
import { vectorView, writeVector } from "./vector-exact.ts";
import { bothLengths, halves, writeHalves, zeroVector } from "./vector-lift.ts";

const asMemory = (operand: Operand): MemoryOperand => {
  if (operand.kind !== "memory") throw new Error("a masked move has a memory operand");
  return operand;
};

/** Offsets of the elements that the mask names. */
function chosen(machine: Machine, mask: Operand, bytes: 4 | 8): number[] {
  const view = vectorView(machine, mask);
  const offsets = Array.from({ length: mask.kind === "register" ? mask.width / 8 / bytes : 0 }, (_, i) => i * bytes);
  return offsets.filter((offset) => view.getUint8(offset + bytes - 1) & 0x80);
}

function maskedMove(
  mnemonic: string,
  feature: Feature,
  [w, load, store]: readonly [string, string, string],
  lanes: "i32x4" | "i64x2",
): InstructionSpecification[] {
  const bytes = lanes === "i32x4" ? 4 : 8;
  const signs = (b: Builder, mask: Operand): Node[] =>
    halves(b, mask).map((half) => b.op(`${lanes}.lt_s`, half, zeroVector(b)));
  return [
    instruction(mnemonic, {
      forms: bothLengths(`0F38.${w} ${load} /r xmm,xmm.v,m128`),
      feature,
      lift(b, dst, mask, src) {
        const values = b.attemptHalves(asMemory(src));
        writeHalves(b, dst, signs(b, mask).map((sign, half) => b.op("v128.and", values[half], sign))); // prettier-ignore
      },
      execute(machine, dst, mask, src) {
        const memory = asMemory(src);
        const result = new Uint8Array(32);
        for (const offset of chosen(machine, mask, bytes))
          result.set(machine.space.read(machine.addressOfPart(memory, offset), bytes), offset);
        writeVector(machine, dst, result);
      },
    }),
    instruction(mnemonic, {
      forms: bothLengths(`0F38.${w} ${store} /r m128,xmm.v,xmm`),
      feature,
      lift(b, dst, mask, src) {
        const before = b.attemptHalves(asMemory(dst));
        const values = halves(b, src);
        writeHalves(b, dst, signs(b, mask).map((sign, half) => b.op("v128.bitselect", values[half], before[half], sign))); // prettier-ignore
      },
      execute(machine, dst, mask, src) {
        const memory = asMemory(dst);
        const { space } = machine;
        const offsets = chosen(machine, mask, bytes);
        for (const offset of offsets) space.probe(machine.addressOfPart(memory, offset), bytes, "write");
        const { buffer, byteOffset } = vectorView(machine, src);
        for (const offset of offsets)
          space.write(machine.addressOfPart(memory, offset), new Uint8Array(buffer, byteOffset + offset, bytes));
      },
    }),
  ];
}
export const maskedMoves = [
  maskedMove("VMASKMOVPS", "AVX", ["W0", "2C", "2E"], "i32x4"),
  maskedMove("VMASKMOVPD", "AVX", ["W0", "2D", "2F"], "i64x2"),
  maskedMove("VPMASKMOVD", "AVX2", ["W0", "8C", "8E"], "i32x4"),
  maskedMove("VPMASKMOVQ", "AVX2", ["W1", "8C", "8E"], "i64x2"),
].flat();
