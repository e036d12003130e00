/** The x87's arithmetic as cases for hardware, beside the same computed by emulator/soft-float. */
import { add, compare, divide, multiply, squareRoot, subtract } from "../../emulator/soft-float/arithmetic.ts";
import { fromPackedDecimal, toPackedDecimal } from "../../emulator/soft-float/decimal.ts";
import { Environment, Exceptions, Rounding } from "../../emulator/soft-float/environment.ts";
import type { Float, Format } from "../../emulator/soft-float/float.ts";
import {
  double,
  extended,
  extendedAs24,
  extendedAs53,
  fromDouble,
  fromExtended,
  fromInteger,
  fromSingle,
  single,
  toDouble,
  toExtended,
  toSingle,
} from "../../emulator/soft-float/float.ts";
import { extract, remainder, scale } from "../../emulator/soft-float/partial.ts";
import { convert, roundToIntegral, toInteger } from "../../emulator/soft-float/round.ts";
import {
  arcTangent,
  cosine,
  sine,
  tangent,
  twoToXMinusOne,
  yLog2X,
  yLog2XPlus1,
} from "../../emulator/soft-float/transcendental.ts";
import type { Random } from "./random.ts";

/** Two 80-bit operands, ST(0) and ST(1); the control word. */
export interface X87Case {
  readonly control: number;
  readonly st0: Uint8Array;
  readonly st1: Uint8Array;
}
/** What is compared: bytes of the result (a register or memory), a second register, and the status word but for TOP. */
export interface X87Outcome {
  readonly result: Uint8Array;
  readonly second: Uint8Array;
  readonly status: number;
}

export interface X87Operation {
  readonly name: string;
  /** Instruction bytes; RBX points to a memory operand of ten bytes. */
  readonly code: readonly number[];
  /** Where the result is: ST(0), or memory of that many bytes. */
  readonly result: "st0" | number;
  /** ST(1) counts as well. */
  readonly pair?: boolean;
  /** The memory operand, made of the case's st1. */
  readonly memoryOperand?: number;
  /** The last bits may differ: vendors' transcendental functions do. */
  readonly approximate?: boolean;
  readonly operands?: (random: Random) => X87Case;
  compute(env: Environment, format: Format, a: Float, b: Float, one: X87Case): Computed;
}
export interface Computed {
  readonly result: Float | Uint8Array;
  readonly second?: Float;
  /** C0, C2, C3 as in the status word. */
  readonly condition?: number;
  /** C1 where it is not the rounding direction. */
  readonly c1?: boolean;
}

const C0 = 0x100;
const C1 = 0x200;
const C2 = 0x400;
const C3 = 0x4000;

export function readExtended(bytes: Uint8Array): Float {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return fromExtended(view.getUint16(8, true), view.getBigUint64(0, true));
}
export function writeExtended(x: Float): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  const { signExponent, significand } = toExtended(x);
  view.setBigUint64(0, significand, true);
  view.setUint16(8, signExponent, true);
  return bytes;
}
function integerBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
  return bytes.slice(0, size);
}

type Binary = (env: Environment, format: Format, a: Float, b: Float) => Float;
const binary = (name: string, code: number[], f: Binary): X87Operation => ({
  name,
  code,
  result: "st0",
  compute: (env, format, a, b) => ({ result: f(env, format, a, b) }),
});
const memoryBinary = (
  name: string,
  code: number[],
  size: number,
  read: (bytes: Uint8Array) => Float,
): X87Operation => ({
  name,
  code,
  result: "st0",
  memoryOperand: size,
  compute: (env, format, a, _b, one) => ({ result: add(env, format, a, read(one.st1)) }),
});
const store = (
  name: string,
  code: number[],
  size: number,
  f: (env: Environment, a: Float) => Uint8Array,
): X87Operation => ({
  name,
  code,
  result: size,
  compute: (env, _format, a) => ({ result: f(env, a) }),
});
const storeInteger = (name: string, code: number[], size: number, truncate = false): X87Operation =>
  store(name, code, size, (env, a) => {
    const rounded = truncate ? Rounding.towardZero : env.rounding;
    const inner = new Environment({ rounding: rounded, masks: env.masks, unit: "x87", exponentWrap: 0 });
    const value = toInteger(inner, a, size * 8);
    env.raise(inner.raised);
    env.roundedUp = inner.roundedUp;
    return integerBytes(value ?? -(1n << BigInt(size * 8 - 1)), size);
  });
