import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeComponent, writeFilesOut } from "./files-out.ts";

describe("names", () => {
  test.each([
    ["file.txt", "file.txt"],
    ["Grüße", "Grüße"],
    ["..", "%2E%2E"],
    [".", "%2E"],
    ["a/b", "a%2Fb"],
    ["stream:data", "stream%3Adata"],
    ["100%", "100%25"],
    ["nul.txt", "%6Eul.txt"],
    ["trailing.", "trailing%2E"],
    ["\u202egnp.exe", "%E2%80%AEgnp.exe"],
    ["", "%00"],
  ])("%j → %j", (name, expected) => expect(encodeComponent(name)).toBe(expected));

  test("long names stay below the host's limit and apart", () => {
    const [a, b] = ["x".repeat(300) + "a", "x".repeat(300) + "b"].map(encodeComponent);
    expect(a.length).toBeLessThan(255);
    expect(a).not.toBe(b);
  });
});

describe("folder", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "ring3-out-"))));
  afterEach(() => rmSync(directory, { recursive: true }));
  const bytes = (text: string) => new TextEncoder().encode(text);

  test("files arrive under their drive, and the index names them", () => {
    writeFilesOut(directory, [
      { path: "C:\\testfile.txt", bytes: bytes("one") },
      { path: "C:\\a\\..\\B.txt", bytes: bytes("two") },
    ]);
    expect(readFileSync(join(directory, "C/testfile.txt"), "utf8")).toBe("one");
    expect(JSON.parse(readFileSync(join(directory, "index.json"), "utf8"))).toEqual({
      "C:\\testfile.txt": "C/testfile.txt",
      "C:\\a\\..\\B.txt": "C/a/%2E%2E/B.txt",
    });
  });

  test("names that differ in case only do not overwrite one another", () => {
    writeFilesOut(directory, [
      { path: "C:\\a.txt", bytes: bytes("lower") },
      { path: "C:\\A.txt", bytes: bytes("upper") },
    ]);
    expect(readdirSync(join(directory, "C")).sort()).toEqual(["A.txt%~1", "a.txt"]);
  });

  test("a link on the host is not followed", () => {
    const outside = mkdtempSync(join(tmpdir(), "ring3-outside-"));
    writeFileSync(join(outside, "victim"), "safe");
    symlinkSync(outside, join(directory, "C"));
    expect(() => writeFilesOut(directory, [{ path: "C:\\victim", bytes: bytes("x") }])).toThrow(
      "links are not followed",
    );
    expect(readFileSync(join(outside, "victim"), "utf8")).toBe("safe");
    rmSync(outside, { recursive: true });
  });
});
