import { isError, statusName } from "../../../kernel-shim/abi/ntstatus.ts";
import { isFields } from "../../../kernel-shim/abi/struct.ts";
import type { Captured } from "../../../kernel-shim/abi/type.ts";
import { serviceFamily, serviceNamed } from "../../../kernel-shim/system-services/index.ts";
import type { SystemService } from "../../../kernel-shim/system-services/service.ts";
import { type EventRecord, Outcome, type TraceColumns } from "./columns.ts";
import type { FilterTarget } from "./filter.ts";
import type { Severity, TraceDetail, TraceParameter, TraceRow } from "./view.ts";

/** Longest summary, in characters. */
const SUMMARY_LIMIT = 240;
/** 100 ns units in a millisecond. */
const UNITS_PER_MS = 10_000;

export function severityOf(event: EventRecord): Severity {
  if (event.kind === "exception") return event.name === "exception" ? "warning" : "error";
  if (event.outcome !== Outcome.Status) return "none";
  if (isError(event.status)) return "error";
  return (["success", "informational", "warning"] as const)[event.status >>> 30];
}

/** The result in a word: "SUCCESS", "OBJECT_NAME_NOT_FOUND", "0x2f0", "…" while the call waits. */
export function resultOf(event: EventRecord): string {
  switch (event.outcome) {
    case Outcome.Pending:
      return "…";
    case Outcome.Status:
      return statusName(event.status).replace(/^STATUS_/, "");
    case Outcome.Value:
      return `0x${event.status.toString(16)}`;
    case Outcome.NoReturn:
    case Outcome.None:
      return "";
  }
}

/** Ran into something that this kernel does not have. */
export function isUnimplemented(event: EventRecord): boolean {
  if (event.kind !== "call" || event.outcome !== Outcome.Status) return false;
  const name = statusName(event.status);
  return name === "STATUS_NOT_IMPLEMENTED" || name === "STATUS_INVALID_SYSTEM_SERVICE";
}

export function familyOf(event: EventRecord): string {
  if (event.kind === "call") return serviceFamily(event.name);
  return event.kind[0].toUpperCase() + event.kind.slice(1);
}

export function rowOf(columns: TraceColumns, sequence: number): TraceRow {
  const event = columns.get(sequence);
  return {
    sequence,
    kind: event.kind,
    time: event.time / UNITS_PER_MS,
    process: event.process,
    thread: event.thread,
    name: event.name,
    family: familyOf(event),
    summary: summaryOf(event),
    result: resultOf(event),
    severity: severityOf(event),
    path: event.path === "" ? undefined : event.path,
    unimplemented: isUnimplemented(event),
  };
}

/** The event as the filter sees it: columns at once, the summary only if it is asked for. */
export function targetOf(columns: TraceColumns, sequence: number): FilterTarget {
  const event = columns.get(sequence);
  return {
    name: event.name,
    kind: event.kind,
    family: familyOf(event),
    severity: severityOf(event),
    result: resultOf(event),
    path: event.path === "" ? undefined : event.path,
    process: event.process,
    thread: event.thread,
    unimplemented: isUnimplemented(event),
    text: () => summaryOf(event),
  };
}

/** The arguments in one line: the path first, then what the parameters say, then what came back. */
export function summaryOf(event: EventRecord): string {
  if (event.detail.text !== undefined) return event.detail.text;
  const service = serviceNamed(event.name);
  if (service === undefined) return "";
  const parts = event.path === "" ? [] : [event.path];
  const back: string[] = [];
  service.parameters.forEach(([name, parameter], index) => {
    const { before, after } = event.detail;
    if (before[index] !== undefined) {
      const text = brief(name, before[index], event.path, parameter.format);
      if (text !== undefined) parts.push(text);
    }
    if (after[index] !== undefined && parameter.typeName !== "IO_STATUS_BLOCK*") {
      const text = brief(name, after[index], event.path, parameter.format);
      if (text !== undefined) back.push(text);
    }
  });
  if (back.length > 0) parts.push(`→ ${back.join(", ")}`);
  const line = parts.join("  ");
  return line.length > SUMMARY_LIMIT ? `${line.slice(0, SUMMARY_LIMIT - 1)}…` : line;
}

/** One argument, or undefined when it tells nothing. */
function brief(name: string, value: Captured, path: string, format: (value: Captured) => string): string | undefined {
  if (value === null || value === 0 || value === 0n || value === false) return undefined;
  if (typeof value === "object" && "handle" in value) {
    if (value.handle === 0) return undefined;
    const handle = value.handle < 0 ? `${value.handle}` : `0x${value.handle.toString(16)}`;
    const known = value.object === undefined || (path !== "" && value.object.includes("\\"));
    return known ? handle : `${handle} (${value.object})`;
  }
  if (isFields(value) && "ObjectName" in value.fields) return undefined; // the path says it
  const text = format(value);
  return typeof value === "object" || /[A-Z]{2}/.test(text) ? text : `${name}=${text}`;
}

/** Every parameter in full. */
export function detailOf(columns: TraceColumns, sequence: number): TraceDetail {
  const event = columns.get(sequence);
  const service = event.kind === "call" ? serviceNamed(event.name) : undefined;
  return {
    row: rowOf(columns, sequence),
    instructions: event.instructions,
    parameters: service === undefined ? [] : parametersOf(service, event),
    status:
      event.outcome === Outcome.Status
        ? { code: `0x${event.status.toString(16).padStart(8, "0")}`, name: statusName(event.status) }
        : undefined,
    caller: event.module === "" ? "" : event.module,
    returnAddress: event.returnAddress === 0 ? "" : `0x${event.returnAddress.toString(16)}`,
    support: supportOf(event, service),
  };
}

function supportOf(event: EventRecord, service: SystemService | undefined): string {
  if (event.kind !== "call") return "";
  switch (service?.support.level) {
    case undefined:
      return "not implemented: unknown to this kernel";
    case "missing":
      return "not implemented";
    case "partial":
      return `partial: ${service.support.level === "partial" ? service.support.why : ""}`;
    case "full":
      return "full";
  }
}

function parametersOf(service: SystemService, event: EventRecord): TraceParameter[] {
  return service.parameters.map(([name, parameter], index) => {
    const before = event.detail.before[index];
    const after = event.detail.after[index];
    const value = after ?? before;
    const text =
      before !== undefined && after !== undefined
        ? `${parameter.format(before)} → ${parameter.format(after)}`
        : value === undefined
          ? ""
          : parameter.format(value);
    const bytes = typeof value === "object" && value !== null && "bytes" in value ? value.bytes : undefined;
    const fields =
      value !== undefined && isFields(value)
        ? Object.entries(value.fields).map(([field, one]) => ({ name: field, text: fieldText(one) }))
        : undefined;
    return {
      name,
      direction: parameter.direction,
      type: parameter.typeName,
      text,
      ...(fields && { fields }),
      ...(bytes && { bytes }),
    };
  });
}

function fieldText(value: Captured): string {
  if (typeof value === "string") return value;
  if (value === null) return "NULL";
  return typeof value === "object" ? JSON.stringify(value, bigintText) : (bigintText("", value)?.toString() ?? "");
}
function bigintText(_key: string, value: unknown): string | number | boolean | object | null {
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  return value as string | number | boolean | object | null;
}
