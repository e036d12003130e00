/** Bit tests and scans, population and zero counts, BMI. */
import type { Builder, Width } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

const testUndefined = { OF: "always", SF: "always", AF: "always", PF: "always" } as const;

function bitTest(
  mnemonic: string,
  opcode: string,
  extension: number,
  change?: (b: Builder, x: Node, mask: Node) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`0F ${opcode} /r rm,r`, `0F BA /${extension} ib rm,imm8`],
    lock: change !== undefined,
    undefinedFlags: testUndefined,
    lift(b, target, offset) {
      const width = target.width as Width;
      const index = b.read(offset);
      let x: Node;
      let address: Node | undefined;
      if (target.kind === "memory") {
        // A register's offset is signed and reaches beyond the operand.
        if (offset.kind === "register") {
          const element = b.shrS(b.extendS(b.signExtend(index, width)), Math.log2(width));
          address = b.addressBehind(target, b.shl(element, Math.log2(width / 8)));
        } else address = b.address(target);
        x = b.load(address, (width / 8) as 2 | 4 | 8);
      } else x = b.read(target);
      const count = x.type === "i64" ? b.extendU(index) : index;
      const bit = b.and(count, width - 1);
      b.flags.set({ cf: b.wrap(b.and(b.shrU(x, bit), 1)) });
      if (!change) return;
      const result = change(b, x, b.shl(b.constant(x, 1), bit));
      if (address) b.store(address, (width / 8) as 2 | 4 | 8, result);
      else b.write(target, result);
    },
  });
}
export const BT = bitTest("BT", "A3", 4);
export const BTS = bitTest("BTS", "AB", 5, (b, x, mask) => b.or(x, mask));
export const BTR = bitTest("BTR", "B3", 6, (b, x, mask) => b.and(x, b.not(mask)));
export const BTC = bitTest("BTC", "BB", 7, (b, x, mask) => b.xor(x, mask));

const scanUndefined = { CF: "always", ...testUndefined } as const;

function scan(mnemonic: string, opcode: string, position: (b: Builder, x: Node) => Node): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`0F ${opcode} /r r,rm`],
    undefinedFlags: scanUndefined,
    lift(b, dst, src) {
      const x = b.read(src);
      const zero = b.eqz(x);
      // The destination of a scan that finds nothing is undefined in the SDM; processors leave all 64 bits alone.
      if (dst.kind === "register" && dst.width === 32)
        b.writeGpr(dst.register, 64, b.select(zero, b.gpr(dst.register, 64), b.extendU(position(b, x))));
      else b.write(dst, b.select(zero, b.read(dst), position(b, x)));
      b.flags.set({ zf: zero });
    },
  });
}
export const BSF = scan("BSF", "BC", (b, x) => b.ctz(x));
export const BSR = scan("BSR", "BD", (b, x) => b.sub(b.constant(x, x.type === "i64" ? 63 : 31), b.clz(x)));

const countUndefined = { OF: "always", SF: "always", AF: "always", PF: "always" } as const;

function countZeros(
  mnemonic: "LZCNT" | "TZCNT",
  opcode: string,
  count: (b: Builder, x: Node, width: Width) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`F3 0F ${opcode} /r r,rm`],
    feature: mnemonic === "LZCNT" ? "LZCNT" : "BMI1",
    undefinedFlags: countUndefined,
    lift(b, dst, src) {
      const width = dst.width as Width;
      const x = b.read(src);
      const result = count(b, x, width);
      b.write(dst, result);
      b.flags.set({ cf: b.eqz(x), zf: b.eqz(result) });
    },
  });
}
export const LZCNT = countZeros("LZCNT", "BD", (b, x, width) => (width === 16 ? b.sub(b.clz(x), 16) : b.clz(x)));
export const TZCNT = countZeros("TZCNT", "BC", (b, x, width) => (width === 16 ? b.ctz(b.or(x, 0x1_0000)) : b.ctz(x)));

export const POPCNT = instruction("POPCNT", {
  forms: ["F3 0F B8 /r r,rm"],
  feature: "POPCNT",
  lift(b, dst, src) {
    const x = b.read(src);
    b.write(dst, b.popcnt(x));
    const zero = b.i32(0);
    b.flags.set({ cf: zero, of: zero, sf: zero, af: zero, pf: b.i32(1), zf: b.eqz(x) });
  },
});

// BMI1 and BMI2. The destination of BLSI, BLSMSK and BLSR is VEX.vvvv.

const pair = (prefix: string, map: string, rest: string): string[] =>
  ["W0", "W1"].map((w) => `VEX.LZ.${prefix}.${map}.${w} ${rest.replaceAll("#", w === "W0" ? "32" : "64")}`);
const bmiUndefined = { AF: "always", PF: "always" } as const;

/** CF as given, OF = 0, ZF and SF of the result. */
function bmiFlags(b: Builder, result: Node, width: Width, cf: Node): void {
  const zero = b.i32(0);
  b.flags.set({ cf, of: zero, zf: b.flags.zero(result, width), sf: b.flags.sign(result, width) });
}

