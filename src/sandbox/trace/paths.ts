import { statusName } from "../../../kernel-shim/abi/ntstatus.ts";
import type { Captured } from "../../../kernel-shim/abi/type.ts";
import type { SystemService } from "../../../kernel-shim/system-services/service.ts";

/** An NT path as people write it: `\??\C:\x` and the device's path become `C:\x`; other names stay. */
export function dosPath(path: string): string {
  return path
    .replace(/^\\(\?\?|DosDevices|GLOBAL\?\?)\\(?=[A-Za-z]:)/i, "")
    .replace(/^\\Device\\HarddiskVolume1(?=\\|$)/i, "C:");
}

/** The file, key or other named object that a call is about, from its captured parameters; empty when there is none. */
export function pathOf(service: SystemService, captured: readonly (Captured | undefined)[]): string {
  let fromHandle = "";
  for (let index = 0; index < captured.length; index++) {
    const value = captured[index];
    if (value === undefined || value === null || typeof value !== "object") continue;
    if ("fields" in value && typeof value.fields.ObjectName === "string") {
      const root = value.fields.RootDirectory;
      const base = typeof root === "object" && root !== null && "handle" in root ? objectPath(root.object) : "";
      const name = dosPath(value.fields.ObjectName);
      return base === "" ? name : name === "" ? base : `${base.replace(/\\$/, "")}\\${name}`;
    }
    if ("handle" in value && fromHandle === "" && service.parameters[index][1].direction !== "inout") {
      fromHandle = objectPath(value.object);
    }
  }
  return fromHandle;
}

/** "File C:\\x" → "C:\\x", "Key \\REGISTRY\\x" → "\\REGISTRY\\x"; objects without a path have none. */
function objectPath(object: string | undefined): string {
  const match = object === undefined ? null : /^\w+ (\\.*|[A-Za-z]:\\.*)$/s.exec(object);
  return match ? dosPath(match[1]) : "";
}

const accessKinds = ["read", "write", undefined, undefined, undefined, undefined, undefined, undefined, "execute"];

/** One line: what was raised and where. */
export function describeException(exception: {
  readonly code: number;
  readonly address: number;
  readonly parameters: readonly bigint[];
}): string {
  const where = `at 0x${exception.address.toString(16)}`;
  const [kind, address] = exception.parameters;
  const access = exception.code === 0xc0000005 && address !== undefined ? accessKinds[Number(kind)] : undefined;
  return `${statusName(exception.code)} ${where}${access ? `: ${access} of 0x${address.toString(16)}` : ""}`;
}
