import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  checkProgram,
  Directory,
  exportsOf,
  FileCharacteristics,
  importsOf,
  layoutImage,
  parsePe,
  PeError,
  relocationsOf,
  Subsystem,
  tlsOf,
  toolchainOf,
} from "./index.ts";
import { PageProtection } from "../abi/memory.ts";
import { SectionCharacteristics } from "./headers.ts";
import type { TestImage } from "./test-image.ts";
import { makeTestImage, TEST_IMAGE_BASE, TEST_NT_HEADERS, TEST_SECTION_TABLE, testBytes } from "./test-image.ts";

const { READ, WRITE, EXECUTE, SHARED } = SectionCharacteristics;

/** Code, writable data with a pointer, imports, exports with a forwarder, relocations, zeros. */
const everything: TestImage = {
  sections: [
    { name: ".text", bytes: Uint8Array.of(0xc3), characteristics: READ | EXECUTE },
    { name: ".data", bytes: testBytes(0x4000_1000, 1), virtualSize: 0x1800, characteristics: READ | WRITE },
    // At 0x4000: one module, two functions by name and by ordinal.
    {
      name: ".idata",
      bytes: testBytes(
        0x4028, 0, 0, 0x4060, 0x4040, 0, 0, 0, 0, 0, 0x4070, 0, 7, 0x8000_0000, 0, 0, 0x4070, 0, 7, 0x8000_0000, 0, 0, 0, 0,
        "KERNEL32.dll", "\0\0",
      ),
      characteristics: READ | WRITE,
    },
    // At 0x5000: First at 0x1000, Second forwarded, ordinals from 5.
    {
      name: ".edata",
      bytes: testBytes(
        0, 0, 0, 0x5060, 5, 3, 2, 0x5028, 0x5034, 0x503c, 0x1000, 0x5048, 0x1001, 0x506a, 0x5070, 0x0001_0000, 0, 0,
        "NTDLL.RtlThing", "\0\0\0\0\0\0\0\0", "test.dll\0", "First", "Second",
      ),
    },
    { name: ".reloc", bytes: testBytes(0x2000, 12, 0x0000_a000) },
    { name: ".bss", bytes: new Uint8Array(), virtualSize: 0x3000, characteristics: READ | WRITE },
  ],
  directories: {
    [Directory.IMPORT]: { rva: 0x4000, size: 0x28 },
    [Directory.EXPORT]: { rva: 0x5000, size: 0x60 },
    [Directory.BASERELOC]: { rva: 0x6000, size: 12 },
  },
}; // prettier-ignore

function kindOf(bytes: Uint8Array): string {
  try {
    checkProgram(parsePe(bytes));
  } catch (error) {
    if (error instanceof PeError) return error.kind;
    throw error;
  }
  return "program";
}

function patched(change: (view: DataView) => void, image: TestImage = everything): Uint8Array {
  const bytes = makeTestImage(image);
  change(new DataView(bytes.buffer));
  return bytes;
}

describe("a sound image", () => {
  const image = parsePe(makeTestImage(everything));

  it("is a program", () => {
    expect(kindOf(image.bytes)).toBe("program");
    expect(image.headers).toMatchObject({
      imageBase: TEST_IMAGE_BASE,
      addressOfEntryPoint: 0x1000,
      sizeOfStackReserve: 0x200000,
    });
  });
  it("lists its imports by module", () => {
    // The words before the name of the module are the hint and name of the first function.
    expect(importsOf(image)).toEqual([
      {
        module: "KERNEL32.dll",
        delayed: false,
        addressTable: 0x4040,
        functions: [{ name: "", hint: 0 }, { ordinal: 7 }],
      },
    ]);
  });
  it("finds exports by name and ordinal, forwarders told apart", () => {
    const exports = exportsOf(image);
    expect(exports?.byName("First")).toEqual({ name: "First", ordinal: 5, rva: 0x1000 });
    expect(exports?.byName("Second")).toEqual({ name: "Second", ordinal: 6, forwarder: "NTDLL.RtlThing" });
    expect(exports?.byOrdinal(7)).toEqual({ ordinal: 7, rva: 0x1001 });
    expect(exports?.byName("Absent")).toBeUndefined();
    expect(exports?.byOrdinal(4)).toBeUndefined();
    expect([...(exports?.list() ?? [])].map(({ ordinal }) => ordinal)).toEqual([5, 6, 7]);
  });
  it("is laid out at its base with the protections of its sections", () => {
    const { size, segments } = layoutImage(image, TEST_IMAGE_BASE);
    expect(size).toBe(0xa000);
    expect(segments.map(({ name, rva, size, protection }) => [name, rva, size, protection])).toEqual([
      ["", 0, 0x1000, PageProtection.PAGE_READONLY],
      [".text", 0x1000, 0x1000, PageProtection.PAGE_EXECUTE_READ],
      [".data", 0x2000, 0x2000, PageProtection.PAGE_WRITECOPY],
      [".idata", 0x4000, 0x1000, PageProtection.PAGE_WRITECOPY],
      [".edata", 0x5000, 0x1000, PageProtection.PAGE_READONLY],
      [".reloc", 0x6000, 0x1000, PageProtection.PAGE_READONLY],
      [".bss", 0x7000, 0x3000, PageProtection.PAGE_WRITECOPY],
    ]);
  });
  it("is relocated elsewhere, the file untouched", () => {
    const base = 0x7ff6_0000_0000;
    const { segments } = layoutImage(image, base);
    const view = new DataView(segments[2].bytes.buffer, segments[2].bytes.byteOffset);
    expect(view.getBigUint64(0, true)).toBe(BigInt(base) + 0x1000n);
    expect(image.u32(0x2000)).toBe(0x4000_1000);
    expect(layoutImage(image, base, false).segments[2].bytes[0]).toBe(0);
  });
  it("maps shared writable sections as shared", () => {
    const sections = [{ name: "shared", bytes: new Uint8Array(8), characteristics: READ | WRITE | SHARED }];
    expect(layoutImage(parsePe(makeTestImage({ sections })), TEST_IMAGE_BASE).segments[1].protection).toBe(PageProtection.PAGE_READWRITE); // prettier-ignore
  });
});