const remainderOperation = (name: string, code: number[], nearest: boolean): X87Operation => ({
  name,
  code,
  result: "st0",
  compute: (env, _format, a, b) => {
    const { result, quotient, partial } = remainder(env, a, b, nearest);
    const q = quotient ?? 0;
    return {
      result,
      condition: (partial ? C2 : 0) | (q & 4 ? C0 : 0) | (q & 2 ? C3 : 0),
      c1: (q & 1) === 1,
    };
  },
});
const unary = (
  name: string,
  code: number[],
  f: (env: Environment, a: Float) => Float,
  extra: Partial<X87Operation> = {},
): X87Operation => ({
  name,
  code,
  result: "st0",
  compute: (env, _format, a) => ({ result: f(env, a) }),
  ...extra,
});
const periodic = (name: string, code: number[], f: typeof sine): X87Operation => ({
  name,
  code,
  result: "st0",
  approximate: true,
  operands: (random) => ({ control: random.pick(controls), st0: near(random, -70, 66), st1: random.extended() }),
  compute: (env, _format, a) => {
    const result = f(env, a);
    return result === "out of range" ? { result: a, condition: C2 } : { result };
  },
});

/** A number whose exponent lies in a range; one time in eight anything. */
function near(random: Random, low: number, high: number): Uint8Array {
  const bytes = random.extended();
  if (random.below(8) === 0) return bytes;
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, random.bits(63) | (1n << 63n), true);
  view.setUint16(8, (16383 + low + random.below(high - low + 1)) | (random.below(2) << 15), true);
  return bytes;
}

const controls = [0x37f, 0x27f, 0x07f, 0x77f, 0xb7f, 0xf7f, 0x67f, 0x87f];

const compareOperation = (name: string, code: number[], quiet: boolean): X87Operation => ({
  name,
  code,
  result: "st0",
  compute: (env, _format, a, b, one) => {
    const relation = compare(env, a, b, quiet);
    const condition = { less: C0, equal: C3, greater: 0, unordered: C0 | C2 | C3 }[relation];
    return { result: one.st0, condition };
  },
});

