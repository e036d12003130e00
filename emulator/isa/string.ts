/**
 * String instructions. Single ones are lifted. Repeated ones work on runs within pages as far as that is indistinguishable,
 * and leave RCX, RSI and RDI at the element that faults.
 */
import { Flag, type Context, type Register } from "../context.ts";
import { PAGE_SIZE } from "../cpu.ts";
import type { Builder, Width } from "../ir/builder.ts";
import type { Bulk, Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOperand, Operand } from "./operand.ts";

const RAX = 0;
const RCX = 1;
const RSI = 6;
const RDI = 7;

/** The operation in the form for bytes and the form for the other sizes. */
const forms = (opcode: number, ...operands: string[]): string[] => {
  const hex = (value: number): string => value.toString(16).toUpperCase();
  return [
    `${hex(opcode)} ${operands.map((operand) => `m8:${operand}`).join()}`,
    `${hex(opcode + 1)} ${operands.map((operand) => `m:${operand}`).join()}`,
  ];
};

function advance(b: Builder, register: number, bytes: number): void {
  const { addressSize } = b.site;
  const step = b.direction(bytes);
  if (addressSize === 64) b.writeGpr(register, 64, b.add(b.gpr(register, 64), step));
  else b.writeGpr(register, 32, b.add(b.gpr(register, 32), b.wrap(step)));
}

// Repetition

const wrapTo = (machine: Machine, value: bigint): bigint => BigInt.asUintN(machine.instruction.addressSize, value);
const getCount = (machine: Machine): bigint => wrapTo(machine, machine.context.get(RCX));

function move(machine: Machine, register: Register, by: number): void {
  machine.context.set(register, wrapTo(machine, machine.context.get(register) + BigInt(by)));
}
const goesDown = (context: Context): boolean => (context.rflags & Flag.DF) !== 0;

/** Elements from `address` on that lie wholly in its page, at most `limit`. 0 when the first does not. */
function elementsInPage(address: number, bytes: number, limit: bigint): number {
  const room = Math.floor((PAGE_SIZE - (address % PAGE_SIZE)) / bytes);
  return limit < BigInt(room) ? Number(limit) : room;
}
const pointers = (operands: readonly Operand[]): readonly MemoryOperand[] =>
  operands.filter((operand) => operand.kind === "memory");
const registerOf = (operand: MemoryOperand): Register => operand.base as Register;

/**
 * Runs `step` on elements until RCX is 0 or it says that it is finished. `step` gets the addresses of the operands and how many elements it may
 * do at once (upwards, none crossing a page); it answers how many it did. It faults before it changes anything.
 */
function repeat(
  machine: Machine,
  operands: readonly Operand[],
  bytes: number,
  step: (addresses: readonly number[], elements: number) => { readonly done: number; readonly finished: boolean },
): void {
  const { context } = machine;
  const memory = pointers(operands);
  const down = goesDown(context);
  if (machine.instruction.addressSize === 32 && context.get(RCX) >> 32n) machine.context.set(RCX, getCount(machine));
  for (let count = getCount(machine); count > 0n; count = getCount(machine)) {
    const addresses = memory.map((operand) => machine.address(operand));
    let elements = 1;
    if (!down && machine.instruction.addressSize === 64 && !machine.observed)
      elements = Math.max(1, Math.min(...addresses.map((address) => elementsInPage(address, bytes, count))));
    const { done, finished } = step(addresses, elements);
    for (const operand of memory) move(machine, registerOf(operand), down ? -bytes : done * bytes);
    move(machine, RCX, -done);
    if (finished || (getCount(machine) > 0n && machine.interrupted())) return;
  }
}

/** All elements at once; upwards only. */
function liftRepeated(b: Builder, operation: "copy" | "fill", dst: Operand, src: Operand | undefined): void {
  const bytes = (dst.width / 8) as Bulk["bytes"];
  const count = b.gpr(RCX, 64);
  const address = (operand: Operand): Node => b.address(operand as MemoryOperand);
  b.fallback(b.and(b.rflags(), Flag.DF));
  b.bulk({ operation, bytes }, address(dst), src ? address(src) : b.gpr(RAX, 64), count);
  const distance = b.mul(count, BigInt(bytes));
  if (src) b.writeGpr(RSI, 64, b.add(b.gpr(RSI, 64), distance));
  b.writeGpr(RDI, 64, b.add(b.gpr(RDI, 64), distance));
  b.writeGpr(RCX, 64, b.i64(0n));
}

