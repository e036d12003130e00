/** ADD … CMP, INC, DEC, NEG, NOT, TEST, XADD, CMPXCHG and its wide forms. */
import type { Builder, Width } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { MemoryOperand, Operand, RegisterOperand } from "./operand.ts";

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;

/** The nine encodings that the eight classic operations share; `n` is their number. */
function classicForms(n: number): string[] {
  const opcode = (offset: number): string => (n * 8 + offset).toString(16).toUpperCase().padStart(2, "0");
  return [
    `${opcode(0)} /r rm8,r8`,
    `${opcode(1)} /r rm,r`,
    `${opcode(2)} /r r8,rm8`,
    `${opcode(3)} /r r,rm`,
    `${opcode(4)} ib AL,imm8`,
    `${opcode(5)} iz rAX,simm`,
    `80 /${n} ib rm8,imm8`,
    `81 /${n} iz rm,simm`,
    `83 /${n} ib rm,simm8`,
  ];
}

export const ADD = instruction("ADD", {
  forms: classicForms(0),
  lock: true,
  lift(b, dst, src) {
    const x = b.read(dst);
    const y = b.read(src);
    const sum = b.add(x, y);
    b.write(dst, sum);
    b.flags.add(x, y, sum, dst.width as Width);
  },
});

export const ADC = instruction("ADC", {
  forms: classicForms(2),
  lock: true,
  lift(b, dst, src) {
    const x = b.read(dst);
    const y = b.read(src);
    const carry = b.flag("cf");
    const sum = b.add(b.add(x, y), x.type === "i64" ? b.extendU(carry) : carry);
    b.write(dst, sum);
    b.flags.add(x, y, sum, dst.width as Width, carry);
  },
});

export const SUB = instruction("SUB", {
  forms: classicForms(5),
  lock: true,
  lift(b, dst, src) {
    const x = b.read(dst);
    const y = b.read(src);
    const difference = b.sub(x, y);
    b.write(dst, difference);
    b.flags.sub(x, y, difference, dst.width as Width);
  },
});

export const SBB = instruction("SBB", {
  forms: classicForms(3),
  lock: true,
  lift(b, dst, src) {
    const x = b.read(dst);
    const y = b.read(src);
    const borrow = b.flag("cf");
    const difference = b.sub(b.sub(x, y), x.type === "i64" ? b.extendU(borrow) : borrow);
    b.write(dst, difference);
    b.flags.sub(x, y, difference, dst.width as Width, borrow);
  },
});

export const CMP = instruction("CMP", {
  forms: classicForms(7),
  lift(b, left, right) {
    const x = b.read(left);
    const y = b.read(right);
    b.flags.sub(x, y, b.sub(x, y), left.width as Width);
  },
});

function logic(
  mnemonic: string,
  n: number,
  operation: (b: Builder, x: Node, y: Node) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: classicForms(n),
    lock: true,
    undefinedFlags: { AF: "always" },
    lift(b, dst, src) {
      const result = operation(b, b.read(dst), b.read(src));
      b.write(dst, result);
      b.flags.logic(result, dst.width as Width);
    },
  });
}
export const OR = logic("OR", 1, (b, x, y) => b.or(x, y));
export const AND = logic("AND", 4, (b, x, y) => b.and(x, y));
export const XOR = logic("XOR", 6, (b, x, y) => b.xor(x, y));

export const TEST = instruction("TEST", {
  forms: ["84 /r rm8,r8", "85 /r rm,r", "A8 ib AL,imm8", "A9 iz rAX,simm", "F6 /0 ib rm8,imm8", "F7 /0 iz rm,simm", "F6 /1 ib rm8,imm8", "F7 /1 iz rm,simm"], // prettier-ignore
  undefinedFlags: { AF: "always" },
  lift(b, left, right) {
    b.flags.logic(b.and(b.read(left), b.read(right)), left.width as Width);
  },
});

export const INC = instruction("INC", {
  forms: ["FE /0 rm8", "FF /0 rm"],
  lock: true,
  lift(b, dst) {
    const x = b.read(dst);
    const sum = b.add(x, 1);
    b.write(dst, sum);
    b.flags.increment(x, sum, dst.width as Width);
  },
});