export const ANDN = instruction("ANDN", {
  forms: pair("NP", "0F38", "F2 /r r#,rv#,rm#"),
  feature: "BMI1",
  undefinedFlags: bmiUndefined,
  lift(b, dst, inverted, src) {
    const result = b.and(b.not(b.read(inverted)), b.read(src));
    b.write(dst, result);
    bmiFlags(b, result, dst.width as Width, b.i32(0));
  },
});

function lowestBit(
  mnemonic: string,
  extension: number,
  operation: (b: Builder, x: Node) => Node,
  cf: (b: Builder, x: Node) => Node,
): InstructionSpecification {
  return instruction(mnemonic, {
    forms: pair("NP", "0F38", `F3 /${extension} rv#,rm#`),
    feature: "BMI1",
    undefinedFlags: bmiUndefined,
    lift(b, dst, src) {
      const x = b.read(src);
      const result = operation(b, x);
      b.write(dst, result);
      bmiFlags(b, result, dst.width as Width, cf(b, x));
    },
  });
}
export const BLSR = lowestBit(
  "BLSR",
  1,
  (b, x) => b.and(x, b.sub(x, 1)),
  (b, x) => b.eqz(x),
);
export const BLSMSK = lowestBit(
  "BLSMSK",
  2,
  (b, x) => b.xor(x, b.sub(x, 1)),
  (b, x) => b.eqz(x),
);
export const BLSI = lowestBit(
  "BLSI",
  3,
  (b, x) => b.and(x, b.neg(x)),
  (b, x) => b.ne(x, 0),
);

export const BEXTR = instruction("BEXTR", {
  forms: pair("NP", "0F38", "F7 /r r#,rm#,rv#"),
  feature: "BMI1",
  undefinedFlags: { ...bmiUndefined, SF: "always" },
  lift(b, dst, src, control) {
    const width = dst.width as Width;
    const x = b.read(src);
    const c = b.read(control);
    const start = b.and(c, 0xff);
    const length = b.and(b.shrU(c, 8), 0xff);
    const shifted = b.select(b.geU(start, width), b.constant(x, 0), b.shrU(x, start));
    const mask = b.select(b.geU(length, width), b.constant(x, -1), b.sub(b.shl(b.constant(x, 1), length), 1));
    const result = b.and(shifted, mask);
    b.write(dst, result);
    bmiFlags(b, result, width, b.i32(0));
  },
});

export const BZHI = instruction("BZHI", {
  forms: pair("NP", "0F38", "F5 /r r#,rm#,rv#"),
  feature: "BMI2",
  undefinedFlags: bmiUndefined,
  lift(b, dst, src, index) {
    const width = dst.width as Width;
    const x = b.read(src);
    const n = b.and(b.read(index), 0xff);
    const saturated = b.geU(n, width);
    const result = b.select(saturated, x, b.and(x, b.sub(b.shl(b.constant(x, 1), n), 1)));
    b.write(dst, result);
    bmiFlags(b, result, width, b.gtU(n, width - 1));
  },
});

function scatterOrGather(machine: Machine, dst: Operand, src: Operand, mask: Operand, deposit: boolean): void {
  const x = machine.read(src);
  let result = 0n;
  let from = 0n;
  for (let bits = machine.read(mask), position = 0n; bits; bits >>= 1n, position++) {
    if (!(bits & 1n)) continue;
    result |= deposit ? ((x >> from) & 1n) << position : ((x >> position) & 1n) << from;
    from++;
  }
  machine.write(dst, result);
}
export const PDEP = instruction("PDEP", {
  forms: pair("F2", "0F38", "F5 /r r#,rv#,rm#"),
  feature: "BMI2",
  execute: (machine, dst, src, mask) => scatterOrGather(machine, dst, src, mask, true),
});
export const PEXT = instruction("PEXT", {
  forms: pair("F3", "0F38", "F5 /r r#,rv#,rm#"),
  feature: "BMI2",
  execute: (machine, dst, src, mask) => scatterOrGather(machine, dst, src, mask, false),
});

// ADX: additions with carry that touch one flag.

function addWithFlag(mnemonic: string, prefix: string, flag: "cf" | "of"): InstructionSpecification {
  return instruction(mnemonic, {
    forms: [`${prefix} W0 0F 38 F6 /r r32,rm32`, `${prefix} REX.W 0F 38 F6 /r r64,rm64`],
    feature: "ADX",
    lift(b, dst, src) {
      const x = b.read(dst);
      const carry = b.flag(flag);
      const sum = b.add(b.add(x, b.read(src)), x.type === "i64" ? b.extendU(carry) : carry);
      b.write(dst, sum);
      b.flags.set({ [flag]: b.select(carry, b.leU(sum, x), b.ltU(sum, x)) });
    },
  });
}
export const ADCX = addWithFlag("ADCX", "66", "cf");
export const ADOX = addWithFlag("ADOX", "F3", "of");
