import type { AddressSpace, AddressSpaceImage, Cpu } from "../../emulator/cpu.ts";
import { stateClass, stateLeaf } from "../executive/state.ts";

/** Bytes of a section that views share. An object of the state, so that sharing survives a snapshot. */
export class SectionPages {
  bytes: Uint8Array;
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }
}
stateClass("SectionPages", SectionPages);

const registered = new WeakSet<object>();

/** A new address space, made known to the state mechanism as something that saves itself. */
export function createAddressSpace(cpu: Cpu, image?: AddressSpaceImage): AddressSpace {
  const space = cpu.createAddressSpace(image);
  const prototype = Object.getPrototypeOf(space) as AddressSpace;
  if (!registered.has(prototype)) {
    registered.add(prototype);
    stateLeaf("AddressSpace", prototype, {
      save: (value: AddressSpace) => value.save(),
      restore: (data: AddressSpaceImage, externals) => createAddressSpace(externals.get("cpu") as Cpu, data),
    });
  }
  return space;
}

/** Makes the address spaces of `cpu` restorable before the first one was created. */
export function registerAddressSpaces(cpu: Cpu): void {
  createAddressSpace(cpu).dispose();
}
