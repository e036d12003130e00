/**
 * The headers of a PE32+ image, validated the way NT's section creation does.
 * https://learn.microsoft.com/windows/win32/debug/pe-format
 */
import { hex, malformed, PeError, truncated } from "./error.ts";
import { describeNotPe, describeOldExecutable } from "./not-pe.ts";

export const Machine = { I386: 0x14c, AMD64: 0x8664, ARM64: 0xaa64 } as const;

const machineNames: Readonly<Record<number, string>> = {
  0x14c: "32-bit x86",
  0x1c0: "32-bit ARM",
  0x1c4: "32-bit ARM",
  0xaa64: "64-bit ARM",
  0xa641: "64-bit ARM",
  0x200: "Itanium",
  0xebc: "EFI byte code",
  0x5032: "RISC-V",
  0x5064: "RISC-V",
  0x166: "MIPS",
  0x1f0: "PowerPC",
  0x284: "Alpha",
};

/** IMAGE_FILE_HEADER.Characteristics */
export const FileCharacteristics = {
  RELOCS_STRIPPED: 0x1,
  EXECUTABLE_IMAGE: 0x2,
  LARGE_ADDRESS_AWARE: 0x20,
  DLL: 0x2000,
} as const;
/** IMAGE_SECTION_HEADER.Characteristics */
export const SectionCharacteristics = {
  SHARED: 0x1000_0000,
  EXECUTE: 0x2000_0000,
  READ: 0x4000_0000,
  WRITE: 0x8000_0000,
} as const;
export const Subsystem = { NATIVE: 1, WINDOWS_GUI: 2, WINDOWS_CUI: 3 } as const;
/** Indices of the data directories. */
export const Directory = {
  EXPORT: 0, IMPORT: 1, RESOURCE: 2, EXCEPTION: 3, SECURITY: 4, BASERELOC: 5, DEBUG: 6, TLS: 9,
  LOAD_CONFIG: 10, BOUND_IMPORT: 11, IAT: 12, DELAY_IMPORT: 13, COM_DESCRIPTOR: 14,
} as const; // prettier-ignore

export interface DataDirectory {
  readonly rva: number;
  readonly size: number;
}

export interface SectionHeader {
  readonly name: string;
  readonly virtualAddress: number;
  /** Never 0: a header that says 0 means the size of the raw data. */
  readonly virtualSize: number;
  readonly pointerToRawData: number;
  readonly sizeOfRawData: number;
  readonly characteristics: number;
}

export interface Headers {
  readonly machine: number;
  readonly timeDateStamp: number;
  readonly characteristics: number;
  readonly linkerVersion: readonly [major: number, minor: number];
  readonly addressOfEntryPoint: number;
  readonly imageBase: number;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly operatingSystemVersion: readonly [major: number, minor: number];
  readonly subsystemVersion: readonly [major: number, minor: number];
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
  readonly checkSum: number;
  readonly subsystem: number;
  readonly dllCharacteristics: number;
  readonly sizeOfStackReserve: number;
  readonly sizeOfStackCommit: number;
  readonly sizeOfHeapReserve: number;
  readonly sizeOfHeapCommit: number;
  readonly directories: readonly DataDirectory[];
  readonly sections: readonly SectionHeader[];
  /** File offset of the NT headers. */
  readonly ntHeadersOffset: number;
}

const PAGE_SIZE = 0x1000;
const FILE_HEADER_SIZE = 0x18;
const OPTIONAL_HEADER_SIZE = 0x70;
const SECTION_HEADER_SIZE = 0x28;
const MAX_SECTIONS = 96;
const MAX_DIRECTORIES = 16;
/** NT allows images below 2 GB. */
const MAX_IMAGE_SIZE = 0x7fff_0000;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;

