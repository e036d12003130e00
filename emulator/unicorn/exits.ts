/** What Unicorn's hooks tell, as exits of the CPU seam. */
import { USER_LIMIT, type AccessKind, type ExceptionVector, type Exit } from "../cpu.ts";
import { MemoryEvent } from "./constants.ts";

const KERNEL_START = 0xffff_8000_0000_0000;

/** What a hook on MEM_INVALID saw, which does not tell #SS from #GP. */
export function memoryExit(type: number, address: number): Exit {
  if (address >= USER_LIMIT && address < KERNEL_START) {
    return { reason: "fault", address: Number(0xffff_ffff_ffff_ffffn), access: "read", vector: "GP" };
  }
  return { reason: "fault", address, access: accessOf(type), vector: "PF" };
}

function accessOf(type: number): AccessKind {
  switch (type) {
    case MemoryEvent.WRITE_UNMAPPED:
    case MemoryEvent.WRITE_PROT:
      return "write";
    case MemoryEvent.FETCH_UNMAPPED:
    case MemoryEvent.FETCH_PROT:
      return "execute";
    default:
      return "read";
  }
}

export const GP_VECTOR = 13;
const exceptionVectors: Readonly<Record<number, ExceptionVector>> = {
  0: "DE",
  1: "DB",
  6: "UD",
  13: "GP",
  16: "MF",
  17: "AC",
  19: "XM",
};

/**
 * Unicorn reports software interrupts and processor exceptions alike, but leaves RIP behind the former and at the
 * instruction of the latter. `atInstruction` is undefined where nobody counted.
 */
export function interruptExit(
  codeBytes: (address: number) => Uint8Array,
  vector: number,
  rip: number,
  atInstruction: boolean | undefined,
): Exit {
  if (atInstruction !== true) {
    const [first, last] = codeBytes(rip - 2);
    if (first === 0xcd && last === vector) return { reason: "interrupt", vector };
    if (last === 0xcc && vector === 3) return { reason: "breakpoint" };
  }
  const exception = exceptionVectors[vector];
  if (exception === undefined) throw new Error(`Unicorn raised the unexpected exception ${vector}`);
  return { reason: "exception", vector: exception };
}
