import { describe, expect, test } from "vitest";
import { parseFilter, type FilterTarget } from "./filter.ts";

const write: FilterTarget = {
  name: "NtWriteFile",
  kind: "call",
  family: "File",
  severity: "error",
  result: "ACCESS_DENIED",
  path: "C:\\testfile.txt",
  process: 4,
  thread: 8,
  unimplemented: false,
  text: () => "0x54 testfile.txt 26 B",
};

describe("trace filter", () => {
  test.each([
    ["", undefined],
    ["name:Nt*File", true],
    ["name:ntwritefile", true],
    ["name:Write", false],
    ["name:NtOpenKey,NtWriteFile tid:8", true],
    ["status:error", true],
    ["status:ACCESS_DENIED", true],
    ["status:STATUS_ACCESS_DENIED", true],
    ["status:success", false],
    ["-family:Registry", true],
    ["-family:File", false],
    ["path:*\\testfile.txt", true],
    ['"26 B"', true],
    ["-26", false],
    ["unknown:key", false],
    ["path:(", false],
    ["is:unimplemented", false],
  ])("%j → %s", (text, expected) => {
    expect(parseFilter(text)?.(write)).toBe(expected);
  });
});