export const DEC = instruction("DEC", {
  forms: ["FE /1 rm8", "FF /1 rm"],
  lock: true,
  lift(b, dst) {
    const x = b.read(dst);
    const difference = b.sub(x, 1);
    b.write(dst, difference);
    b.flags.decrement(x, difference, dst.width as Width);
  },
});

export const NEG = instruction("NEG", {
  forms: ["F6 /3 rm8", "F7 /3 rm"],
  lock: true,
  lift(b, dst) {
    const x = b.read(dst);
    const zero = b.constant(x, 0);
    const difference = b.sub(zero, x);
    b.write(dst, difference);
    b.flags.sub(zero, x, difference, dst.width as Width);
  },
});

export const NOT = instruction("NOT", {
  forms: ["F6 /2 rm8", "F7 /2 rm"],
  lock: true,
  lift(b, dst) {
    b.write(dst, b.not(b.read(dst)));
  },
});

export const XADD = instruction("XADD", {
  forms: ["0F C0 /r rm8,r8", "0F C1 /r rm,r"],
  lock: true,
  lift(b, dst, src) {
    const x = b.read(dst);
    const y = b.read(src);
    const sum = b.add(x, y);
    b.write(src, x);
    b.write(dst, sum);
    b.flags.add(x, y, sum, dst.width as Width);
  },
});

export const CMPXCHG = instruction("CMPXCHG", {
  forms: ["0F B0 /r rm8,r8", "0F B1 /r rm,r"],
  lock: true,
  lift(b, dst, src) {
    const width = dst.width as Width;
    const accumulator = b.gpr(RAX, width);
    const x = b.read(dst);
    const y = b.read(src);
    const equal = b.eq(accumulator, x);
    // A register that is not exchanged keeps its upper half too.
    const keep = (register: number, condition: Node, value: Node, high = false): void => {
      if (width === 32) b.writeGpr(register, 64, b.select(condition, b.gpr(register, 64), b.extendU(value)));
      else b.writeGpr(register, width, b.select(condition, b.gpr(register, width, high), value), high);
    };
    keep(RAX, equal, x);
    if (dst.kind === "register") keep(dst.register, b.eqz(equal), y, dst.high);
    else b.write(dst, b.select(equal, y, x));
    b.flags.sub(accumulator, x, b.sub(accumulator, x), width);
  },
});

export const CMPXCHG8B = instruction("CMPXCHG8B", {
  forms: ["o32 0F C7 /1 m64", "o16 0F C7 /1 m64"],
  lock: true,
  lift(b, dst) {
    const concatenate = (high: number, low: number): Node =>
      b.or(b.shl(b.extendU(b.gpr(high, 32)), 32), b.extendU(b.gpr(low, 32)));
    const old = b.read(dst);
    const equal = b.eq(old, concatenate(RDX, RAX));
    b.write(dst, b.select(equal, concatenate(RCX, RBX), old));
    b.writeGpr(RAX, 64, b.select(equal, b.gpr(RAX, 64), b.and(old, 0xffff_ffffn)));
    b.writeGpr(RDX, 64, b.select(equal, b.gpr(RDX, 64), b.shrU(old, 32)));
    b.flags.set({ zf: equal });
  },
});

export const CMPXCHG16B = instruction("CMPXCHG16B", {
  forms: ["o64 0F C7 /1 m128"],
  feature: "CMPXCHG16B",
  lock: true,
  lift(b, dst: MemoryOperand | RegisterOperand | Operand) {
    const pair = (high: number, low: number): Node =>
      b.lane("i64x2.replace_lane", 1, b.op("i64x2.splat", b.gpr(low, 64)), b.gpr(high, 64));
    b.aligned(dst);
    const old = b.read(dst);
    const low = b.lane("i64x2.extract_lane", 0, old);
    const high = b.lane("i64x2.extract_lane", 1, old);
    const equal = b.and(b.eq(low, b.gpr(RAX, 64)), b.eq(high, b.gpr(RDX, 64)));
    b.write(dst, b.select(equal, pair(RCX, RBX), old));
    b.writeGpr(RAX, 64, low);
    b.writeGpr(RDX, 64, high);
    b.flags.set({ zf: equal });
  },
});
