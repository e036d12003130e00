/** A portable executable for AMD64, opened: headers at once, tables when asked for. */
import { malformed } from "./error.ts";
import type { DataDirectory, Headers, SectionHeader } from "./headers.ts";
import { FileCharacteristics, parseHeaders, roundUp } from "./headers.ts";

const PAGE_SIZE = 0x1000;

/** @throws PeError, and nothing else, for whatever bytes. Takes time in proportion to the headers only. */
export function parsePe(bytes: Uint8Array): PeImage {
  return new PeImage(bytes, parseHeaders(bytes));
}

export class PeImage {
  readonly bytes: Uint8Array;
  readonly headers: Headers;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, headers: Headers) {
    this.bytes = bytes;
    this.headers = headers;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get sections(): readonly SectionHeader[] {
    return this.headers.sections;
  }
  get isDll(): boolean {
    return (this.headers.characteristics & FileCharacteristics.DLL) !== 0;
  }
  /** Of a `Directory` index; undefined where the image has none. */
  directory(index: number): DataDirectory | undefined {
    const directory = this.headers.directories[index];
    return directory !== undefined && directory.rva !== 0 && directory.size !== 0 ? directory : undefined;
  }
  section(name: string): SectionHeader | undefined {
    return this.sections.find((section) => section.name === name);
  }
  /** The bytes of a section that the file holds. */
  sectionBytes({ pointerToRawData, sizeOfRawData }: SectionHeader): Uint8Array {
    return this.bytes.subarray(pointerToRawData, pointerToRawData + sizeOfRawData);
  }

  /**
   * What the file holds of the image's memory from `rva` on, up to the end of its section. Undefined where nothing is mapped;
   * shorter than asked where only zeros follow.
   */
  bytesAt(rva: number, length: number): Uint8Array | undefined {
    const { sizeOfHeaders, sectionAlignment } = this.headers;
    if (rva < sizeOfHeaders || sectionAlignment < PAGE_SIZE) {
      const limit = sectionAlignment < PAGE_SIZE ? this.bytes.length : sizeOfHeaders;
      return rva < limit ? this.bytes.subarray(rva, Math.min(limit, rva + length)) : undefined;
    }
    const section = this.#sectionAt(rva);
    if (section === undefined) return undefined;
    const offset = rva - section.virtualAddress;
    const raw = heldBytes(section);
    return this.bytes.subarray(section.pointerToRawData + Math.min(offset, raw), section.pointerToRawData + Math.min(offset + length, raw)); // prettier-ignore
  }
  #sectionAt(rva: number): SectionHeader | undefined {
    for (const section of this.sections) {
      const offset = rva - section.virtualAddress;
      if (offset >= 0 && offset < mappedBytes(section)) return section;
    }
    return undefined;
  }

  u16(rva: number): number {
    const at = this.#fileOffset(rva, 2);
    return at < 0 ? this.#slow(rva, 2) : this.#view.getUint16(at, true);
  }
  u32(rva: number): number {
    const at = this.#fileOffset(rva, 4);
    return at < 0 ? this.#slow(rva, 4) : this.#view.getUint32(at, true);
  }
  /** As a number: inexact above 2^53. */
  u64(rva: number): number {
    return this.u32(rva + 4) * 0x1_0000_0000 + this.u32(rva);
  }
  /** Text up to a zero byte, one character a byte. */
  text(rva: number, limit = 512): string {
    const bytes = this.bytesAt(rva, limit);
    if (bytes === undefined) throw malformed(`it refers to 0x${rva.toString(16)}, which is outside of it`);
    const end = bytes.indexOf(0);
    if (end < 0 && bytes.length === limit) throw malformed(`a name in it has more than ${limit} bytes`);
    return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
  }

  /** File offset of a field that the file holds entirely, or -1. */
  #fileOffset(rva: number, size: number): number {
    const { sizeOfHeaders, sectionAlignment } = this.headers;
    const isFlat = sectionAlignment < PAGE_SIZE;
    if (rva < sizeOfHeaders || isFlat) return rva + size <= (isFlat ? this.bytes.length : sizeOfHeaders) ? rva : -1;
    const section = this.#sectionAt(rva);
    if (section === undefined) return -1;
    const offset = rva - section.virtualAddress;
    return offset + size <= heldBytes(section) ? section.pointerToRawData + offset : -1;
  }
  /** A field that lies wholly or partly in memory that is zero at the start. */
  #slow(rva: number, size: number): number {
    const bytes = this.bytesAt(rva, size);
    if (bytes === undefined) throw malformed(`it refers to 0x${rva.toString(16)}, which is outside of it`);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }
}

const mappedBytes = ({ virtualSize }: SectionHeader): number => roundUp(virtualSize, PAGE_SIZE);
/** Bytes of a section's memory that the file holds. */
const heldBytes = (section: SectionHeader): number => Math.min(section.sizeOfRawData, mappedBytes(section));
