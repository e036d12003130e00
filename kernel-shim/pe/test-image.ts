/** Makes small PE32+ images for tests: real headers, sections as given. */
import { FileCharacteristics, SectionCharacteristics, Subsystem } from "./headers.ts";

export interface TestSection {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly virtualSize?: number;
  readonly characteristics?: number;
}

export interface TestImage {
  readonly sections: readonly TestSection[];
  readonly directories?: Readonly<Record<number, { readonly rva: number; readonly size: number }>>;
  readonly subsystem?: number;
  readonly characteristics?: number;
  readonly entryPoint?: number;
}

export const TEST_IMAGE_BASE = 0x1_4000_0000;
export const TEST_NT_HEADERS = 0x80;
export const TEST_SECTION_TABLE = TEST_NT_HEADERS + 0x108;
const FILE_ALIGNMENT = 0x200;
const PAGE = 0x1000;

const up = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

/** Section n lies at RVA 0x1000 × (n + 1) while each is smaller than a page. */
export function makeTestImage(image: TestImage): Uint8Array {
  const sections = image.sections;
  const headersSize = up(TEST_SECTION_TABLE + sections.length * 0x28, FILE_ALIGNMENT);
  const fileSize = headersSize + sections.reduce((sum, { bytes }) => sum + up(bytes.length, FILE_ALIGNMENT), 0);
  const file = new Uint8Array(fileSize);
  const view = new DataView(file.buffer);
  const at = TEST_NT_HEADERS;
  view.setUint16(0, 0x5a4d, true);
  view.setUint16(0x18, 0x40, true);
  view.setUint32(0x3c, at, true);
  view.setUint32(at, 0x4550, true);
  view.setUint16(at + 0x4, 0x8664, true);
  view.setUint16(at + 0x6, sections.length, true);
  view.setUint16(at + 0x14, 0xf0, true);
  view.setUint16(at + 0x16, image.characteristics ?? FileCharacteristics.EXECUTABLE_IMAGE, true);
  view.setUint16(at + 0x18, 0x20b, true);
  view.setUint32(at + 0x28, image.entryPoint ?? PAGE, true);
  view.setBigUint64(at + 0x30, BigInt(TEST_IMAGE_BASE), true);
  view.setUint32(at + 0x38, PAGE, true);
  view.setUint32(at + 0x3c, FILE_ALIGNMENT, true);
  view.setUint16(at + 0x48, 6, true);
  view.setUint32(at + 0x54, headersSize, true);
  view.setUint16(at + 0x5c, image.subsystem ?? Subsystem.WINDOWS_CUI, true);
  view.setBigUint64(at + 0x60, 0x200000n, true);
  view.setBigUint64(at + 0x68, 0x1000n, true);
  view.setUint32(at + 0x84, 16, true);
  for (const [index, { rva, size }] of Object.entries(image.directories ?? {})) {
    view.setUint32(at + 0x88 + Number(index) * 8, rva, true);
    view.setUint32(at + 0x8c + Number(index) * 8, size, true);
  }
  let rva = PAGE;
  let raw = headersSize;
  sections.forEach(({ name, bytes, virtualSize = bytes.length, characteristics }, index) => {
    const header = TEST_SECTION_TABLE + index * 0x28;
    [...name].forEach((letter, position) => view.setUint8(header + position, letter.charCodeAt(0)));
    view.setUint32(header + 0x8, virtualSize, true);
    view.setUint32(header + 0xc, rva, true);
    view.setUint32(header + 0x10, up(bytes.length, FILE_ALIGNMENT), true);
    view.setUint32(header + 0x14, bytes.length === 0 ? 0 : raw, true);
    view.setUint32(header + 0x24, characteristics ?? SectionCharacteristics.READ, true);
    file.set(bytes, raw);
    rva += up(Math.max(virtualSize, 1), PAGE);
    raw += up(bytes.length, FILE_ALIGNMENT);
  });
  view.setUint32(at + 0x50, rva, true);
  return file;
}

/** Bytes of little-endian 32-bit words and texts, a text ending with a zero byte. */
export function testBytes(...parts: readonly (number | string)[]): Uint8Array {
  const out: number[] = [];
  for (const part of parts) {
    if (typeof part === "number") out.push(part & 255, (part >> 8) & 255, (part >> 16) & 255, part >>> 24);
    else out.push(...[...part].map((letter) => letter.charCodeAt(0)), 0);
  }
  return Uint8Array.from(out);
}
