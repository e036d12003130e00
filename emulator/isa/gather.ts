/**
 * AVX2 gathers: each element from an address of its own, if its mask has the sign bit set. SDM volume 2, VGATHERDPS and its relatives.
 *
 * The lifts do all elements at once. Where not all are wanted, or one is not to be had at full speed, `execute` goes from element to element; each that
 * is done is out of the mask, so that the instruction goes on with the others after a fault.
 */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOperand, Operand, RegisterOperand } from "./operand.ts";
import { vectorView, writeVector } from "./vector-exact.ts";
import { halves, writeHalves, zeroVector } from "./vector-lift.ts";

type Bytes = 4 | 8;

const asVector = (operand: Operand): RegisterOperand => {
  if (operand.kind !== "register") throw new Error("a gather has vector registers");
  return operand;
};
const asMemory = (operand: Operand): MemoryOperand => {
  if (operand.kind !== "memory") throw new Error("a gather has a memory operand");
  return operand;
};

/** Elements: as many as there are of both values and indices. */
const countOf = (dst: Operand, indices: Operand, bytes: Bytes, indexBytes: Bytes): number =>
  Math.min(asVector(dst).width / 8 / bytes, asVector(indices).width / 8 / indexBytes);
const lanesOf = (bytes: Bytes): "i32x4" | "i64x2" => (bytes === 4 ? "i32x4" : "i64x2");

/** Element `i` of a vector in halves. */
const element = (b: Builder, vector: readonly Node[], i: number, bytes: Bytes): Node =>
  b.lane(`${lanesOf(bytes)}.extract_lane`, i % (16 / bytes), vector[Math.floor((i * bytes) / 16)]);

function gather(mnemonic: string, encoding: string, bytes: Bytes, indexBytes: Bytes): InstructionSpecification {
  const registers = (length: 128 | 256): string => {
    const count = length / 8 / Math.max(bytes, indexBytes);
    const register = (size: Bytes): string => (count * size > 16 ? "ymm" : "xmm");
    return `VEX.${length}.66.0F38.${encoding} /r ${register(bytes)},m${bytes * 8},${register(indexBytes)}.x,${register(bytes)}.v`;
  };
  return instruction(mnemonic, {
    forms: [registers(128), registers(256)],
    feature: "AVX2",
    lift(b, dst, src, indices, mask) {
      const count = countOf(dst, indices, bytes, indexBytes);
      const wanted = halves(b, mask)
        .map((half) => b.op(`${lanesOf(bytes)}.bitmask`, half))
        .reduce((low, high) => b.or(low, b.shl(high, 16 / bytes)));
      b.fallback(b.ne(b.and(wanted, 2 ** count - 1), 2 ** count - 1));
      const numbers = halves(b, indices);
      const results = halves(b, dst).map(() => zeroVector(b));
      for (let i = 0; i < count; i++) {
        const index = b.extendS(element(b, numbers, i, indexBytes));
        const value = b.attempt(b.elementAddress(asMemory(src), index), bytes);
        const half = Math.floor((i * bytes) / 16);
        results[half] = b.lane(`${lanesOf(bytes)}.replace_lane`, i % (16 / bytes), results[half], value);
      }
      writeHalves(b, dst, results);
      writeHalves(b, mask, results.map(() => zeroVector(b))); // prettier-ignore
    },
    execute(machine, dst, src, indices, mask) {
      const count = countOf(dst, indices, bytes, indexBytes);
      const numbers = vectorView(machine, indices);
      for (let i = 0; i < count; i++) {
        const wanted = elementBytes(machine, mask, i, bytes);
        if (wanted[bytes - 1] & 0x80) {
          const index = indexBytes === 4 ? BigInt(numbers.getInt32(i * 4, true)) : numbers.getBigInt64(i * 8, true);
          // A fault here leaves all else as it is.
          elementBytes(machine, dst, i, bytes).set(machine.space.read(machine.address(asMemory(src), index), bytes));
        }
        wanted.fill(0);
      }
      const { buffer, byteOffset } = vectorView(machine, dst);
      const result = new Uint8Array(32);
      result.set(new Uint8Array(buffer, byteOffset, count * bytes));
      writeVector(machine, dst, result);
      writeVector(machine, mask, new Uint8Array(32));
    },
  });
}
/** Live. */
function elementBytes({ context }: Machine, operand: Operand, i: number, bytes: Bytes): Uint8Array {
  const { register } = asVector(operand);
  const half = i * bytes < 16 ? context.xmm(register) : context.ymmHigh(register);
  return half.subarray((i * bytes) % 16, ((i * bytes) % 16) + bytes);
}

export const gathers = [
  gather("VPGATHERDD", "W0 90", 4, 4),
  gather("VPGATHERDQ", "W1 90", 8, 4),
  gather("VPGATHERQD", "W0 91", 4, 8),
  gather("VPGATHERQQ", "W1 91", 8, 8),
  gather("VGATHERDPS", "W0 92", 4, 4),
  gather("VGATHERDPD", "W1 92", 8, 4),
  gather("VGATHERQPS", "W0 93", 4, 8),
  gather("VGATHERQPD", "W1 93", 8, 8),
];
