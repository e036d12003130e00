/** x87: arithmetic, comparisons, transcendental functions. */
import { Flag } from "../context.ts";
import { add, compare, divide, multiply, squareRoot, subtract } from "../soft-float/arithmetic.ts";
import type { Relation } from "../soft-float/arithmetic.ts";
import type { Environment } from "../soft-float/environment.ts";
import type { Float, Format } from "../soft-float/float.ts";
import { finite, fromDouble, fromInteger, fromSingle, indefinite, zero } from "../soft-float/float.ts";
import { extract, remainder, scale } from "../soft-float/partial.ts";
import { roundToIntegral } from "../soft-float/round.ts";
import {
  arcTangent,
  cosine,
  sine,
  tangent,
  twoToXMinusOne,
  yLog2X,
  yLog2XPlus1,
} from "../soft-float/transcendental.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";
import { stackIndex, Status, X87Operation } from "./x87-stack.ts";

/** A memory operand as number. */
type Reader = (machine: Machine, operand: Operand) => Float;
export const readSingle: Reader = (machine, operand) => fromSingle(Number(machine.read(operand)));
export const readDouble: Reader = (machine, operand) => fromDouble(machine.read(operand));
export const readInteger: Reader = (machine, operand) =>
  fromInteger(BigInt.asIntN(operand.width, machine.read(operand)));

type Binary = (env: Environment, format: Format, a: Float, b: Float) => Float;
const reversed =
  (f: Binary): Binary =>
  (env, format, a, b) =>
    f(env, format, b, a);

/** The six operations: the /digit of their memory forms, and the opcode bytes of the forms whose destination is ST(i). */
function arithmetic(name: string, digit: number, toStack: string, compute: Binary): InstructionSpecification[] {
  const row = (0xc0 + digit * 8).toString(16).toUpperCase();
  const memory = (mnemonic: string, form: string, read: Reader): InstructionSpecification =>
    instruction(mnemonic, {
      forms: [form],
      execute(machine, src) {
        const x87 = new X87Operation(machine);
        const b = read(machine, src);
        x87.toRegister(0, [0], () => compute(x87.env, x87.format, x87.read(0), b));
      },
    });
  const registers = (mnemonic: string, form: string, pops: 0 | 1): InstructionSpecification =>
    instruction(mnemonic, {
      forms: [form],
      execute(machine, dst, src) {
        const x87 = new X87Operation(machine);
        const [target, source] = [stackIndex(dst), stackIndex(src)];
        x87.toRegister(
          target,
          [target, source],
          () => compute(x87.env, x87.format, x87.read(target), x87.read(source)),
          pops,
        );
      },
    });
  return [
    memory(`F${name}`, `D8 /${digit} m32`, readSingle),
    memory(`F${name}`, `DC /${digit} m64`, readDouble),
    memory(`FI${name}`, `DA /${digit} m32`, readInteger),
    memory(`FI${name}`, `DE /${digit} m16`, readInteger),
    registers(`F${name}`, `D8 ${row}+i st(0),st(i)`, 0),
    registers(`F${name}`, `DC ${toStack}+i st(i),st(0)`, 0),
    registers(`F${name}P`, `DE ${toStack}+i st(i),st(0)`, 1),
  ];
}
export const x87Arithmetic = [
  arithmetic("ADD", 0, "C0", add),
  arithmetic("MUL", 1, "C8", multiply),
  arithmetic("SUB", 4, "E8", subtract),
  arithmetic("SUBR", 5, "E0", reversed(subtract)),
  arithmetic("DIV", 6, "F8", divide),
  arithmetic("DIVR", 7, "F0", reversed(divide)),
].flat();

// Comparisons

const conditionOf = { greater: 0, less: Status.C0, equal: Status.C3, unordered: Status.C0 | Status.C2 | Status.C3 };
const flagsOf = { greater: 0, less: Flag.CF, equal: Flag.ZF, unordered: Flag.CF | Flag.PF | Flag.ZF };

