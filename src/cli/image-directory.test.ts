import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EARLY_FILE } from "../../kernel-shim/boot/image.ts";
import { LayerWriter } from "../../tools/image/layer-writer.ts";
import { HostDirectory } from "./host-directory.ts";
import { openImageDirectory } from "./image-directory.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "ring3-test-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("a folder of DLLs is a System32", () => {
  writeFileSync(join(directory, "ntdll.dll"), "native");
  const layer = openImageDirectory(directory);
  expect(layer.list("")?.map(({ name }) => name)).toEqual(["windows"]);
  expect(layer.list("WINDOWS\\System32")?.map(({ name, size }) => [name, size])).toEqual([["ntdll.dll", 6]]);
  expect(text(layer.read("windows\\system32\\NTDLL.dll"))).toBe("native");
});

test("a folder with a folder `windows` is a drive", () => {
  mkdirSync(join(directory, "Windows", "System32"), { recursive: true });
  writeFileSync(join(directory, "Windows", "System32", "kernel32.dll"), "base");
  const layer = openImageDirectory(directory);
  expect(text(layer.read("windows\\system32\\KERNEL32.DLL"))).toBe("base");
  expect(layer.list("windows\\system32\\kernel32.dll")).toBeUndefined();
});

test("an image is read with the file of early contents and without, the same", () => {
  const writer = new LayerWriter();
  const contents = {
    "windows/system32/locale.nls": "l",
    "windows/system32/ntdll.dll": "native",
    "windows/win.ini": "i",
  };
  for (const [path, bytes] of Object.entries(contents)) writer.add(path, Buffer.from(bytes), 1_000_000_000);
  const image = join(directory, "image");
  writer.write(image, { name: "test", packages: [], recipe: "" });
  const early = join(image, EARLY_FILE);
  const read = (): string[] => {
    const layer = openImageDirectory(image);
    return Object.keys(contents).map((path) => text(layer.read(path.replaceAll("/", "\\"))));
  };
  expect(readFileSync(early, "utf8")).toBe("lnative");
  expect(read()).toEqual(Object.values(contents));
  // It is read indeed, and only where it can be that of the manifest.
  writeFileSync(early, "LNATIVE");
  expect(read()).toEqual(["L", "NATIVE", "i"]);
  writeFileSync(early, "of another image");
  expect(read()).toEqual(Object.values(contents));
});

test("anything else is refused with a reason", () => {
  expect(() => openImageDirectory(directory)).toThrow("is no image");
  expect(() => openImageDirectory(join(directory, "absent"))).toThrow("there is no image");
});

test("links that lead out of the folder are not there", () => {
  const outside = mkdtempSync(join(tmpdir(), "ring3-outside-"));
  try {
    writeFileSync(join(outside, "secret"), "");
    mkdirSync(join(directory, "in"));
    symlinkSync(outside, join(directory, "out"));
    symlinkSync(join(outside, "secret"), join(directory, "in", "secret"));
    symlinkSync("in", join(directory, "alias"));
    const layer = new HostDirectory(directory);
    expect(layer.list("")?.map(({ name }) => name)).toEqual(["alias", "in"]);
    expect(layer.list("in")).toEqual([]);
    expect(layer.list("out")).toBeUndefined();
    expect(layer.list("in\\..\\..")).toBeUndefined();
    expect(() => layer.read("out\\secret")).toThrow("has no file");
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
});
