import { malformed } from "./error.ts";
import { Directory } from "./headers.ts";
import type { PeImage } from "./image.ts";

export type ImportedFunction = { readonly name: string; readonly hint: number } | { readonly ordinal: number };

export interface ImportedModule {
  readonly module: string;
  readonly delayed: boolean;
  readonly functions: readonly ImportedFunction[];
  /** RVA of the address table that the loader fills, one 64-bit entry a function. */
  readonly addressTable: number;
}

const MAX_IMPORTS = 0x10000;
const ORDINAL_FLAG = 0x8000_0000;

/** What the image imports, by DLL, in the order of the file; delay-loaded modules last. @throws PeError */
export function importsOf(image: PeImage): ImportedModule[] {
  const budget = { left: MAX_IMPORTS };
  return [
    ...descriptors(image, Directory.IMPORT, 0x14, budget, (at) => ({
      name: image.u32(at + 0xc),
      // Without a lookup table (old Borland linkers) the address table holds the names until it is bound.
      lookup: image.u32(at) || image.u32(at + 0x10),
      addressTable: image.u32(at + 0x10),
    })),
    ...descriptors(image, Directory.DELAY_IMPORT, 0x20, budget, (at) => ({
      name: image.u32(at + 0x4),
      lookup: image.u32(at + 0x10),
      addressTable: image.u32(at + 0xc),
    })),
  ];
}

interface Descriptor {
  readonly name: number;
  readonly lookup: number;
  readonly addressTable: number;
}

function* descriptors(
  image: PeImage,
  directory: number,
  size: number,
  budget: { left: number },
  read: (at: number) => Descriptor,
): Generator<ImportedModule> {
  const start = image.directory(directory)?.rva;
  if (start === undefined) return;
  const spend = (): void => {
    if (budget.left-- === 0) throw malformed(`it imports more than ${MAX_IMPORTS} functions`);
  };
  for (let at = start; ; at += size) {
    spend();
    const { name, lookup, addressTable } = read(at);
    if (name === 0 || addressTable === 0) return;
    const functions: ImportedFunction[] = [];
    for (let entry = lookup; lookup !== 0; entry += 8) {
      const low = image.u32(entry);
      const high = image.u32(entry + 4);
      if (low === 0 && high === 0) break;
      spend();
      functions.push(
        high & ORDINAL_FLAG ? { ordinal: low & 0xffff } : { name: image.text(low + 2, 4096), hint: image.u16(low) },
      );
    }
    yield { module: image.text(name), delayed: directory === Directory.DELAY_IMPORT, functions, addressTable };
  }
}