/** `source` is a number, or ST(i). Empty registers compare as unordered. */
function compareWith(
  machine: Machine,
  source: Float | number,
  quiet: boolean,
  pops: number,
  deliver: (x87: X87Operation, relation: Relation) => void,
): void {
  const x87 = new X87Operation(machine);
  const registers = typeof source === "number" ? [0, source] : [0];
  let relation: Relation = "unordered";
  if (!x87.underflows(...registers)) {
    const b = typeof source === "number" ? x87.read(source) : source;
    relation = compare(x87.env, x87.read(0), b, quiet);
  }
  // Also where an exception is unmasked; only the pops are left out (seen on Zen 5).
  deliver(x87, relation);
  const { prevented } = x87;
  x87.settle();
  if (!prevented) x87.pop(pops);
}
const toCondition = (x87: X87Operation, relation: Relation): void => x87.setCondition(conditionOf[relation]);
function comparison(mnemonic: string, forms: string[], quiet: boolean, pops: number): InstructionSpecification {
  return instruction(mnemonic, {
    forms,
    execute: (machine, src) => compareWith(machine, stackIndex(src), quiet, pops, toCondition),
  });
}
/** FCOMPP and FUCOMPP have no operands: they compare with ST(1). */
const comparePopBoth = (mnemonic: string, form: string, quiet: boolean): InstructionSpecification =>
  instruction(mnemonic, { forms: [form], execute: (machine) => compareWith(machine, 1, quiet, 2, toCondition) });
const compareMemory = (mnemonic: string, form: string, read: Reader, pops: number): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [form],
    execute: (machine, src) => compareWith(machine, read(machine, src), false, pops, toCondition),
  });
function compareToFlags(mnemonic: string, form: string, quiet: boolean, pops: number): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute: (machine, _st0, src) =>
      compareWith(machine, stackIndex(src), quiet, pops, (_x87, relation) => {
        const { context } = machine;
        context.rflags =
          (context.rflags & ~(Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF)) | flagsOf[relation];
      }),
  });
}
export const x87Comparisons = [
  comparison("FCOM", ["D8 D0+i st(i)", "DC D0+i st(i)"], false, 0),
  comparison("FCOMP", ["D8 D8+i st(i)", "DC D8+i st(i)", "DE D0+i st(i)"], false, 1),
  comparison("FUCOM", ["DD E0+i st(i)"], true, 0),
  comparison("FUCOMP", ["DD E8+i st(i)"], true, 1),
  comparePopBoth("FCOMPP", "DE D9", false),
  comparePopBoth("FUCOMPP", "DA E9", true),
  compareMemory("FCOM", "D8 /2 m32", readSingle, 0),
  compareMemory("FCOM", "DC /2 m64", readDouble, 0),
  compareMemory("FCOMP", "D8 /3 m32", readSingle, 1),
  compareMemory("FCOMP", "DC /3 m64", readDouble, 1),
  compareMemory("FICOM", "DA /2 m32", readInteger, 0),
  compareMemory("FICOM", "DE /2 m16", readInteger, 0),
  compareMemory("FICOMP", "DA /3 m32", readInteger, 1),
  compareMemory("FICOMP", "DE /3 m16", readInteger, 1),
  compareToFlags("FCOMI", "DB F0+i st(0),st(i)", false, 0),
  compareToFlags("FCOMIP", "DF F0+i st(0),st(i)", false, 1),
  compareToFlags("FUCOMI", "DB E8+i st(0),st(i)", true, 0),
  compareToFlags("FUCOMIP", "DF E8+i st(0),st(i)", true, 1),
];
export const FTST = instruction("FTST", {
  forms: ["D9 E4"],
  execute: (machine) => compareWith(machine, zero(0), false, 0, toCondition),
});

/** The class of ST(0): C3, C2, C0; its sign in C1. */
export const FXAM = instruction("FXAM", {
  forms: ["D9 E5"],
  execute(machine) {
    const x87 = new X87Operation(machine);
    const { C0, C2, C3 } = Status;
    const x = x87.read(0);
    const byKind = {
      unsupported: 0,
      nan: C0,
      finite: x.denormal ? C2 | C3 : C2,
      infinity: C2 | C0,
      zero: C3,
    };
    x87.setCondition(x87.isEmpty(0) ? C3 | C0 : byKind[x.kind]);
    x87.setC1((x87.bytes(0)[9] & 0x80) !== 0);
    x87.settle();
  },
});

