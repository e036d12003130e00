import type { Severity, TraceDetail, TraceRow } from "../../src/worker/interface.ts";

type Template = Pick<TraceRow, "name" | "family" | "summary" | "result" | "severity"> & Partial<TraceRow>;

const success = { result: "STATUS_SUCCESS", severity: "success" as Severity };
const target = "C:\\testfile.txt";
const templates: readonly Template[] = [
  { name: "NtQueryVirtualMemory", family: "Memory", summary: "0x7ff6_0001_0000 MemoryBasicInformation", ...success },
  {
    name: "NtOpenKey",
    family: "Registry",
    summary: "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options",
    result: "STATUS_OBJECT_NAME_NOT_FOUND",
    severity: "error",
    path: "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options",
  },
  { name: "NtAllocateVirtualMemory", family: "Memory", summary: "64 KB RESERVE|COMMIT PAGE_READWRITE", ...success },
  { name: "NtOpenSection", family: "Section", summary: "\\KnownDlls\\kernel32.dll", ...success },
  { name: "NtMapViewOfSection", family: "Section", summary: "0x2c kernel32.dll → 0x7ffb_1000_0000", ...success },
  { name: "NtProtectVirtualMemory", family: "Memory", summary: "0x7ffb_1008_1000 4 KB PAGE_READONLY", ...success },
  { name: "NtSetEvent", family: "Synchronization", summary: "0x48 Event", ...success },
  {
    name: "NtQueryInformationProcess",
    family: "Process",
    summary: "ProcessCookie",
    result: "STATUS_NOT_IMPLEMENTED",
    severity: "error",
    unimplemented: true,
  },
  { name: "NtQueryPerformanceCounter", family: "Time", summary: "", ...success },
  { name: "NtOpenProcessToken", family: "Token", summary: "current process TOKEN_QUERY", ...success },
  {
    name: "kernelbase.dll",
    kind: "module",
    family: "Other",
    summary: "0x7ffb_2000_0000 1.9 MB",
    result: "",
    severity: "none",
  },
];
const last: readonly Template[] = [
  { name: "NtCreateFile", family: "File", summary: `${target} write OVERWRITE_IF`, ...success, path: target },
  {
    name: "NtWriteFile",
    family: "File",
    summary: `0x54 ${target} 52 B “Hello from the Win32 API!”`,
    ...success,
    path: target,
  },
  { name: "NtClose", family: "Object", summary: `0x54 ${target}`, ...success, path: target },
  { name: "NtTerminateProcess", family: "Process", summary: "current process, 0", ...success },
];

/** Row `index` of `total`; made when asked for, so that a million of them cost nothing. */
export function fakeRow(index: number, total: number): TraceRow {
  const tail = index - (total - last.length);
  const template = tail >= 0 ? last[tail] : templates[(index * 7 + (index >> 4)) % templates.length];
  return {
    sequence: index + 1,
    kind: "call",
    time: index * 0.0137 + 0.2,
    process: 4,
    thread: index % 97 === 0 ? 12 : 8,
    path: undefined,
    unimplemented: false,
    ...template,
  };
}

export function fakeDetail(row: TraceRow): TraceDetail {
  return {
    row,
    instructions: row.sequence * 1_337,
    status:
      row.kind === "call"
        ? { name: row.result, code: row.severity === "success" ? "0x00000000" : "0xc0000034" }
        : undefined,
    caller: "kernelbase.dll!CreateFileW+0x1c4",
    returnAddress: "0x00007ffb200131c4",
    support: row.unimplemented ? "missing: no cookie is kept" : "complete",
    parameters: [
      { name: "FileHandle", direction: "out", type: "HANDLE*", text: "0x54 (File)" },
      {
        name: "DesiredAccess",
        direction: "in",
        type: "ACCESS_MASK",
        text: "FILE_GENERIC_WRITE | SYNCHRONIZE | FILE_READ_ATTRIBUTES",
      },
      {
        name: "ObjectAttributes",
        direction: "in",
        type: "OBJECT_ATTRIBUTES*",
        text: row.path ?? "0x000000000012f8a0",
        ...(row.path === undefined ? {} : { path: row.path }),
        fields: [
          { name: "Length", text: "0x30" },
          { name: "RootDirectory", text: "null" },
          { name: "ObjectName", text: `\\??\\${row.path ?? "C:"}` },
          { name: "Attributes", text: "OBJ_CASE_INSENSITIVE" },
        ],
      },
      {
        name: "Buffer",
        direction: "in",
        type: "VOID*",
        text: "0x000000000012f9c0, 52 bytes",
        bytes: greeting.subarray(0, 52),
      },
    ],
  };
}

export const greeting = new Uint8Array(
  new Uint16Array([..."Hello from the Win32 API!\r\n"].map((character) => character.charCodeAt(0))).buffer,
);
