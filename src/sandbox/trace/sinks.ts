import { dosPath } from "./paths.ts";
import type { TraceColumns } from "./columns.ts";
import { detailOf } from "./render.ts";
import type { TraceDetail } from "./view.ts";

/** Formats of the trace as a file. */
export const traceFormats = ["text", "jsonl", "csv"] as const;
export type TraceFormat = (typeof traceFormats)[number];

/** The line that stands before all others, where the format has one. */
export function traceHeader(format: TraceFormat): string {
  return format === "csv" ? '"Time of Day","Process Name","PID","TID","Operation","Path","Result","Detail"\n' : "";
}

/** One event as a line, line end included. */
export function traceLine(columns: TraceColumns, sequence: number, format: TraceFormat): string {
  const detail = detailOf(columns, sequence);
  switch (format) {
    case "text":
      return textLine(detail);
    case "jsonl":
      return jsonLine(detail);
    case "csv":
      return csvLine(detail);
  }
}

/** Like strace: `    12.034  8  NtCreateFile(FileHandle → 0x54, …) = SUCCESS`. */
function textLine({ row, parameters }: TraceDetail): string {
  const prefix = `${row.time.toFixed(4).padStart(12)} ${String(row.thread).padStart(4)}  `;
  if (row.kind !== "call") return `${prefix}--- ${row.name}${row.summary === "" ? "" : `: ${row.summary}`} ---\n`;
  const shown = parameters.map(({ name, text, direction }) =>
    text === "" ? name : direction === "out" ? `${name} → ${text}` : `${name}: ${text}`,
  );
  const result = row.result === "" ? "(does not return)" : row.result;
  return `${prefix}${row.name}(${shown.join(", ")}) = ${result}${row.unimplemented ? "  ** not implemented" : ""}\n`;
}

/** Stable keys; times in 100 ns units would lose nothing, but people read milliseconds. */
function jsonLine({ row, parameters, status, caller, returnAddress, instructions }: TraceDetail): string {
  const args = Object.fromEntries(parameters.filter((p) => p.text !== "").map((p) => [p.name, p.text]));
  return `${JSON.stringify({
    seq: row.sequence,
    ms: row.time,
    instructions,
    pid: row.process,
    tid: row.thread,
    kind: row.kind,
    name: row.name,
    ...(row.path !== undefined && { path: dosPath(row.path) }),
    ...(row.kind === "call" ? { args } : { text: row.summary }),
    ...(status && { status: status.code, statusName: status.name }),
    ...(row.kind === "call" && !status && { result: row.result }),
    ...(row.unimplemented && { unimplemented: true }),
    ...(caller !== "" && { module: caller }),
    ...(returnAddress !== "" && { returnAddress }),
  })}\n`;
}

/** Process Monitor's columns. */
function csvLine({ row }: TraceDetail): string {
  const cells = [row.time.toFixed(4), "", row.process, row.thread, row.name, row.path ?? "", row.result, row.summary];
  return `${cells.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(",")}\n`;
}
