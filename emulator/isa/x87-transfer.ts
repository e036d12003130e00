/** x87: loads, stores, exchanges, constants, conditional moves, and the stack itself. */
import { Flag } from "../context.ts";
import { fromPackedDecimal, toPackedDecimal } from "../soft-float/decimal.ts";
import { Environment, Rounding } from "../soft-float/environment.ts";
import { atanhFixed, divideFixed, FRACTION_BITS, LN2, ONE, PI } from "../soft-float/fixed-point.ts";
import type { Float } from "../soft-float/float.ts";
import { double, extended, finite, indefinite, single, toDouble, toSingle, zero } from "../soft-float/float.ts";
import { convert, round, toInteger } from "../soft-float/round.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOperand, Operand } from "./operand.ts";
import { readDouble, readInteger, readSingle } from "./x87-arithmetic.ts";
import { bytesOf, stackIndex, X87Operation } from "./x87-stack.ts";

const memoryBytes = (machine: Machine, operand: Operand, count: number): Uint8Array =>
  machine.space.read(machine.address(operand as MemoryOperand), count);

// Loads

function load(
  mnemonic: string,
  forms: string[],
  read: (machine: Machine, operand: Operand, x87: X87Operation) => Float | Uint8Array,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms,
    execute(machine, src) {
      const x87 = new X87Operation(machine);
      // Read before anything counts: the access may fault.
      const value = read(machine, src, x87);
      x87.pushed(() => value);
    },
  });
}
/** Widening is exact, but a denormal or signalling NaN does not go unnoticed. */
function widened(x87: X87Operation, x: Float): Float {
  if (!x87.isEmpty(7)) return x;
  x87.env.noteDenormals(x);
  return x87.env.propagate(x) ?? x;
}
export const x87Loads = [
  load("FLD", ["D9 /0 m32"], (machine, src, x87) => widened(x87, readSingle(machine, src))),
  load("FLD", ["DD /0 m64"], (machine, src, x87) => widened(x87, readDouble(machine, src))),
  load("FLD", ["DB /5 m80"], (machine, src) => memoryBytes(machine, src, 10)),
  load("FILD", ["DF /0 m16", "DB /0 m32", "DF /5 m64"], readInteger),
  load("FBLD", ["DF /4 m80"], (machine, src) => fromPackedDecimal(memoryBytes(machine, src, 10))),
  instruction("FLD", {
    forms: ["D9 C0+i st(i)"],
    execute(machine, src) {
      const x87 = new X87Operation(machine);
      const i = stackIndex(src);
      x87.pushed(() => (x87.underflows(i) ? indefinite : x87.bytes(i).slice()));
    },
  }),
];

/** A constant, rounded as RC says; no exception is raised. */
function constant(mnemonic: string, form: string, value: (env: Environment) => Float): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      const { rounding, masks } = x87.env;
      const quiet = new Environment({ rounding, masks, unit: "x87", exponentWrap: 0 });
      x87.pushed(() => value(quiet));
    },
  });
}
const irrational = (fixed: bigint) => (env: Environment) => round(env, extended, 0, fixed, -FRACTION_BITS, true);
/** log₂ 5 = 2 + log₂ (5/4). */
const LOG2_5 = 2n * ONE + divideFixed(2n * atanhFixed(ONE / 9n), LN2);
export const x87Constants = [
  constant("FLD1", "D9 E8", () => finite(0, 1n, 0)),
  constant("FLDL2T", "D9 E9", irrational(LOG2_5 + ONE)),
  constant("FLDL2E", "D9 EA", irrational(divideFixed(ONE, LN2))),
  constant("FLDPI", "D9 EB", irrational(PI)),
  constant("FLDLG2", "D9 EC", irrational(divideFixed(ONE, LOG2_5 + ONE))),
  constant("FLDLN2", "D9 ED", irrational(LN2)),
  constant("FLDZ", "D9 EE", () => zero(0)),
];

// Stores

