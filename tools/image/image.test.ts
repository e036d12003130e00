import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImageLayer, wholeContent } from "../../kernel-shim/boot/image.ts";
import { DebianPackage, isRevisionOf, readArchive } from "./debian-package.ts";
import { LayerWriter } from "./layer-writer.ts";
import { importedModules, stripDebugSections } from "./strip.ts";

const root = join(import.meta.dirname, "..", "..");
let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "ring3-test-"))));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function archive(members: Record<string, Buffer>): Buffer {
  const parts: Buffer[] = [Buffer.from("!<arch>\n")];
  for (const [name, bytes] of Object.entries(members)) {
    parts.push(
      Buffer.from(
        `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`,
      ),
    );
    parts.push(bytes, Buffer.alloc(bytes.length & 1, "\n"));
  }
  return Buffer.concat(parts);
}

function tar(files: Record<string, string>): Buffer {
  const folder = mkdtempSync(join(directory, "tar-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return spawnSync("tar", ["-czf", "-", "-C", folder, "."]).stdout;
}

describe("a Debian package", () => {
  test("tells what it is and gives its files", () => {
    const file = join(directory, "x.deb");
    writeFileSync(
      file,
      archive({
        "debian-binary": Buffer.from("2.0\n"),
        "control.tar.gz": tar({ control: "Package: libx\nVersion: 1.2-3\nArchitecture: amd64\n" }),
        "data.tar.gz": tar({ "usr/lib/a.dll": "A", "usr/lib/b.dll": "B" }),
      }),
    );
    const deb = new DebianPackage(file);
    expect(deb.control).toEqual({ name: "libx", version: "1.2-3", architecture: "amd64" });
    expect(deb.list().sort()).toEqual(["usr/lib/a.dll", "usr/lib/b.dll"]);
    deb.extract(["usr/lib/b.dll"], directory);
    expect(readFileSync(join(directory, "usr/lib/b.dll"), "utf8")).toBe("B");
  });

  test("that is none is refused", () => {
    expect(() => readArchive(Buffer.from("PK\x03\x04"))).toThrow("not an ar archive");
    const cut = archive({ "data.tar": Buffer.alloc(100) }).subarray(0, 100);
    expect(() => readArchive(cut)).toThrow("cut off");
  });

  test.each([
    ["8.0~repack-4", true],
    ["8.0~repack-4+deb12u1", true],
    ["8.0~repack-5", false],
    ["8.0~repack-41", false],
    ["10.0~repack-6", false],
  ])("version %s is the tested one or a point release of it: %s", (version, accepted) => {
    expect(isRevisionOf(version, "8.0~repack-4")).toBe(accepted);
  });
});

describe("stripping", () => {
  test("removes trailing debug sections and the symbol table, nothing else", () => {
    const image = peImage([
      { name: ".text", data: "code" },
      { name: ".eh_frame_hdr", data: "kept" },
      { name: ".debug_info", data: "DWARF" },
      { name: ".debug_line_str", data: "DWARF" },
    ]);
    const stripped = stripDebugSections(image);
    const view = new DataView(stripped.buffer);
    expect(sectionNames(stripped)).toEqual([".text", ".eh_fram"]);
    expect(stripped).toHaveLength(0x400 + 2 * 0x200);
    expect(Buffer.from(stripped).includes("DWARF")).toBe(false);
    expect(Buffer.from(stripped.subarray(0x400, 0x404)).toString()).toBe("code");
    expect([view.getUint32(PE + 12, true), view.getUint32(PE + 16, true)]).toEqual([0, 0]);
    expect(view.getUint32(PE + 24 + 56, true)).toBe(0x3000);
    expect(stripDebugSections(stripped)).toEqual(stripped);
  });

  test("refuses debug sections between others", () => {
    expect(() =>
      stripDebugSections(
        peImage([
          { name: ".debug_info", data: "" },
          { name: ".text", data: "" },
        ]),
      ),
    ).toThrow("between others");
  });

  test("keeps a program without debug sections as it was, checksum included", () => {
    const program = readFileSync(join(root, "samples/bin/hello-win32.exe"));
    const stripped = stripDebugSections(program);
    expect(stripped).toHaveLength(program.length);
    expect(new DataView(stripped.buffer).getUint32(0x80 + 24 + 64, true)).toBe(program.readUInt32LE(0x80 + 24 + 64));
    expect(importedModules(stripped)).toEqual(["kernel32.dll"]);
    expect(importedModules(readFileSync(join(root, "samples/bin/hello-kernel.exe")))).toEqual([]);
  });
});

test("a written layer reads back, and the same files give the same bytes", () => {
  const write = (name: string) => {
    const writer = new LayerWriter();
    writer.add("windows/b.txt", Buffer.from("second"), 1_000_000_000);
    writer.add("windows/a.txt", Buffer.from("first"), 1_000_000_000);
    const manifest = writer.write(join(directory, name), { name: "test", packages: [], recipe: "r" });
    return { manifest, content: readFileSync(join(directory, name, manifest.content.file)) };
  };
  const { manifest, content } = write("one");
  const layer = new ImageLayer(manifest, wholeContent(content));
  expect(layer.list("windows")?.map(({ name }) => name)).toEqual(["a.txt", "b.txt"]);
  expect(Buffer.from(layer.read("windows\\b.txt")).toString()).toBe("second");
  expect(write("two")).toEqual({ manifest, content });
});

const PE = 0x80;

/** A PE image of sections of 0x200 bytes each, long names in a string table at the end. */
function peImage(sections: { name: string; data: string }[]): Uint8Array {
  const symbols = 0x400 + sections.length * 0x200;
  const image = Buffer.alloc(symbols + 4 + 256);
  image.write("MZ");
  image.writeUInt32LE(PE, 0x3c);
  image.write("PE\0\0", PE);
  image.writeUInt16LE(0x8664, PE + 4);
  image.writeUInt16LE(sections.length, PE + 6);
  image.writeUInt32LE(symbols, PE + 12);
  image.writeUInt16LE(240, PE + 20);
  image.writeUInt32LE(0x1000, PE + 24 + 32);
  let string = 4;
  sections.forEach(({ name, data }, index) => {
    const header = PE + 24 + 240 + index * 40;
    if (name.length > 8) {
      image.write(`/${string}`, header);
      string += image.write(`${name}\0`, symbols + string);
    } else image.write(name, header);
    image.writeUInt32LE(0x10, header + 8);
    image.writeUInt32LE(0x1000 * (index + 1), header + 12);
    image.writeUInt32LE(0x200, header + 16);
    image.writeUInt32LE(0x400 + index * 0x200, header + 20);
    image.write(data, 0x400 + index * 0x200);
  });
  return image;
}

function sectionNames(image: Uint8Array): string[] {
  const bytes = Buffer.from(image);
  return Array.from({ length: bytes.readUInt16LE(PE + 6) }, (_, index) => {
    const header = PE + 24 + bytes.readUInt16LE(PE + 20) + index * 40;
    return bytes.toString("latin1", header, header + 8).replace(/\0+$/, "");
  });
}