export function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** @throws PeError for everything that is no sound PE32+ image for AMD64. */
export function parseHeaders(bytes: Uint8Array): Headers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = findNtHeaders(bytes, view);
  const u16 = (offset: number): number => view.getUint16(at + offset, true);
  const u32 = (offset: number): number => view.getUint32(at + offset, true);
  const u64 = (offset: number): number => u32(offset + 4) * 0x1_0000_0000 + u32(offset);

  const machine = u16(0x4);
  const numberOfSections = u16(0x6);
  const sizeOfOptionalHeader = u16(0x14);
  if (machine !== Machine.AMD64) throw wrongMachine(machine, bytes, view, at);
  if (at + FILE_HEADER_SIZE + sizeOfOptionalHeader > bytes.length)
    throw truncated("its optional header is not complete");
  if (sizeOfOptionalHeader < 2) throw malformed("it has no optional header");
  const magic = u16(0x18);
  if (magic === PE32)
    throw new PeError(
      "32-bit",
      "This file has a 32-bit header (PE32) but claims machine AMD64. Ring 3 runs x86-64 programs (PE32+): get a fresh copy of it.",
    );
  if (magic !== PE32_PLUS) throw malformed(`its optional header has the unknown magic number ${hex(magic)}`);
  if (sizeOfOptionalHeader < OPTIONAL_HEADER_SIZE)
    throw malformed(`its optional header has ${sizeOfOptionalHeader} bytes, too few`);

  const directoryCount = Math.min(u32(0x84), MAX_DIRECTORIES);
  if (OPTIONAL_HEADER_SIZE + directoryCount * 8 > sizeOfOptionalHeader)
    throw malformed("its data directories do not fit into its optional header");
  const directories = Array.from({ length: directoryCount }, (_, index) => ({
    rva: u32(0x88 + index * 8),
    size: u32(0x8c + index * 8),
  }));
  const layout = {
    sectionAlignment: u32(0x38),
    fileAlignment: u32(0x3c),
    sizeOfImage: u32(0x50),
    sizeOfHeaders: u32(0x54),
  };
  checkLayout(layout, bytes.length);
  const sections = parseSections(bytes, view, at + FILE_HEADER_SIZE + sizeOfOptionalHeader, numberOfSections, layout);
  const addressOfEntryPoint = u32(0x28);
  if (addressOfEntryPoint >= layout.sizeOfImage)
    throw malformed(`its entry point ${hex(addressOfEntryPoint)} lies outside of it`);
  const imageBase = u64(0x30);
  if (imageBase % 0x10000 !== 0 || !Number.isSafeInteger(imageBase))
    throw malformed(`its base address ${hex(imageBase)} is no multiple of 64 KB`);

  return {
    machine,
    timeDateStamp: u32(0x8),
    characteristics: u16(0x16),
    linkerVersion: [view.getUint8(at + 0x1a), view.getUint8(at + 0x1b)],
    addressOfEntryPoint,
    imageBase,
    ...layout,
    operatingSystemVersion: [u16(0x40), u16(0x42)],
    subsystemVersion: [u16(0x48), u16(0x4a)],
    checkSum: u32(0x58),
    subsystem: u16(0x5c),
    dllCharacteristics: u16(0x5e),
    sizeOfStackReserve: u64(0x60),
    sizeOfStackCommit: u64(0x68),
    sizeOfHeapReserve: u64(0x70),
    sizeOfHeapCommit: u64(0x78),
    directories,
    sections,
    ntHeadersOffset: at,
  };
}

function findNtHeaders(bytes: Uint8Array, view: DataView): number {
  if (bytes[0] !== 0x4d || bytes[1] !== 0x5a) throw describeNotPe(bytes);
  if (bytes.length < 0x40) throw truncated(`it ends after ${bytes.length} bytes, inside its DOS header`);
  const at = view.getUint32(0x3c, true);
  // DOS programs have code or relocations where newer formats have the offset of their header, and say so at 0x18.
  if (at + 4 > bytes.length) {
    if (view.getUint16(0x18, true) >= 0x40) throw truncated("it ends before its PE header");
    throw describeOldExecutable("");
  }
  const signature = String.fromCharCode(bytes[at], bytes[at + 1]);
  if (signature !== "PE" || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) throw describeOldExecutable(signature);
  if (at % 4 !== 0) throw malformed(`its PE header stands at the odd offset ${hex(at)}`);
  if (at + FILE_HEADER_SIZE > bytes.length) throw truncated("it ends inside its PE header");
  return at;
}