function littleEndian(value: bigint, bytes: number): Uint8Array {
  const all = new Uint8Array(8);
  new DataView(all.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return all.slice(0, bytes);
}
function store(
  mnemonic: string,
  form: string,
  pops: 0 | 1,
  convertTo: (x87: X87Operation) => Uint8Array,
  underflow: Uint8Array,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine, dst) {
      const x87 = new X87Operation(machine);
      const address = machine.address(dst as MemoryOperand);
      // A fault of the memory goes before an exception of the value.
      machine.space.probe(address, underflow.length, "write");
      const write = (bytes: Uint8Array): void => machine.space.write(address, bytes);
      x87.stored(write, () => convertTo(x87), underflow, pops);
    },
  });
}
const toSingleBytes = (x87: X87Operation): Uint8Array =>
  littleEndian(BigInt(toSingle(convert(x87.env, single, x87.read(0)))), 4);
const toDoubleBytes = (x87: X87Operation): Uint8Array =>
  littleEndian(toDouble(convert(x87.env, double, x87.read(0))), 8);
const integerIndefinite = (bytes: number): bigint => 1n << BigInt(bytes * 8 - 1);
function storeInteger(
  mnemonic: string,
  form: string,
  bytes: number,
  pops: 0 | 1,
  truncate = false,
): InstructionSpecification {
  const toBytes = (x87: X87Operation): Uint8Array => {
    const { env } = x87;
    const rounding = truncate ? Rounding.towardZero : env.rounding;
    const inner = new Environment({ rounding, masks: env.masks, unit: "x87", exponentWrap: 0 });
    const value = toInteger(inner, x87.read(0), bytes * 8);
    env.raise(inner.raised);
    env.roundedUp = inner.roundedUp;
    return littleEndian(value ?? integerIndefinite(bytes), bytes);
  };
  return store(mnemonic, form, pops, toBytes, littleEndian(integerIndefinite(bytes), bytes));
}
const packedDecimalIndefinite = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff);
const singleIndefinite = littleEndian(BigInt(toSingle(indefinite)), 4);
const doubleIndefinite = littleEndian(toDouble(indefinite), 8);
export const x87Stores = [
  store("FST", "D9 /2 m32", 0, toSingleBytes, singleIndefinite),
  store("FSTP", "D9 /3 m32", 1, toSingleBytes, singleIndefinite),
  store("FST", "DD /2 m64", 0, toDoubleBytes, doubleIndefinite),
  store("FSTP", "DD /3 m64", 1, toDoubleBytes, doubleIndefinite),
  store("FSTP", "DB /7 m80", 1, (x87) => x87.bytes(0).slice(), bytesOf(indefinite)),
  storeInteger("FIST", "DF /2 m16", 2, 0),
  storeInteger("FISTP", "DF /3 m16", 2, 1),
  storeInteger("FIST", "DB /2 m32", 4, 0),
  storeInteger("FISTP", "DB /3 m32", 4, 1),
  storeInteger("FISTP", "DF /7 m64", 8, 1),
  storeInteger("FISTTP", "DF /1 m16", 2, 1, true),
  storeInteger("FISTTP", "DB /1 m32", 4, 1, true),
  storeInteger("FISTTP", "DD /1 m64", 8, 1, true),
  store("FBSTP", "DF /6 m80", 1, (x87) => toPackedDecimal(x87.env, x87.read(0)), packedDecimalIndefinite),
];

// Between registers

/** The bytes of ST(i), or indefinite for an empty one. */
const copyOf = (x87: X87Operation, i: number): Uint8Array =>
  x87.underflows(i) ? bytesOf(indefinite) : x87.bytes(i).slice();

