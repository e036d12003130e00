import { expect, test } from "vitest";
import { serviceNamed } from "../../../kernel-shim/system-services/index.ts";
import type { Captured } from "../../../kernel-shim/abi/type.ts";
import { dosPath, pathOf } from "./paths.ts";

test.each([
  ["\\??\\C:\\testfile.txt", "C:\\testfile.txt"],
  ["\\Device\\HarddiskVolume1\\w\\a.exe", "C:\\w\\a.exe"],
  ["\\Registry\\Machine", "\\Registry\\Machine"],
])("%s → %s", (nt, dos) => expect(dosPath(nt)).toBe(dos));

function path(name: string, before: readonly (Captured | undefined)[]): string {
  const service = serviceNamed(name);
  if (!service) throw new Error(`no service ${name}`);
  return pathOf(service, before);
}

test("a call on a handle is about the object behind it", () => {
  expect(path("NtWriteFile", [{ handle: 0x28, object: "File C:\\testfile.txt" }])).toBe("C:\\testfile.txt");
  expect(path("NtClose", [{ handle: 0x28, object: "Event" }])).toBe("");
});

test("a name is relative to the object's root directory", () => {
  const attributes = { fields: { ObjectName: "b.txt", RootDirectory: { handle: 8, object: "File C:\\a" } } };
  expect(path("NtOpenFile", [undefined, 0, attributes])).toBe("C:\\a\\b.txt");
});