export const x87Operations: readonly X87Operation[] = [
  binary("FADD", [0xd8, 0xc1], add),
  binary("FSUB", [0xd8, 0xe1], subtract),
  binary("FSUBR", [0xd8, 0xe9], (env, format, a, b) => subtract(env, format, b, a)),
  binary("FMUL", [0xd8, 0xc9], multiply),
  binary("FDIV", [0xd8, 0xf1], divide),
  binary("FDIVR", [0xd8, 0xf9], (env, format, a, b) => divide(env, format, b, a)),
  unary("FSQRT", [0xd9, 0xfa], (_env, a) => a, {
    compute: (env, format, a) => ({ result: squareRoot(env, format, a) }),
  }),
  unary("FRNDINT", [0xd9, 0xfc], roundToIntegral),
  memoryBinary("FADD m32fp", [0xd8, 0x03], 4, (bytes) => fromSingle(new DataView(bytes.buffer).getUint32(0, true))),
  memoryBinary("FADD m64fp", [0xdc, 0x03], 8, (bytes) => fromDouble(new DataView(bytes.buffer).getBigUint64(0, true))),
  memoryBinary("FIADD m32int", [0xda, 0x03], 4, (bytes) =>
    fromInteger(BigInt(new DataView(bytes.buffer).getInt32(0, true))),
  ),
  store("FST m32fp", [0xd9, 0x13], 4, (env, a) => integerBytes(BigInt(toSingle(convert(env, single, a))), 4)),
  store("FST m64fp", [0xdd, 0x13], 8, (env, a) => integerBytes(toDouble(convert(env, double, a)), 8)),
  storeInteger("FIST m16int", [0xdf, 0x13], 2),
  storeInteger("FIST m32int", [0xdb, 0x13], 4),
  storeInteger("FISTP m64int", [0xdf, 0x3b], 8),
  storeInteger("FISTTP m32int", [0xdb, 0x0b], 4, true),
  store("FBSTP", [0xdf, 0x33], 10, toPackedDecimal),
  {
    name: "FBLD",
    code: [0xdf, 0x23],
    result: "st0",
    memoryOperand: 10,
    operands: (random) => {
      const st1 = new Uint8Array(10);
      for (let i = 0; i < 9; i++) st1[i] = random.below(10) * 16 + random.below(10);
      st1[9] = random.below(2) << 7;
      return { control: 0x37f, st0: random.extended(), st1 };
    },
    compute: (_env, _format, _a, _b, one) => ({ result: fromPackedDecimal(one.st1) }),
  },
  compareOperation("FCOM", [0xd8, 0xd1], false),
  compareOperation("FUCOM", [0xdd, 0xe1], true),
  remainderOperation("FPREM", [0xd9, 0xf8], false),
  remainderOperation("FPREM1", [0xd9, 0xf5], true),
  {
    name: "FSCALE",
    code: [0xd9, 0xfd],
    result: "st0",
    operands: (random) => ({ control: random.pick(controls), st0: random.extended(), st1: near(random, -3, 17) }),
    compute: (env, _format, a, b) => ({ result: scale(env, a, b) }),
  },
  {
    name: "FXTRACT",
    code: [0xd9, 0xf4],
    result: "st0",
    pair: true,
    compute: (env, _format, a) => {
      const { exponent, significand } = extract(env, a);
      return { result: significand, second: exponent };
    },
  },
  periodic("FSIN", [0xd9, 0xfe], sine),
  periodic("FCOS", [0xd9, 0xff], cosine),
  {
    ...periodic("FPTAN", [0xd9, 0xf2, 0xdd, 0xd8], tangent),
    compute: (env, _format, a, _b, one) => {
      const result = tangent(env, a);
      // Out of range nothing was pushed, and the FSTP that follows popped the operand.
      return result === "out of range" ? { result: one.st1, condition: C2 } : { result };
    },
  },
  {
    name: "FPATAN",
    code: [0xd9, 0xf3],
    result: "st0",
    approximate: true,
    compute: (env, _format, a, b) => ({ result: arcTangent(env, b, a) }),
  },
  unary("F2XM1", [0xd9, 0xf0], twoToXMinusOne, {
    approximate: true,
    operands: (random) => ({ control: random.pick(controls), st0: near(random, -90, -1), st1: random.extended() }),
  }),
  {
    name: "FYL2X",
    code: [0xd9, 0xf1],
    result: "st0",
    approximate: true,
    operands: (random) => ({
      control: random.pick(controls),
      st0: random.below(3) ? random.extended() : near(random, -1, 0),
      st1: random.extended(),
    }),
    compute: (env, _format, a, b) => ({ result: yLog2X(env, b, a) }),
  },
  {
    name: "FYL2XP1",
    code: [0xd9, 0xf9],
    result: "st0",
    approximate: true,
    operands: (random) => ({ control: random.pick(controls), st0: near(random, -90, -3), st1: random.extended() }),
    compute: (env, _format, a, b) => ({ result: yLog2XPlus1(env, b, a) }),
  },
];

export function makeCase(operation: X87Operation, random: Random): X87Case {
  if (operation.operands) return operation.operands(random);
  const st0 = random.extended();
  const st1 = random.extended();
  // Near exponents meet where addition cancels and remainders are complete.
  if (random.below(2)) {
    const view = new DataView(st1.buffer);
    const exponent = (st0[9] << 8) | st0[8];
    if ((exponent & 0x7fff) > 80 && (exponent & 0x7fff) < 0x7f00) {
      view.setUint16(8, (exponent + random.below(140) - 70) ^ (random.below(2) << 15), true);
      st1[7] |= 0x80;
    }
  }
  return { control: random.pick(controls), st0, st1 };
}

export function computeInSoftware(operation: X87Operation, one: X87Case): X87Outcome {
  const env = new Environment({
    rounding: (one.control >> 10) & 3,
    masks: one.control & Exceptions.all,
    unit: "x87",
    exponentWrap: 24576,
  });
  const format = [extendedAs24, extended, extendedAs53, extended][(one.control >> 8) & 3];
  const computed = operation.compute(env, format, readExtended(one.st0), readExtended(one.st1), one);
  const c1 = computed.c1 ?? env.roundedUp;
  return {
    result: computed.result instanceof Uint8Array ? computed.result : writeExtended(computed.result),
    second: computed.second ? writeExtended(computed.second) : new Uint8Array(10),
    status: env.raised | (computed.condition ?? 0) | (c1 ? C1 : 0),
  };
}
