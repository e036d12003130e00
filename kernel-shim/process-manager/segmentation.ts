/** The descriptor tables of 64-bit Windows, as `lar`, `lsl`, `sgdt` and their like show them: KGDT64_* of the kernel's debugger symbols. */
import type { Segmentation } from "../../emulator/cpu.ts";

/** Where the kernel keeps the tables of processor 0; it differs from boot to boot. */
const TABLES = 0xffff_f800_0100_0000n;
const TASK_STATE = 0x40;

const gdt: bigint[] = Array.from({ length: 11 }, () => 0n);
const descriptor = (selector: number, bits: bigint): void => void (gdt[selector >> 3] = bits);
descriptor(0x10, 0x0020_9b00_0000_0000n); // R0_CODE
descriptor(0x18, 0x0040_9300_0000_0000n); // R0_DATA
descriptor(0x20, 0x00cf_fb00_0000_ffffn); // R3_CMCODE
descriptor(0x28, 0x00cf_f300_0000_ffffn); // R3_DATA
descriptor(0x30, 0x0020_fb00_0000_0000n); // R3_CODE
descriptor(TASK_STATE, 0x0100_8b00_2000_0067n); // SYS_TSS, at TABLES + 0x2000, busy
descriptor(TASK_STATE + 8, TABLES >> 32n);
// R3_CMTEB: the processor's number is in bits 14 and up of its limit. Its base is that of a 32-bit TEB, which there is none of.
descriptor(0x50, 0x0040_f300_0000_3c00n);

export const windowsSegmentation: Segmentation = {
  gdt,
  gdtBase: TABLES,
  idtBase: TABLES + 0x1000n,
  idtLimit: 0xfff,
  taskRegister: TASK_STATE,
  // PG, AM, WP, NE, ET, MP, PE.
  cr0: 0x8005_0033n,
};
