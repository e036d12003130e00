import { statusName } from "../../kernel-shim/abi/ntstatus.ts";
import type { CrashReport, Location } from "../../kernel-shim/process-manager/crash-report.ts";
import type { Disassembler } from "./disassembler.ts";

export function locationText({ address, module, offset }: Location): string {
  return module === undefined ? `0x${address.toString(16)}` : `${module}+0x${offset.toString(16)}`;
}

/** One line: "STATUS_ACCESS_VIOLATION: write of 0xdead at fault.exe+0x1234". */
export function crashTitle(report: CrashReport): string {
  const access = report.access ? ` ${report.access.kind} of 0x${report.access.address.toString(16)}` : "";
  return `${statusName(report.code)}:${access} at ${locationText(report.location)}`;
}

/** The crash as text for a terminal. */
export function crashText(report: CrashReport, disassembler?: Disassembler): string {
  const registers = Object.entries(report.registers).map(
    ([name, value]) => `${name.padStart(6)} ${value.toString(16).padStart(16, "0")}`,
  );
  const rows: string[] = [];
  for (let i = 0; i < registers.length; i += 3) rows.push(registers.slice(i, i + 3).join("  "));
  const code = disassembler
    ? disassembler.disassemble(report.instructionBytes, report.location.address, 5).map(({ address, bytes, text }) => {
        const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        return `  ${address.toString(16).padStart(12, "0")}  ${hex.padEnd(20)}  ${text}`;
      })
    : [`  ${[...report.instructionBytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`];
  const stack = report.stack.map(
    ({ address, value, location }) =>
      `  ${address.toString(16).padStart(12, "0")}  ${value.toString(16).padStart(16, "0")}${location ? `  ${locationText(location)}` : ""}`,
  );
  return [
    `Unhandled exception in process ${report.processId}, thread ${report.threadId}: ${crashTitle(report)}`,
    ...rows,
    "Code:",
    ...code,
    "Stack:",
    ...stack,
    "",
  ].join("\n");
}