function wrongMachine(machine: number, bytes: Uint8Array, view: DataView, at: number): PeError {
  if (machine === Machine.I386) {
    // "Any CPU" assemblies of .NET carry 32-bit headers.
    const clr = at + 0x78 + Directory.COM_DESCRIPTOR * 8;
    const isPe32 = at + 0x1a <= bytes.length && view.getUint16(at + 0x18, true) === PE32;
    if (isPe32 && clr + 8 <= bytes.length && view.getUint32(clr, true) !== 0) return dotnet();
    return new PeError(
      "32-bit",
      "This is a 32-bit program (machine 0x14c). Ring 3 runs x86-64: look for a 64-bit (x64) version.",
    );
  }
  const name = machineNames[machine];
  return name === undefined
    ? malformed(`it is for the unknown machine ${hex(machine)}`)
    : new PeError(
        "machine",
        `This program is for ${name} processors (machine ${hex(machine)}). Ring 3 runs x86-64: look for an x64 version.`,
      );
}

export function dotnet(): PeError {
  return new PeError(
    "dotnet",
    "This is a .NET assembly: it needs the .NET runtime, which Ring 3's images do not hold. Choose a native x86-64 program, or publish this one with Native AOT.",
  );
}

interface Layout {
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

function checkLayout({ sectionAlignment, fileAlignment, sizeOfImage, sizeOfHeaders }: Layout, fileSize: number): void {
  if (!isPowerOfTwo(fileAlignment)) throw malformed(`its file alignment ${hex(fileAlignment)} is no power of two`);
  if (!isPowerOfTwo(sectionAlignment))
    throw malformed(`its section alignment ${hex(sectionAlignment)} is no power of two`);
  if (sectionAlignment < fileAlignment) throw malformed("its section alignment is below its file alignment");
  if (sectionAlignment < PAGE_SIZE && sectionAlignment !== fileAlignment)
    throw malformed("its sections are aligned to less than a page, and otherwise than in the file");
  if (sizeOfImage === 0 || sizeOfImage > MAX_IMAGE_SIZE)
    throw malformed(`its size in memory is ${hex(sizeOfImage)} bytes`);
  if (sizeOfHeaders === 0 || sizeOfHeaders > sizeOfImage)
    throw malformed(`its headers have ${hex(sizeOfHeaders)} bytes`);
  if (sizeOfHeaders > fileSize) throw truncated("it ends inside its headers");
}

function parseSections(
  bytes: Uint8Array,
  view: DataView,
  tableAt: number,
  count: number,
  layout: Layout,
): SectionHeader[] {
  if (count > MAX_SECTIONS)
    throw malformed(`it has ${count} sections, more than the ${MAX_SECTIONS} that Windows loads`);
  if (tableAt + count * SECTION_HEADER_SIZE > bytes.length) throw truncated("its section table is not complete");
  const sections: SectionHeader[] = [];
  let end = layout.sectionAlignment < PAGE_SIZE ? 0 : layout.sizeOfHeaders;
  for (let index = 0; index < count; index++) {
    const at = tableAt + index * SECTION_HEADER_SIZE;
    const name = sectionName(bytes.subarray(at, at + 8));
    const u32 = (offset: number): number => view.getUint32(at + offset, true);
    const sizeOfRawData = u32(0x10);
    const section: SectionHeader = {
      name,
      virtualSize: u32(0x8) || sizeOfRawData,
      virtualAddress: u32(0xc),
      // The kernel reads whole 512-byte sectors, wherever the header points inside one.
      pointerToRawData:
        sizeOfRawData === 0 ? 0 : (u32(0x14) & (layout.sectionAlignment < PAGE_SIZE ? -1 : ~0x1ff)) >>> 0,
      sizeOfRawData: u32(0x14) === 0 ? 0 : sizeOfRawData,
      characteristics: u32(0x24),
    };
    const { virtualAddress, virtualSize } = section;
    if (virtualAddress % layout.sectionAlignment !== 0) throw malformed(`section ${name} is not aligned`);
    if (virtualAddress < end) throw malformed(`section ${name} overlaps what comes before it`);
    end = virtualAddress + roundUp(virtualSize, layout.sectionAlignment);
    if (virtualAddress + virtualSize > roundUp(layout.sizeOfImage, PAGE_SIZE))
      throw malformed(`section ${name} reaches beyond the image`);
    if (section.pointerToRawData + section.sizeOfRawData > bytes.length)
      throw truncated(`the data of section ${name} is not complete`);
    sections.push(section);
  }
  return sections;
}

function sectionName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? 8 : end));
}
