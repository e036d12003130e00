/** Instructions whose outcome the environment decides, not their operands: no vectors, but unit tests of their own. */
import type { Form } from "../../emulator/isa/instruction.ts";

const byMnemonic: readonly (readonly [reason: string, mnemonics: RegExp])[] = [
  ["identity of the processor", /^(CPUID|XGETBV)$/],
  ["time", /^RDTSCP?$/],
  ["number of the processor", /^RDPID$/],
  ["chance", /^(RDRAND|RDSEED)$/],
  ["hypervisors, some of which trap before it", /^INT1$/],
  ["the operating system", /^(SYSCALL|SYSENTER|SYSEXIT|SYSRET|INT)$/],
  ["descriptors", /^(LAR|LSL|VERR|VERW|SLDT|STR|SMSW|SGDT|SIDT|CALLF|JMPF|RETF|IRET|L[SFG]S)$/],
  ["segment bases", /^(RD|WR)[FG]SBASE$/],
];

/** What the outcome depends on; undefined where it depends on the operands alone. */
export function environmentOf({ specification, text, operands }: Form): string | undefined {
  const row = byMnemonic.find(([, mnemonics]) => mnemonics.test(specification.mnemonic));
  if (row) return row[0];
  const isSelector = operands.some((operand) => "file" in operand && operand.file === "segment");
  return isSelector || /\b0F A[0189]$/.test(text) ? "descriptors" : undefined;
}