export const MOVS = instruction("MOVS", {
  forms: forms(0xa4, "rDI", "rSI"),
  repeat: "rep",
  lift(b, dst, src) {
    b.write(dst, b.read(src));
    advance(b, RSI, src.width / 8);
    advance(b, RDI, dst.width / 8);
  },
  liftRepeated: (b, dst, src) => liftRepeated(b, "copy", dst, src),
  execute(machine, dst, src) {
    const bytes = dst.width / 8;
    repeat(machine, [dst, src], bytes, ([to, from], elements) => {
      // Upwards into what is still to be read: each run ends where the next source byte has been written.
      const distance = to - from;
      if (distance > 0 && distance < elements * bytes) elements = Math.max(1, Math.floor(distance / bytes));
      machine.space.write(to, machine.space.read(from, elements * bytes));
      return { done: elements, finished: false };
    });
  },
});

export const STOS = instruction("STOS", {
  forms: forms(0xaa, "rDI"),
  repeat: "rep",
  lift(b, dst) {
    b.write(dst, b.gpr(RAX, dst.width as Width));
    advance(b, RDI, dst.width / 8);
  },
  liftRepeated: (b, dst) => liftRepeated(b, "fill", dst, undefined),
  execute(machine, dst) {
    const bytes = dst.width / 8;
    const pattern = new Uint8Array(PAGE_SIZE);
    const rax = machine.context.view;
    for (let i = 0; i < PAGE_SIZE; i++) pattern[i] = rax.getUint8(i % bytes);
    repeat(machine, [dst], bytes, ([to], elements) => {
      machine.space.write(to, pattern.subarray(0, elements * bytes));
      return { done: elements, finished: false };
    });
  },
});

export const LODS = instruction("LODS", {
  forms: forms(0xac, "rSI"),
  repeat: "rep",
  lift(b, src) {
    b.writeGpr(RAX, src.width as Width, b.read(src));
    advance(b, RSI, src.width / 8);
  },
  execute(machine, src) {
    const bytes = src.width / 8;
    const { operandSize } = machine.instruction;
    repeat(machine, [src], bytes, ([from], elements) => {
      const last = machine.space.read(from, elements * bytes).subarray(-bytes);
      let value = 0n;
      for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(last[i]);
      const width = bytes === 1 ? 8 : operandSize;
      machine.write({ kind: "register", file: "gpr", register: RAX, width, high: false }, value);
      return { done: elements, finished: false };
    });
  },
});

function comparison(
  mnemonic: string,
  opcode: number,
  operands: readonly string[],
  left: (b: Builder, operand: Operand) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: forms(opcode, ...operands),
    repeat: "repz",
    lift(b, first, second) {
      const width = first.width as Width;
      const x = left(b, first);
      const y = b.read(second ?? first);
      b.flags.sub(x, y, b.sub(x, y), width);
      for (const operand of second ? [first, second] : [first])
        advance(b, registerOf(operand as MemoryOperand), width / 8);
    },
    execute(machine, first, second) {
      const bytes = first.width / 8;
      const { context } = machine;
      const stopsWhenEqual = machine.instruction.repeat === "F2";
      const accumulator = context.bytes.slice(0, bytes);
      let x: Uint8Array = accumulator;
      let y: Uint8Array = accumulator;
      let compared = false;
      // A fault leaves the flags as they were before the first element.
      repeat(machine, second ? [first, second] : [first], bytes, (addresses, elements) => {
        const contents = addresses.map((address) => machine.space.read(address, elements * bytes));
        for (let i = 0; i < elements; i++) {
          const at = i * bytes;
          x = second ? contents[0].subarray(at, at + bytes) : accumulator;
          y = contents[contents.length - 1].subarray(at, at + bytes);
          compared = true;
          let equal = true;
          for (let k = 0; k < bytes; k++) if (x[k] !== y[k]) equal = false;
          if (equal === stopsWhenEqual) return { done: i + 1, finished: true };
        }
        return { done: elements, finished: false };
      });
      if (compared) setComparisonFlags(context, x, y);
    },
  });
}

/** The flags of x - y, both little endian. */
function setComparisonFlags(context: Context, x: Uint8Array, y: Uint8Array): void {
  const bits = x.length * 8;
  const number = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const a = number(x);
  const b = number(y);
  const difference = BigInt.asUintN(bits, a - b);
  const top = BigInt(bits - 1);
  let low = Number(difference & 0xffn);
  let flags = context.rflags & ~0x8d5;
  if (a < b) flags |= Flag.CF;
  if (Number((a ^ b ^ difference) & 0x10n)) flags |= Flag.AF;
  if (difference === 0n) flags |= Flag.ZF;
  if (difference >> top) flags |= Flag.SF;
  if (((a ^ b) & (a ^ difference)) >> top) flags |= Flag.OF;
  low ^= low >> 4;
  low ^= low >> 2;
  low ^= low >> 1;
  if (!(low & 1)) flags |= Flag.PF;
  context.rflags = flags;
}

export const CMPS = comparison("CMPS", 0xa6, ["rSI", "rDI"], (b, operand) => b.read(operand));
export const SCAS = comparison("SCAS", 0xae, ["rDI"], (b, operand) => b.gpr(RAX, operand.width as Width));