function storeRegister(mnemonic: string, forms: string[], pops: 0 | 1): InstructionSpecification {
  return instruction(mnemonic, {
    forms,
    execute(machine, dst) {
      const x87 = new X87Operation(machine);
      const value = copyOf(x87, 0);
      const { prevented } = x87;
      x87.settle();
      if (prevented) return;
      x87.write(stackIndex(dst), value);
      x87.pop(pops);
    },
  });
}
export const FST_REGISTER = storeRegister("FST", ["DD D0+i st(i)"], 0);
export const FSTP_REGISTER = storeRegister("FSTP", ["DD D8+i st(i)", "DF D0+i st(i)", "DF D8+i st(i)"], 1);
/** An alias of FSTP without stack fault: an empty register is only popped. */
export const FSTPNCE = instruction("FSTPNCE", {
  forms: ["D9 D8+i st(i)"],
  execute(machine, dst) {
    const x87 = new X87Operation(machine);
    x87.settle();
    if (!x87.isEmpty(0)) x87.write(stackIndex(dst), x87.bytes(0).slice());
    x87.pop();
  },
});

export const FXCH = instruction("FXCH", {
  forms: ["D9 C8+i st(i)", "DD C8+i st(i)", "DF C8+i st(i)"],
  execute(machine, other) {
    const x87 = new X87Operation(machine);
    const i = stackIndex(other);
    const [first, second] = [copyOf(x87, 0), copyOf(x87, i)];
    const { prevented } = x87;
    x87.settle();
    if (prevented) return;
    x87.write(0, second);
    x87.write(i, first);
  },
});

function changeSign(mnemonic: string, form: string, change: (byte: number) => number): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      const isFull = !x87.underflows(0);
      const value = isFull ? x87.bytes(0).slice() : bytesOf(indefinite);
      if (isFull) value[9] = change(value[9]);
      const { prevented } = x87;
      x87.settle();
      if (!prevented) x87.write(0, value);
    },
  });
}
export const FCHS = changeSign("FCHS", "D9 E0", (byte) => byte ^ 0x80);
export const FABS = changeSign("FABS", "D9 E1", (byte) => byte & 0x7f);

function conditionalMove(suffix: string, opcode: string, flags: number, whenSet: boolean): InstructionSpecification {
  return instruction(`FCMOV${suffix}`, {
    forms: [`${opcode}+i st(0),st(i)`],
    execute(machine, _dst, src) {
      const x87 = new X87Operation(machine);
      const i = stackIndex(src);
      const isFaulty = x87.underflows(0, i);
      const holds = ((machine.context.rflags & flags) !== 0) === whenSet;
      const value = isFaulty ? bytesOf(indefinite) : x87.bytes(i).slice();
      const { prevented } = x87;
      x87.settle();
      if (!prevented && (holds || isFaulty)) x87.write(0, value);
    },
  });
}
export const FCMOVcc = [
  conditionalMove("B", "DA C0", Flag.CF, true),
  conditionalMove("E", "DA C8", Flag.ZF, true),
  conditionalMove("BE", "DA D0", Flag.CF | Flag.ZF, true),
  conditionalMove("U", "DA D8", Flag.PF, true),
  conditionalMove("NB", "DB C0", Flag.CF, false),
  conditionalMove("NE", "DB C8", Flag.ZF, false),
  conditionalMove("NBE", "DB D0", Flag.CF | Flag.ZF, false),
  conditionalMove("NU", "DB D8", Flag.PF, false),
];

// The stack itself

function rotation(mnemonic: string, form: string, by: 1 | -1): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      x87.settle();
      x87.rotate(by);
    },
  });
}
export const FINCSTP = rotation("FINCSTP", "D9 F7", 1);
export const FDECSTP = rotation("FDECSTP", "D9 F6", -1);
export const FFREE = instruction("FFREE", {
  forms: ["DD C0+i st(i)"],
  execute(machine, register) {
    new X87Operation(machine).free(stackIndex(register));
  },
});
export const FFREEP = instruction("FFREEP", {
  forms: ["DF C0+i st(i)"],
  execute(machine, register) {
    const x87 = new X87Operation(machine);
    x87.free(stackIndex(register));
    x87.pop();
  },
});
