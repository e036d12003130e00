import { hex, malformed } from "./error.ts";
import { Directory, FileCharacteristics } from "./headers.ts";
import type { PeImage } from "./image.ts";

/** IMAGE_REL_BASED_*; ABSOLUTE is padding and not listed. */
export const RelocationType = { HIGH: 1, LOW: 2, HIGHLOW: 3, DIR64: 10 } as const;
export type RelocationType = (typeof RelocationType)[keyof typeof RelocationType];
const ABSOLUTE = 0;

export interface Relocation {
  readonly rva: number;
  readonly type: RelocationType;
}

export function canRelocate(image: PeImage): boolean {
  return (image.headers.characteristics & FileCharacteristics.RELOCS_STRIPPED) === 0;
}

/** Every place that holds an address to be moved with the image. @throws PeError */
export function* relocationsOf(image: PeImage): Generator<Relocation> {
  const directory = image.directory(Directory.BASERELOC);
  if (directory === undefined) return;
  const end = directory.rva + directory.size;
  let at = directory.rva;
  while (at + 8 <= end) {
    const page = image.u32(at);
    const size = image.u32(at + 4);
    if (size === 0) return;
    if (size < 8 || at + size > end) throw malformed(`a relocation block of ${hex(size)} bytes does not fit`);
    for (let entry = at + 8; entry + 2 <= at + size; entry += 2) {
      const value = image.u16(entry);
      const type = value >>> 12;
      if (type === ABSOLUTE) continue;
      if (!isRelocationType(type)) throw malformed(`it has relocations of the unknown type ${type}`);
      yield { rva: page + (value & 0xfff), type };
    }
    at += size;
  }
}

function isRelocationType(type: number): type is RelocationType {
  return Object.values(RelocationType).some((known) => known === type);
}