// Functions of ST(0), and of ST(0) and ST(1)

const unary = (
  mnemonic: string,
  form: string,
  compute: (env: Environment, x: Float, format: Format) => Float,
): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      x87.toRegister(0, [0], () => compute(x87.env, x87.read(0), x87.format));
    },
  });
/** Result to ST(1), then pop. */
const intoSecond = (
  mnemonic: string,
  form: string,
  compute: (env: Environment, y: Float, x: Float) => Float,
): InstructionSpecification =>
  instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      x87.toRegister(1, [0, 1], () => compute(x87.env, x87.read(1), x87.read(0)), 1);
    },
  });
export const x87Functions = [
  unary("FSQRT", "D9 FA", (env, x, format) => squareRoot(env, format, x)),
  unary("FRNDINT", "D9 FC", roundToIntegral),
  unary("F2XM1", "D9 F0", twoToXMinusOne),
  intoSecond("FPATAN", "D9 F3", arcTangent),
  intoSecond("FYL2X", "D9 F1", yLog2X),
  intoSecond("FYL2XP1", "D9 F9", yLog2XPlus1),
];
export const FSCALE = instruction("FSCALE", {
  forms: ["D9 FD"],
  execute(machine) {
    const x87 = new X87Operation(machine);
    x87.toRegister(0, [0, 1], () => scale(x87.env, x87.read(0), x87.read(1)));
  },
});

function partialRemainder(mnemonic: string, form: string, nearest: boolean): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      x87.toRegister(0, [0, 1], () => {
        const { result, quotient, partial } = remainder(x87.env, x87.read(0), x87.read(1), nearest);
        const q = quotient ?? 0;
        const { C0, C2, C3 } = Status;
        x87.setCondition((partial ? C2 : 0) | (q & 4 ? C0 : 0) | (q & 2 ? C3 : 0));
        x87.setC1((q & 1) === 1);
        return result;
      });
    },
  });
}
export const FPREM = partialRemainder("FPREM", "D9 F8", false);
export const FPREM1 = partialRemainder("FPREM1", "D9 F5", true);

/** C2 says that the operand is out of range; then nothing else happens. */
function periodic(mnemonic: string, form: string, compute: typeof sine): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      x87.setCondition(0, Status.C2);
      x87.toRegister(0, [0], () => {
        const x = x87.read(0);
        const result = compute(x87.env, x);
        if (result !== "out of range") return result;
        x87.setCondition(Status.C2, Status.C2);
        return x;
      });
    },
  });
}
export const FSIN = periodic("FSIN", "D9 FE", sine);
export const FCOS = periodic("FCOS", "D9 FF", cosine);

/** Replaces ST(0) by one number and pushes another. */
function twoResults(
  mnemonic: string,
  form: string,
  compute: (env: Environment, x: Float) => readonly [replaced: Float, pushed: Float] | "out of range",
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [form],
    execute(machine) {
      const x87 = new X87Operation(machine);
      const faulty = x87.underflows(0) || x87.overflows();
      const results = faulty ? ([indefinite, indefinite] as const) : compute(x87.env, x87.read(0));
      if (mnemonic !== "FXTRACT") x87.setCondition(results === "out of range" ? Status.C2 : 0, Status.C2);
      const { prevented } = x87;
      x87.settle();
      if (prevented || results === "out of range") return;
      x87.write(0, results[0]);
      x87.push(results[1]);
    },
  });
}
const one = finite(0, 1n, 0);
export const FXTRACT = twoResults("FXTRACT", "D9 F4", (env, x) => {
  const { exponent, significand } = extract(env, x);
  return [exponent, significand];
});
export const FPTAN = twoResults("FPTAN", "D9 F2", (env, x) => {
  const result = tangent(env, x);
  if (result === "out of range") return result;
  return [result, result.kind === "nan" ? result : one];
});
export const FSINCOS = twoResults("FSINCOS", "D9 FB", (env, x) => {
  const first = sine(env, x);
  const second = cosine(env, x);
  return first === "out of range" || second === "out of range" ? "out of range" : [first, second];
});