describe("what is refused, each by its kind", () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const nt = TEST_NT_HEADERS;
  const cases: Readonly<Record<string, Uint8Array>> = {
    empty: new Uint8Array(),
    text: text("echo hello\r\n"),
    script: text("#!/bin/sh\necho"),
    elf: text("\x7fELF\x02\x01\x01\0"),
    archive: text("PK\x03\x04\0\0"),
    "unknown-data": Uint8Array.of(1, 2, 3, 4),
    dos: patched((v) => v.setUint32(nt, 0x2222, true)),
    win16: patched((v) => v.setUint32(nt, 0x454e, true)),
    os2: patched((v) => v.setUint32(nt, 0x584c, true)),
    "32-bit": patched((v) => v.setUint16(nt + 4, 0x14c, true)),
    machine: patched((v) => v.setUint16(nt + 4, 0xaa64, true)),
    dotnet: patched((v) => v.setUint32(nt + 0x88 + Directory.COM_DESCRIPTOR * 8, 0x2000, true) ?? v.setUint32(nt + 0x8c + Directory.COM_DESCRIPTOR * 8, 72, true)), // prettier-ignore
    dll: makeTestImage({
      ...everything,
      characteristics: FileCharacteristics.DLL | FileCharacteristics.EXECUTABLE_IMAGE,
    }),
    efi: makeTestImage({ ...everything, subsystem: 10 }),
    subsystem: makeTestImage({ ...everything, subsystem: 7 }),
    driver: patched((v) => "ntoskrnl.exe\0".split("").forEach((c, i) => v.setUint8(0x800 + 0x60 + i, c.charCodeAt(0))), { ...everything, subsystem: Subsystem.NATIVE }), // prettier-ignore
    truncated: makeTestImage(everything).subarray(0, 0x400),
  };
  it.each(Object.entries(cases))("%s", (kind, bytes) => {
    expect(kindOf(bytes)).toBe(kind);
  });

  const malformations: Readonly<Record<string, (view: DataView) => void>> = {
    "overlapping sections": (v) => v.setUint32(TEST_SECTION_TABLE + 0x28 + 0xc, 0x1000, true),
    "a section beyond the image": (v) => v.setUint32(TEST_SECTION_TABLE + 0x8, 0x7000_0000, true),
    "97 sections": (v) => v.setUint16(nt + 6, 97, true),
    "an image of 4 GB": (v) => v.setUint32(nt + 0x50, 0xffff_f000, true),
    "a file alignment of 3": (v) => v.setUint32(nt + 0x3c, 3, true),
    "an entry point outside": (v) => v.setUint32(nt + 0x28, 0x8000_0000, true),
    "a base that is not aligned": (v) => v.setUint32(nt + 0x30, 0x1234, true),
  };
  it.each(Object.entries(malformations))("%s", (_, change) => {
    expect(kindOf(patched(change))).toBe("malformed");
  });
  it("tables of absurd size", () => {
    const absurd = parsePe(patched((v) => v.setUint32(0xa00 + 0x18, 0xffff_ffff, true)));
    expect(() => exportsOf(absurd)).toThrow(PeError);
    const loop = parsePe(patched((v) => v.setUint32(0xc00 + 4, 0xffff_fff0, true)));
    expect(() => [...relocationsOf(loop)]).toThrow(PeError);
  });
  it("says what to do next", () => {
    expect(() => parsePe(cases["32-bit"])).toThrow("This is a 32-bit program (machine 0x14c). Ring 3 runs x86-64");
  });
});

/** Looks at everything that the loader ever looks at. */
function readAll(bytes: Uint8Array): void {
  try {
    const image = parsePe(bytes);
    checkProgram(image);
    importsOf(image);
    for (const { ordinal } of exportsOf(image)?.list() ?? []) void ordinal;
    tlsOf(image);
    toolchainOf(image);
    if (image.headers.sizeOfImage < 64 << 20) layoutImage(image, 0x7ff7_0000_0000);
  } catch (error) {
    if (!(error instanceof PeError)) throw error;
  }
}

const samples = new URL("../../samples/bin/", import.meta.url);
const files = [
  ["the test image", makeTestImage(everything)] as const,
  ...(existsSync(samples) ? readdirSync(samples) : [])
    .filter((name) => name.endsWith(".exe"))
    .map((name) => [name, new Uint8Array(readFileSync(new URL(name, samples)))] as const),
];

describe.each(files)("damage to %s throws PeError only, at once", (_, file) => {
  it("200 lengths", () => {
    for (let step = 0; step < 200; step++) readAll(file.subarray(0, Math.floor((file.length * step) / 200)));
  });
  it("200 flips", () => {
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let round = 0; round < 200; round++) {
      const copy = file.slice();
      for (let flips = 0; flips < 4; flips++) copy[random(round & 1 ? 0x400 : copy.length)] ^= 1 << random(8);
      readAll(copy);
    }
  });
});
