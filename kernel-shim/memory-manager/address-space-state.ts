import {
  PAGE_SIZE,
  type AddressSpace,
  type AddressSpaceImage,
  type Cpu,
  type PageContents,
  type SharedPages,
} from "../../emulator/cpu.ts";
import { stateClass, stateImmutable, stateLeaf } from "../executive/state.ts";

/** Bytes of a section that views share. An object of the state, so that sharing survives a snapshot. */
export class SectionPages {
  bytes: Uint8Array;
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }
}
stateClass("SectionPages", SectionPages);

/** Contents of pages in a row, as an address space saved them. */
class SavedPages {
  readonly pages: readonly PageContents[];
  constructor(pages: readonly PageContents[]) {
    this.pages = pages;
  }
}
stateImmutable("SavedPages", SavedPages, {
  toBytes: ({ pages }) => {
    const bytes = new Uint8Array(pages.length * PAGE_SIZE);
    pages.forEach((page, index) => {
      page.copyTo(bytes, index * PAGE_SIZE);
    });
    return bytes;
  },
  fromBytes: (bytes) =>
    new SavedPages(
      Array.from({ length: bytes.length / PAGE_SIZE }, (_, index) => {
        const page = bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
        return { copyTo: (target, at) => void target.set(page, at) };
      }),
    ),
});

interface SavedRun {
  readonly address: number;
  readonly size: number;
  readonly protection: number;
  readonly contents: SavedPages | undefined;
  readonly shared: SharedPages | undefined;
  readonly sharedOffset: number;
}

function saveSpace(space: AddressSpace): readonly SavedRun[] {
  return space.save().runs.map(({ address, size, protection, pages, shared, sharedOffset = 0 }) => ({
    address,
    size,
    protection,
    contents: pages && new SavedPages(pages),
    shared,
    sharedOffset,
  }));
}
function imageOf(runs: readonly SavedRun[]): AddressSpaceImage {
  return {
    runs: runs.map(({ address, size, protection, contents, shared, sharedOffset }) => ({
      address,
      size,
      protection,
      ...(contents && { pages: contents.pages }),
      ...(shared && { shared, sharedOffset }),
    })),
  };
}

const registered = new WeakSet<object>();

/** A new address space, made known to the state mechanism as something that saves itself. */
export function createAddressSpace(cpu: Cpu, image?: AddressSpaceImage): AddressSpace {
  const space = cpu.createAddressSpace(image);
  const prototype = Object.getPrototypeOf(space) as AddressSpace;
  if (!registered.has(prototype)) {
    registered.add(prototype);
    stateLeaf("AddressSpace", prototype, {
      save: saveSpace,
      restore: (runs: readonly SavedRun[], externals) => createAddressSpace(externals.get("cpu") as Cpu, imageOf(runs)),
    });
  }
  return space;
}

/** Makes the address spaces of `cpu` restorable before the first one was created. */
export function registerAddressSpaces(cpu: Cpu): void {
  createAddressSpace(cpu).dispose();
}
