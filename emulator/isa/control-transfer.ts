/** Jumps, calls, returns, interrupts, SYSCALL. */
import { layout } from "../context-layout.ts";
import { Flag } from "../context.ts";
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import { conditional, instruction } from "./instruction.ts";
import type { Operand } from "./operand.ts";

const RCX = 1;
const RSP = 4;
const R11 = 11;

export const Jcc = conditional(
  "J",
  (digit) => [`f64 7${digit} cb rel`, `f64 0F 8${digit} cd rel`],
  (code) => (b, target) => b.branch(b.condition(code), b.read(target)),
);

export const JMP = instruction("JMP", {
  forms: ["f64 EB cb rel", "f64 E9 cd rel"],
  lift: (b, target) => b.jump(b.read(target), "direct"),
});
export const JMP_INDIRECT = instruction("JMP", {
  forms: ["f64 FF /4 rm"],
  lift: (b, target) => b.jump(b.read(target), "indirect"),
});

function call(b: Builder, target: Node, how: "call" | "indirectCall"): void {
  const top = b.sub(b.gpr(RSP, 64), 8);
  b.store(top, 8, b.next());
  b.writeGpr(RSP, 64, top);
  b.jump(target, how);
}
export const CALL = instruction("CALL", {
  stack: "write",
  forms: ["f64 E8 cd rel"],
  lift: (b, target) => call(b, b.read(target), "call"),
});
export const CALL_INDIRECT = instruction("CALL", {
  stack: "write",
  forms: ["f64 FF /2 rm"],
  lift: (b, target) => call(b, b.read(target), "indirectCall"),
});

export const RET = instruction("RET", {
  stack: "read",
  forms: ["f64 C3", "f64 C2 iw imm16"],
  lift(b, release) {
    const target = b.load(b.gpr(RSP, 64), 8);
    let top = b.add(b.gpr(RSP, 64), 8);
    // C3 has no operand.
    if (release) top = b.add(top, b.read(release, "i64"));
    b.writeGpr(RSP, 64, top);
    b.jump(target, "return");
  },
});

function loop(mnemonic: string, opcode: string, condition: (b: Builder) => Node | undefined) {
  return instruction(mnemonic, {
    forms: [`f64 ${opcode} cb rel`],
    lift(b, target) {
      const width = b.site.addressSize;
      const count = b.sub(b.gpr(RCX, width), 1);
      b.writeGpr(RCX, width, count);
      const also = condition(b);
      b.branch(also ? b.and(b.ne(count, 0), also) : b.ne(count, 0), b.read(target));
    },
  });
}
export const LOOPNE = loop("LOOPNE", "E0", (b) => b.eqz(b.flag("zf")));
export const LOOPE = loop("LOOPE", "E1", (b) => b.flag("zf"));
export const LOOP = loop("LOOP", "E2", () => undefined);

export const JRCXZ = instruction("JRCXZ", {
  forms: ["f64 E3 cb rel"],
  lift: (b, target) => b.branch(b.eqz(b.gpr(RCX, b.site.addressSize)), b.read(target)),
});

export const SYSCALL = instruction("SYSCALL", {
  forms: ["0F 05"],
  lift(b) {
    b.writeGpr(RCX, 64, b.next());
    b.writeGpr(R11, 64, b.extendU(b.flags.compose()));
    b.exit("syscall");
  },
});

export const INT3 = instruction("INT3", { forms: ["CC"], lift: (b) => b.exit("breakpoint") });
export const INT = instruction("INT", {
  forms: ["CD ib imm8"],
  lift: (b, vector) => b.exit("interrupt", b.read(vector)),
});
/** #DB is a trap here: it comes after the instruction. */
export const INT1 = instruction("INT1", { forms: ["F1"], lift: (b) => b.exit("debug") });
export const UD0 = instruction("UD0", { forms: ["0F FF /r r,rm"], lift: (b) => b.raise("UD") });
export const UD1 = instruction("UD1", { forms: ["0F B9 /r r,rm"], lift: (b) => b.raise("UD") });
export const UD2 = instruction("UD2", { forms: ["0F 0B"], lift: (b) => b.raise("UD") });

/** Control registers are 0, 2, 3, 4 and 8, debug registers 0 to 7. */
const isNoRegister = (operand: Operand): boolean =>
  operand.kind === "register" &&
  ((operand.file === "control" && ![0, 2, 3, 4, 8].includes(operand.register)) ||
    (operand.file === "debug" && operand.register > 7));

