/** What the façade's tests share. */
import { MUnicorn, type UnicornModule } from "./module.ts";
import type { Unicorn } from "./unicorn.ts";

export const uc: UnicornModule = await MUnicorn();

export const CODE = 0x40_0000;
export const DATA = 0x7fff_1000_0000;

export const bytes = (hex: string): number[] => hex.split(" ").map((byte) => parseInt(byte, 16));

export interface Program {
  readonly e: Unicorn;
  readonly end: number;
  /** From the first byte to behind the last. */
  run(timeout?: number, count?: number): void;
  readonly rip: number;
}

/** An engine with `code` at CODE and two pages of data, RDI and RSP in them. */
export function program(code: string): Program {
  const e = new uc.Unicorn(uc["ARCH_X86"], uc["MODE_64"]);
  const machine = bytes(code);
  const end = CODE + machine.length;
  e.mem_map(CODE, 0x1000, uc["PROT_ALL"]);
  e.mem_map(DATA, 0x2000, uc["PROT_READ"] | uc["PROT_WRITE"]);
  e.mem_write(CODE, machine);
  e.reg_write_i64(uc["X86_REG_RDI"], BigInt(DATA));
  e.reg_write_i64(uc["X86_REG_RSP"], BigInt(DATA + 0x1000));
  return {
    e,
    end,
    run: (timeout, count) => e.emu_start(CODE, end, timeout, count),
    get rip() {
      return Number(e.reg_read_i64(uc["X86_REG_RIP"]));
    },
  };
}

/** What `call` throws, a string; undefined: nothing. */
export function thrown(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

export const failed = (name: string, code: string): string =>
  `Unicorn.js: Function ${name} failed with code ${uc[code]}:\n${uc.strerror(uc[code])}`;
