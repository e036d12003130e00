/** PUSH, POP, ENTER, LEAVE and the flags on the stack. */
import { addressNumber } from "../address.ts";
import { layout } from "../context-layout.ts";
import { Flag } from "../context.ts";
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction } from "./instruction.ts";

const RSP = 4;
const RBP = 5;

function push(b: Builder, value: Node, width: number): void {
  const bytes = width === 16 ? 2 : 8;
  const top = b.sub(b.gpr(RSP, 64), bytes);
  b.store(top, bytes, value);
  b.writeGpr(RSP, 64, top);
}
function pop(b: Builder, width: number): Node {
  const bytes = width === 16 ? 2 : 8;
  const value = b.load(b.gpr(RSP, 64), bytes);
  b.writeGpr(RSP, 64, b.add(b.gpr(RSP, 64), bytes));
  return value;
}

export const PUSH = instruction("PUSH", {
  stack: "write",
  forms: ["d64 50+r ro", "d64 FF /6 rm", "d64 68 iz simm", "d64 6A ib simm8"],
  lift: (b, src) => push(b, b.read(src), src.width),
});
export const POP = instruction("POP", {
  stack: "read",
  forms: ["d64 58+r ro", "d64 8F /0 rmr"],
  // The destination is written after RSP: POP RSP loads it.
  lift: (b, dst) => b.write(dst, pop(b, dst.width)),
});
export const POP_MEMORY = instruction("POP", {
  stack: "read",
  forms: ["d64 8F /0 m"],
  execute(machine, dst) {
    const bytes = dst.width / 8;
    const old = machine.context.getNumber(RSP);
    const value = bytes === 8 ? machine.space.readUint64(old) : BigInt(machine.space.readUint16(old));
    // An address that uses RSP sees it incremented.
    const saved = machine.context.get(RSP);
    machine.context.set(RSP, saved + BigInt(bytes));
    try {
      machine.write(dst, value);
    } catch (error) {
      machine.context.set(RSP, saved);
      throw error;
    }
  },
});

export const PUSHF = instruction("PUSHF", {
  stack: "write",
  forms: ["d64 9C"],
  lift(b) {
    const { operandSize } = b.site;
    const image = b.flags.compose();
    push(b, operandSize === 16 ? image : b.extendU(image), operandSize);
  },
});

/** What level 3 may change by POPF, the six arithmetic flags aside. */
const changeable = Flag.TF | Flag.DF | Flag.AC | Flag.ID | 0x4000;

export const POPF = instruction("POPF", {
  stack: "read",
  forms: ["d64 9D"],
  lift(b) {
    const image = b.wrap(pop(b, b.site.operandSize));
    const mask = b.site.operandSize === 16 ? changeable & 0xffff : changeable;
    const kept = b.and(b.rflags(), ~(mask | Flag.RF));
    b.writeState({ offset: layout.rflags, bytes: 4 }, b.or(kept, b.and(image, mask)));
    b.flags.set({ ...b.flags.fromLowByte(image), of: b.and(image, Flag.OF) });
    b.exit("reconsider");
  },
});

export const LEAVE = instruction("LEAVE", {
  stack: "read",
  forms: ["d64 C9"],
  lift(b) {
    const bytes = b.site.operandSize === 16 ? 2 : 8;
    const frame = b.gpr(RBP, 64);
    const saved = b.load(frame, bytes);
    b.writeGpr(RSP, 64, b.add(frame, bytes));
    b.writeGpr(RBP, bytes === 2 ? 16 : 64, saved);
  },
});

export const ENTER = instruction("ENTER", {
  stack: "both",
  forms: ["d64 C8 iw ib imm16,imm8"],
  execute(machine, sizeOperand, levelOperand) {
    const { context, space } = machine;
    const bytes = machine.instruction.operandSize === 16 ? 2 : 8;
    const level = Number(machine.read(levelOperand)) & 31;
    const size = machine.read(sizeOperand);
    const base = context.get(RBP);
    const frame = context.get(RSP) - BigInt(bytes);
    let top = frame + BigInt(bytes);
    const addressOf = (value: bigint): number => addressNumber(BigInt.asUintN(64, value));
    // One after the other, as processors do it: what was pushed before a fault stays.
    const push = (value: bigint): void => {
      top -= BigInt(bytes);
      if (bytes === 8) space.writeUint64(addressOf(top), BigInt.asUintN(64, value));
      else space.writeUint16(addressOf(top), Number(value & 0xffffn));
    };
    push(base);
    for (let i = 1; i < level; i++) {
      const from = addressOf(base - BigInt(i * bytes));
      push(bytes === 8 ? space.readUint64(from) : BigInt(space.readUint16(from)));
    }
    if (level) push(frame);
    top -= size;
    // The new top of the stack must be writable, though nothing is written there.
    space.probe(addressOf(top), bytes, "write");
    context.set(RSP, BigInt.asUintN(64, top));
    if (bytes === 8) context.set(RBP, BigInt.asUintN(64, frame));
    else context.set(RBP, (base & ~0xffffn) | (frame & 0xffffn));
  },
});
