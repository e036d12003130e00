/** The image as memory: what the memory manager maps where, as NT's image sections do. */
import { PageProtection } from "../abi/memory.ts";
import { malformed, PeError } from "./error.ts";
import { roundUp, SectionCharacteristics } from "./headers.ts";
import type { PeImage } from "./image.ts";
import { canRelocate, relocationsOf, RelocationType } from "./relocations.ts";

const PAGE_SIZE = 0x1000;

export interface ImageSegment {
  /** The section's name; empty for the headers. */
  readonly name: string;
  readonly rva: number;
  /** A multiple of the page size. */
  readonly size: number;
  /** PAGE_* */
  readonly protection: number;
  /** At most `size` bytes; zeros follow. */
  readonly bytes: Uint8Array;
}

export interface ImageLayout {
  readonly base: number;
  /** SizeOfImage in whole pages; between segments may be gaps without access. */
  readonly size: number;
  readonly segments: readonly ImageSegment[];
}

/**
 * Lays the image out for `base`. Addresses in it are moved when `base` is not its own, unless `relocate` is false: then the
 * bytes are those of the file (an image whose ntdll relocates). @throws PeError
 */
export function layoutImage(image: PeImage, base: number, relocate = true): ImageLayout {
  const { headers } = image;
  const size = roundUp(headers.sizeOfImage, PAGE_SIZE);
  const segments = headers.sectionAlignment < PAGE_SIZE ? [wholeFile(image, size)] : bySection(image);
  const delta = base - headers.imageBase;
  if (delta === 0 || !relocate) return { base, size, segments };
  if (!canRelocate(image)) {
    throw new PeError("malformed", `The program can run at its base address 0x${headers.imageBase.toString(16)} only, and that is taken. Link it with relocations (/DYNAMICBASE).`); // prettier-ignore
  }
  return { base, size, segments: relocated(image, segments, delta) };
}

function bySection(image: PeImage): ImageSegment[] {
  const { sizeOfHeaders } = image.headers;
  const headers: ImageSegment = {
    name: "",
    rva: 0,
    size: roundUp(sizeOfHeaders, PAGE_SIZE),
    protection: PageProtection.PAGE_READONLY,
    bytes: image.bytes.subarray(0, sizeOfHeaders),
  };
  const sections = image.sections.map((section): ImageSegment => {
    const size = roundUp(section.virtualSize, PAGE_SIZE);
    return {
      name: section.name,
      rva: section.virtualAddress,
      size,
      protection: sectionProtection(section.characteristics),
      bytes: image.sectionBytes(section).subarray(0, size),
    };
  });
  return [headers, ...sections].filter((segment) => segment.size > 0);
}

/** An image whose sections are aligned to less than a page is mapped as it lies in the file, writable and executable. */
function wholeFile(image: PeImage, size: number): ImageSegment {
  return {
    name: "",
    rva: 0,
    size,
    protection: PageProtection.PAGE_EXECUTE_WRITECOPY,
    bytes: image.bytes.subarray(0, size),
  };
}

export function sectionProtection(characteristics: number): number {
  const { EXECUTE, READ, WRITE, SHARED } = SectionCharacteristics;
  const P = PageProtection;
  const has = (bit: number): boolean => (characteristics & bit) !== 0;
  if (has(WRITE)) {
    if (has(SHARED)) return has(EXECUTE) ? P.PAGE_EXECUTE_READWRITE : P.PAGE_READWRITE;
    return has(EXECUTE) ? P.PAGE_EXECUTE_WRITECOPY : P.PAGE_WRITECOPY;
  }
  if (has(EXECUTE)) return has(READ) ? P.PAGE_EXECUTE_READ : P.PAGE_EXECUTE;
  return has(READ) ? P.PAGE_READONLY : P.PAGE_NOACCESS;
}

function relocated(image: PeImage, segments: readonly ImageSegment[], delta: number): ImageSegment[] {
  const moved = segments.map((segment) => ({ ...segment, bytes: segment.bytes.slice() }));
  let current = moved[0];
  const viewAt = (rva: number, size: number): DataView => {
    if (rva < current.rva || rva + size > current.rva + current.size) {
      const found = moved.find((segment) => rva >= segment.rva && rva + size <= segment.rva + segment.size);
      if (found === undefined) throw malformed(`it relocates 0x${rva.toString(16)}, which is outside of its sections`);
      current = found;
    }
    const offset = rva - current.rva;
    if (offset + size > current.bytes.length) {
      const grown = new Uint8Array(current.size);
      grown.set(current.bytes);
      current.bytes = grown;
    }
    return new DataView(current.bytes.buffer, current.bytes.byteOffset + offset, size);
  };
  const big = BigInt(delta);
  const low32 = Number(BigInt.asIntN(32, big));
  for (const { rva, type } of relocationsOf(image)) {
    switch (type) {
      case RelocationType.DIR64: {
        const view = viewAt(rva, 8);
        view.setBigUint64(0, view.getBigUint64(0, true) + big, true);
        break;
      }
      case RelocationType.HIGHLOW: {
        const view = viewAt(rva, 4);
        view.setUint32(0, view.getUint32(0, true) + low32, true);
        break;
      }
      case RelocationType.HIGH: {
        const view = viewAt(rva, 2);
        view.setUint16(0, ((view.getUint16(0, true) << 16) + low32) >>> 16, true);
        break;
      }
      case RelocationType.LOW: {
        const view = viewAt(rva, 2);
        view.setUint16(0, view.getUint16(0, true) + low32, true);
        break;
      }
    }
  }
  return moved;
}
