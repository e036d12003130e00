/** No-operations, fences, CPUID, time stamps, random numbers, MXCSR. */
import { layout } from "../context-layout.ts";
import { Flag } from "../context.ts";
import type { Builder } from "../ir/builder.ts";
import { instruction, type InstructionSpecification } from "./instruction.ts";
import type { Machine } from "./machine.ts";
import type { Operand } from "./operand.ts";

const nothing = (): void => undefined;
const noOperation = (mnemonic: string, ...forms: string[]): InstructionSpecification =>
  instruction(mnemonic, { forms, lift: nothing });

export const NOP = noOperation("NOP", "REX.!B 90", "0F 19 /r rm,r", "0F 1A /r rm,r", "0F 1B /r rm,r", "0F 1C /r rm,r", "0F 1D /r rm,r", "0F 1E /r rm,r", "0F 1F /r rm,r", "0F 18 /r rm,r"); // prettier-ignore
export const PAUSE = noOperation("PAUSE", "F3 REX.!B 90");
export const ENDBR64 = noOperation("ENDBR64", "F3 0F 1E FA");
export const ENDBR32 = noOperation("ENDBR32", "F3 0F 1E FB");
export const PREFETCH = noOperation("PREFETCH", "0F 18 /0 mem", "0F 18 /1 mem", "0F 18 /2 mem", "0F 18 /3 mem", "0F 0D /0 mem", "0F 0D /1 mem", "0F 0D /2 mem", "0F 0D /3 mem", "0F 0D /4 mem", "0F 0D /5 mem", "0F 0D /6 mem", "0F 0D /7 mem"); // prettier-ignore
export const LFENCE = noOperation("LFENCE", "NP 0F AE E8", "NP 0F AE E9", "NP 0F AE EA", "NP 0F AE EB", "NP 0F AE EC", "NP 0F AE ED", "NP 0F AE EE", "NP 0F AE EF"); // prettier-ignore
export const MFENCE = noOperation("MFENCE", "NP 0F AE F0", "NP 0F AE F1", "NP 0F AE F2", "NP 0F AE F3", "NP 0F AE F4", "NP 0F AE F5", "NP 0F AE F6", "NP 0F AE F7"); // prettier-ignore
export const SFENCE = noOperation("SFENCE", "NP 0F AE F8", "NP 0F AE F9", "NP 0F AE FA", "NP 0F AE FB", "NP 0F AE FC", "NP 0F AE FD", "NP 0F AE FE", "NP 0F AE FF"); // prettier-ignore

/** Touches the line as a load of one byte does. */
export const CLFLUSH = instruction("CLFLUSH", {
  forms: ["NP 0F AE /7 m8"],
  lift: (b, line) => void b.read(line),
});

export const CLFLUSHOPT = instruction("CLFLUSHOPT", {
  forms: ["66 0F AE /7 m8"],
  feature: "CLFLUSHOPT",
  lift: (b, line) => void b.read(line),
});
export const CLWB = instruction("CLWB", {
  forms: ["66 0F AE /6 m8"],
  feature: "CLWB",
  lift: (b, line) => void b.read(line),
});

const mxcsr = { offset: layout.mxcsr, bytes: 4 } as const;

function withVex(
  mnemonic: string,
  extension: number,
  lift: (b: Builder, operand: Operand) => void,
): InstructionSpecification[] {
  return [
    instruction(mnemonic, { forms: [`NP 0F AE /${extension} m32`], lift }),
    instruction(`V${mnemonic}`, { forms: [`VEX.128.NP.0F AE /${extension} m32`], feature: "AVX", lift }),
  ];
}
export const LDMXCSR = withVex("LDMXCSR", 2, (b, src) => {
  const value = b.read(src);
  b.guard(b.shrU(value, 16), "GP");
  b.writeState(mxcsr, value);
});
export const STMXCSR = withVex("STMXCSR", 3, (b, dst) => b.write(dst, b.state(mxcsr)));

export const CPUID = instruction("CPUID", {
  forms: ["0F A2"],
  execute(machine) {
    const { context } = machine;
    const [eax, ebx, ecx, edx] = machine.cpuid(context.getLow32(0), context.getLow32(1));
    context.setNumber(0, eax >>> 0);
    context.setNumber(1, ecx >>> 0);
    context.setNumber(2, edx >>> 0);
    context.setNumber(3, ebx >>> 0);
  },
});

function readTimeStamp(machine: Machine): void {
  const now = machine.timeStamp();
  machine.context.set(0, now & 0xffff_ffffn);
  machine.context.set(2, (now >> 32n) & 0xffff_ffffn);
}
export const RDTSC = instruction("RDTSC", { forms: ["0F 31"], execute: readTimeStamp });
export const RDTSCP = instruction("RDTSCP", {
  forms: ["0F 01 F9"],
  feature: "RDTSCP",
  execute(machine) {
    readTimeStamp(machine);
    // TSC_AUX: processor 0 of node 0.
    machine.context.set(1, 0n);
  },
});

function randomNumber(machine: Machine, dst: Operand): void {
  machine.write(dst, BigInt.asUintN(dst.width, machine.random()));
  const { context } = machine;
  context.rflags = (context.rflags & ~(Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF)) | Flag.CF;
}
export const RDRAND = instruction("RDRAND", {
  forms: ["NFx 0F C7 /6 rmr"],
  feature: "RDRAND",
  execute: randomNumber,
});
export const RDSEED = instruction("RDSEED", {
  forms: ["NFx 0F C7 /7 rmr"],
  feature: "RDSEED",
  execute: randomNumber,
});
/** TSC_AUX, as RDTSCP tells it. */
export const RDPID = instruction("RDPID", {
  forms: ["F3 0F C7 /7 rmr64"],
  feature: "RDPID",
  execute: (machine, dst) => machine.write(dst, 0n),
});
