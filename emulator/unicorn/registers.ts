/** The registers of `uc_x86_reg` that this processor has: their numbers, and where they stand in a Context. */
import { layout } from "../context-layout.ts";
import type { Context } from "../context.ts";

/** A stretch of the context's bytes, or what is composed of several. */
export interface UnicornRegister {
  readonly name: string;
  readonly id: number;
  /** Bytes of its value. */
  readonly size: number;
  /** Where a stretch begins. */
  readonly offset?: (context: Context) => number;
  read(context: Context): Uint8Array;
  /** `value` has `size` bytes. */
  write(context: Context, value: Uint8Array): void;
}

const registers: UnicornRegister[] = [];

function at(name: string, id: number, size: number, place: number | ((context: Context) => number)): void {
  const offset = typeof place === "number" ? () => place : place;
  const bytes = (context: Context): Uint8Array => {
    const start = offset(context);
    return context.bytes.subarray(start, start + size);
  };
  registers.push({
    name,
    id,
    size,
    offset,
    read: (context) => bytes(context).slice(),
    write: (context, value) => bytes(context).set(value),
  });
}

/** Names and numbers of the registers with letters, by size; the order is that of the encoding. */
const lettered = [
  [8, 0, ["RAX", 35], ["RCX", 38], ["RDX", 40], ["RBX", 37], ["RSP", 44], ["RBP", 36], ["RSI", 43], ["RDI", 39]],
  [4, 0, ["EAX", 19], ["ECX", 22], ["EDX", 24], ["EBX", 21], ["ESP", 30], ["EBP", 20], ["ESI", 29], ["EDI", 23]],
  [2, 0, ["AX", 3], ["CX", 12], ["DX", 18], ["BX", 8], ["SP", 47], ["BP", 6], ["SI", 45], ["DI", 14]],
  [1, 0, ["AL", 2], ["CL", 10], ["DL", 16], ["BL", 5], ["SPL", 48], ["BPL", 7], ["SIL", 46], ["DIL", 15]],
  [1, 1, ["AH", 1], ["CH", 9], ["DH", 13], ["BH", 4]],
] as const;
for (const [size, shift, ...names] of lettered)
  names.forEach(([name, id], number) => at(name, id, size, layout.gpr + number * 8 + shift));

const row = (count: number, visit: (number: number) => void): void => Array.from({ length: count }, (_, n) => n).forEach(visit); // prettier-ignore
for (const [suffix, first, size] of [
  ["", 106, 8],
  ["B", 218, 1],
  ["D", 226, 4],
  ["W", 234, 2],
] as const)
  // prettier-ignore
  row(8, (n) => at(`R${8 + n}${suffix}`, first + n, size, layout.gpr + (8 + n) * 8));

at("RIP", 41, 8, layout.rip);
at("EIP", 26, 4, layout.rip);
at("IP", 34, 2, layout.rip);
at("FS_BASE", 250, 8, layout.fsBase);
at("GS_BASE", 251, 8, layout.gsBase);
at("MXCSR", 249, 4, layout.mxcsr);
at("FPCW", 246, 2, layout.fcw);
at("FPSW", 31, 2, layout.fsw);
at("FPTAG", 247, 2, layout.ftw);
at("FOP", 258, 2, layout.fop);
at("FIP", 254, 8, layout.fip);
at("FDP", 256, 8, layout.fdp);
// DR4 and DR5 are none.
[66, 67, 68, 69, 72, 73].forEach((id, index) => at(`DR${id - 66}`, id, 8, layout.dr + index * 8));

/** FPn and MMn are physical registers, STn counts from the top of the stack. */
row(8, (n) => {
  at(`FP${n}`, 82 + n, 10, layout.x87 + n * 16);
  at(`MM${n}`, 98 + n, 8, layout.x87 + n * 16);
  at(`ST${n}`, 114 + n, 10, ({ view }) => {
    const top = (view.getUint16(layout.fsw, true) >> 11) & 7;
    return layout.x87 + ((top + n) & 7) * 16;
  });
});
row(16, (n) => {
  at(`XMM${n}`, 122 + n, 16, layout.xmm + n * 16);
  registers.push({
    name: `YMM${n}`,
    id: 154 + n,
    size: 32,
    read: (context) => Uint8Array.of(...context.xmm(n), ...context.ymmHigh(n)),
    write: (context, value) => {
      context.xmm(n).set(value.subarray(0, 16));
      context.ymmHigh(n).set(value.subarray(16));
    },
  });
});

for (const [name, id, size] of [
  ["FLAGS", 252, 2],
  ["EFLAGS", 25, 4],
  ["RFLAGS", 253, 8],
] as const)
  // prettier-ignore
  registers.push({
    name,
    id,
    size,
    read(context) {
      const value = new DataView(new ArrayBuffer(8));
      value.setUint32(0, context.rflags, true);
      return new Uint8Array(value.buffer, 0, size);
    },
    write(context, bytes) {
      const mask = size === 2 ? 0xffff : 0xffff_ffff;
      const value = bytes.reduceRight((sum, byte, index) => (index < 4 ? ((sum << 8) | byte) >>> 0 : sum), 0);
      context.rflags = ((context.rflags & ~mask) | (value & mask)) >>> 0;
    },
  });

const byId = new Map(registers.map((register) => [register.id, register]));

/** Undefined for a number that names no register, or one that this processor does not have. */
export function registerOf(id: number): UnicornRegister | undefined {
  return byId.get(id);
}

/** Registers of `uc_x86_reg` that this processor has not, or that user mode does not see. */
const others: Readonly<Record<string, number>> = {
  INVALID: 0,
  ...{ CS: 11, DS: 17, ES: 28, FS: 32, GS: 33, SS: 49, CR0: 50, CR1: 51, CR2: 52, CR3: 53, CR4: 54, CR8: 58 },
  ...{ DR4: 70, DR5: 71, IDTR: 242, GDTR: 243, LDTR: 244, TR: 245, MSR: 248, FCS: 255, FDS: 257, ENDING: 259 },
  ...Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`K${n}`, 90 + n])),
  ...Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`XMM${16 + n}`, 138 + n])),
  ...Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`YMM${16 + n}`, 170 + n])),
  ...Object.fromEntries(Array.from({ length: 32 }, (_, n) => [`ZMM${n}`, 186 + n])),
};

/** X86_REG_… as unicorn.js's module has them. */
export const registerConstants: Readonly<Record<string, number>> = Object.fromEntries(
  [...registers.map(({ name, id }) => [name, id] as const), ...Object.entries(others)].map(([name, id]) => [
    `X86_REG_${name}`,
    id,
  ]),
);