/** What privilege level 3 may not do. */
export const privileged = [
  instruction("HLT", { forms: ["F4"], lift: (b) => b.raise("GP") }),
  instruction("CLI", { forms: ["FA"], lift: (b) => b.raise("GP") }),
  instruction("STI", { forms: ["FB"], lift: (b) => b.raise("GP") }),
  instruction("IN", {
    forms: ["E4 ib AL,imm8", "E5 ib rAX,imm8", "EC AL,DX", "ED rAX,DX"],
    lift: (b) => b.raise("GP"),
  }),
  instruction("OUT", {
    forms: ["E6 ib imm8,AL", "E7 ib imm8,rAX", "EE DX,AL", "EF DX,rAX"],
    lift: (b) => b.raise("GP"),
  }),
  instruction("INS", { forms: ["6C", "6D"], lift: (b) => b.raise("GP") }),
  instruction("OUTS", { forms: ["6E", "6F"], lift: (b) => b.raise("GP") }),
  // LOCK before them is #UD, as on Intel's processors; on AMD's it makes CR8 of CR0 where CPUID has AltMovCr8, which ours has not.
  instruction("MOV", {
    forms: ["0F 20 /r rmr64,cr", "0F 22 /r cr,rmr64", "0F 21 /r rmr64,dr", "0F 23 /r dr,rmr64"],
    lift: (b, dst, src) => b.raise([dst, src].some(isNoRegister) ? "UD" : "GP"),
  }),
  instruction("CLTS", { forms: ["0F 06"], lift: (b) => b.raise("GP") }),
  instruction("SYSRET", { forms: ["0F 07"], lift: (b) => b.raise("GP") }),
  instruction("INVD", { forms: ["0F 08"], lift: (b) => b.raise("GP") }),
  instruction("WBINVD", { forms: ["0F 09"], lift: (b) => b.raise("GP") }),
  instruction("WRMSR", { forms: ["0F 30"], lift: (b) => b.raise("GP") }),
  instruction("RDMSR", { forms: ["0F 32"], lift: (b) => b.raise("GP") }),
  instruction("RDPMC", { forms: ["0F 33"], lift: (b) => b.raise("GP") }),
  instruction("LLDT", { forms: ["0F 00 /2 rm16"], lift: (b) => b.raise("GP") }),
  instruction("LTR", { forms: ["0F 00 /3 rm16"], lift: (b) => b.raise("GP") }),
  instruction("LGDT", { forms: ["0F 01 /2 mem"], lift: (b) => b.raise("GP") }),
  instruction("LIDT", { forms: ["0F 01 /3 mem"], lift: (b) => b.raise("GP") }),
  instruction("LMSW", { forms: ["0F 01 /6 rm16"], lift: (b) => b.raise("GP") }),
  instruction("INVLPG", { forms: ["0F 01 /7 mem"], lift: (b) => b.raise("GP") }),
  // IA32_SYSENTER_CS is 0 on 64-bit systems.
  instruction("SYSENTER", { forms: ["0F 34"], lift: (b) => b.raise("GP") }),
  instruction("SYSEXIT", { forms: ["0F 35"], lift: (b) => b.raise("GP") }),
  instruction("SWAPGS", { forms: ["0F 01 F8"], lift: (b) => b.raise("GP") }),
];

// Flag instructions

export const LAHF = instruction("LAHF", {
  forms: ["9F"],
  feature: "LAHF",
  lift: (b) => b.writeGpr(0, 8, b.flags.compose(), true),
});
export const SAHF = instruction("SAHF", {
  forms: ["9E"],
  feature: "LAHF",
  lift: (b) => b.flags.set(b.flags.fromLowByte(b.gpr(0, 8, true))),
});
export const CLC = instruction("CLC", { forms: ["F8"], lift: (b) => b.flags.set({ cf: b.i32(0) }) });
export const STC = instruction("STC", { forms: ["F9"], lift: (b) => b.flags.set({ cf: b.i32(1) }) });
export const CMC = instruction("CMC", { forms: ["F5"], lift: (b) => b.flags.set({ cf: b.eqz(b.flag("cf")) }) });

const otherFlags = { offset: layout.rflags, bytes: 4 } as const;
export const CLD = instruction("CLD", {
  forms: ["FC"],
  lift: (b) => b.writeState(otherFlags, b.and(b.rflags(), ~Flag.DF)),
});
export const STD = instruction("STD", {
  forms: ["FD"],
  lift: (b) => b.writeState(otherFlags, b.or(b.rflags(), Flag.DF)),
});
