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

/** By address, the runs that were saved last. */
const lastRuns = new WeakMap<AddressSpace, ReadonlyMap<number, SavedRun>>();

/** Runs that did not change since the last time are the same objects, which snapshots then share. */
function saveSpace(space: AddressSpace): readonly SavedRun[] {
  const last = lastRuns.get(space);
  const runs = space.save().runs.map(({ address, size, protection, pages, shared, sharedOffset = 0 }): SavedRun => {
    const before = last?.get(address);
    const same =
      before?.size === size &&
      before.protection === protection &&
      before.contents?.pages.length === pages?.length &&
      before.shared === shared &&
      before.sharedOffset === sharedOffset &&
      (!pages || pages.every((page, index) => page === before.contents?.pages[index]));
    if (same) return before;
    return { address, size, protection, contents: pages && new SavedPages(pages), shared, sharedOffset };
  });
  lastRuns.set(space, new Map(runs.map((run) => [run.address, run])));
  return runs;
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
