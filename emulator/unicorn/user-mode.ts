/** Unicorn starts in ring 0 without descriptor tables. Puts an engine into the ring, and the segments, of a Windows thread. */
import { UC_X86_REG } from "./register-transfers.ts";

export interface BareEngine {
  /** Fills `value` with the register's bytes. */
  readRegister(id: number, value: Uint8Array): void;
  writeRegister(id: number, value: Uint8Array): void;
  /** A page for everything, that holds `bytes`. */
  map(address: number, bytes: Uint8Array): void;
  unmap(address: number, size: number): void;
  /** Throws where emulation fails. */
  start(begin: number, until: number): void;
}

/** KGDT64_R3_DATA, KGDT64_R3_CODE and KGDT64_R3_CMTEB with RPL 3. */
const DATA_SELECTOR = 0x2b;
const CODE_SELECTOR = 0x33;
const TEB_SELECTOR = 0x53;
const GDT_SIZE = 0x60;

const DATA_DESCRIPTOR = 0x00cf_f300_0000_ffffn;
const CODE_DESCRIPTOR = 0x00af_fb00_0000_ffffn;

/** CR4.TSD: RDTSC faults in ring 3, so that the time stamp counter can be virtual. */
const CR4_TSD = 0x4;
/** CR4.OSFXSR and OSXMMEXCPT: without them FXSAVE and FXRSTOR leave out the XMM registers. */
const CR4_SSE = 0x600;

const PAGE = 0x10000;
const IRETQ_AT = 0x100;
const STACK_AT = 0x200;
const TARGET_AT = 0x300;

/** The engine's memory must be empty, and is empty again afterwards. */
export function enterUserMode(engine: BareEngine): void {
  const page = new Uint8Array(0x1000);
  const view = new DataView(page.buffer);
  const descriptor = (selector: number, value: bigint): void => view.setBigUint64(selector & ~7, value, true);
  descriptor(DATA_SELECTOR, DATA_DESCRIPTOR);
  descriptor(CODE_SELECTOR, CODE_DESCRIPTOR);
  descriptor(TEB_SELECTOR, DATA_DESCRIPTOR);
  page.set([0x48, 0xcf], IRETQ_AT);
  const frame = [PAGE + TARGET_AT, CODE_SELECTOR, 0x202, 0, DATA_SELECTOR];
  frame.forEach((value, index) => view.setBigUint64(STACK_AT + index * 8, BigInt(value), true));

  engine.map(PAGE, page);
  const value = new DataView(new ArrayBuffer(24));
  const bytes = new Uint8Array(value.buffer);
  engine.readRegister(UC_X86_REG.CR4, bytes);
  value.setUint32(0, value.getUint32(0, true) | CR4_TSD | CR4_SSE, true);
  engine.writeRegister(UC_X86_REG.CR4, bytes);
  bytes.fill(0);
  value.setBigUint64(8, BigInt(PAGE), true); // uc_x86_mmr: base at 8, limit at 16
  value.setUint32(16, GDT_SIZE - 1, true);
  engine.writeRegister(UC_X86_REG.GDTR, bytes);
  bytes.fill(0);
  value.setBigUint64(0, BigInt(PAGE + STACK_AT), true);
  engine.writeRegister(UC_X86_REG.RSP, bytes);

  engine.start(PAGE + IRETQ_AT, PAGE + TARGET_AT);
  for (const [register, selector] of [
    [UC_X86_REG.DS, DATA_SELECTOR],
    [UC_X86_REG.ES, DATA_SELECTOR],
    [UC_X86_REG.FS, TEB_SELECTOR],
    [UC_X86_REG.GS, DATA_SELECTOR],
  ] as const) {
    bytes.fill(0);
    value.setUint16(0, selector, true);
    engine.writeRegister(register, bytes);
  }
  engine.unmap(PAGE, page.length);
}
