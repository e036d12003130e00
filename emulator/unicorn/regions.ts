/** The regions of `uc_mem_map`: which addresses are mapped, in the pieces in which a program mapped and protected them. */
import type { AddressSpace } from "../cpu.ts";
import { PAGE_SIZE, USER_LIMIT } from "../cpu.ts";
import { PROT_ALL } from "./constants.ts";
import type { ErrorName } from "./errors.ts";

export interface Region {
  readonly begin: number;
  /** One past the last byte. */
  readonly end: number;
  readonly perms: number;
}

export class Regions {
  readonly #space: AddressSpace;
  /** Ascending, disjoint. */
  #regions: readonly Region[] = [];

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  get list(): readonly Region[] {
    return this.#regions;
  }

  map(address: bigint, size: bigint, perms: number): ErrorName {
    if (size === 0n || address + size > 1n << 64n || !isAligned(address, size) || perms & ~PROT_ALL) return "ERR_ARG";
    // Unicorn maps any address; a processor in user mode has no more than these.
    if (address + size > USER_LIMIT) return "ERR_NOMEM";
    const region = { begin: Number(address), end: Number(address + size), perms };
    if (this.#regions.some(({ begin, end }) => begin < region.end && region.begin < end)) return "ERR_MAP";
    this.#regions = [...this.#regions, region].sort((left, right) => left.begin - right.begin);
    this.#space.map(region.begin, region.end - region.begin, perms);
    return "ERR_OK";
  }

  unmap(address: bigint, size: bigint): ErrorName {
    return this.#change(address, size, () => {
      this.#space.unmap(Number(address), Number(size));
      return [];
    });
  }

  protect(address: bigint, size: bigint, perms: number): ErrorName {
    if (size !== 0n && perms & ~PROT_ALL) return "ERR_ARG";
    return this.#change(address, size, (inside) => {
      this.#space.protect(Number(address), Number(size), perms);
      return inside.map(({ begin, end }) => ({ begin, end, perms }));
    });
  }

  /** Replaces what lies in the range, all of it mapped. */
  #change(address: bigint, size: bigint, replace: (inside: readonly Region[]) => readonly Region[]): ErrorName {
    if (size === 0n) return "ERR_OK";
    if (!isAligned(address, size)) return "ERR_ARG";
    const from = Number(address);
    const to = Number(address + size);
    const inside: Region[] = [];
    const outside: Region[] = [];
    let mapped = 0;
    for (const { begin, end, perms } of this.#regions) {
      const first = Math.max(begin, from);
      const last = Math.min(end, to);
      if (first >= last) {
        outside.push({ begin, end, perms });
        continue;
      }
      mapped += last - first;
      inside.push({ begin: first, end: last, perms });
      if (begin < first) outside.push({ begin, end: first, perms });
      if (last < end) outside.push({ begin: last, end, perms });
    }
    if (mapped !== to - from) return "ERR_NOMEM";
    this.#regions = [...outside, ...replace(inside)].sort((left, right) => left.begin - right.begin);
    return "ERR_OK";
  }
}

const isAligned = (address: bigint, size: bigint): boolean => (address | size) % BigInt(PAGE_SIZE) === 0n;
