import { SLOW_ADDRESSES } from "../../emulator/cpu.ts";
import { firstIndex } from "../sorted.ts";
import type { Region } from "./region.ts";

/** Allocations begin at multiples of this. */
export const ALLOCATION_GRANULARITY = 0x1_0000;

const SLOTS = 0x1_0000_0000;
/** Where the search begins: programs linked at low fixed addresses find them free. */
const LOW_START = 0x1000_0000;
/** Reservations that are larger than this do not compete for the window. */
const LARGE = 0x4000_0000;
const HIGH_START = 0x10_0000_0000;
export const HIGHEST_USER_ADDRESS = 0x7fff_fffe_ffff;

export interface AddressRequirements {
  readonly topDown?: boolean;
  readonly lowest?: number;
  /** The last address that the range may contain. */
  readonly highest?: number;
  /** A power of two, at least the allocation granularity. */
  readonly alignment?: number;
}

/**
 * A free range of `size` bytes; undefined where there is none. Ranges whose pages get slots of the direct window (docs/decisions/0004) come first: below 4 GiB
 * and apart, modulo 2^32, from everything that is mapped above.
 */
export function findFreeRange(
  regions: readonly Region[],
  size: number,
  requirements: AddressRequirements = {},
): number | undefined {
  const { topDown = false, highest = HIGHEST_USER_ADDRESS, alignment = ALLOCATION_GRANULARITY } = requirements;
  const lowest = Math.max(requirements.lowest ?? 0, ALLOCATION_GRANULARITY);
  if (size <= LARGE) {
    const above = firstIndex(regions, ({ start }) => start >= SLOTS);
    const busy = [...SLOW_ADDRESSES, ...regions.slice(0, above), ...regions.slice(above).flatMap(slotsOf)];
    busy.sort((a, b) => a.start - b.start);
    const limit = Math.min(SLOTS, highest + 1);
    const from = Math.max(lowest, LOW_START);
    const found = topDown ? lastGap(busy, size, from, limit, alignment) : firstGap(busy, size, from, limit, alignment);
    const low = found ?? firstGap(busy, size, lowest, limit, alignment);
    if (low !== undefined) return low;
  }
  return (
    firstGap(regions, size, Math.max(lowest, Math.min(HIGH_START, highest)), highest + 1, alignment) ??
    firstGap(regions, size, lowest, highest + 1, alignment)
  );
}

/** Addresses that are taken. */
interface Busy {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** The slots that a region above 4 GiB takes. */
function slotsOf({ start, end }: Busy): readonly Busy[] {
  const size = end - start;
  if (size > LARGE) return [];
  const low = start % SLOTS;
  const first = { start: low, end: low + size };
  return first.end > SLOTS ? [first, { start: 0, end: first.end - SLOTS }] : [first];
}

const up = (address: number, alignment: number): number => Math.ceil(address / alignment) * alignment;
const down = (address: number, alignment: number): number => Math.floor(address / alignment) * alignment;

function firstGap(
  busy: readonly Busy[],
  size: number,
  from: number,
  limit: number,
  alignment: number,
): number | undefined {
  let candidate = up(from, alignment);
  for (const { start, end } of busy) {
    if (start >= candidate + size) break;
    if (end > candidate) candidate = up(end, alignment);
  }
  return candidate + size <= limit ? candidate : undefined;
}

function lastGap(
  busy: readonly Busy[],
  size: number,
  from: number,
  limit: number,
  alignment: number,
): number | undefined {
  let candidate = down(limit - size, alignment);
  for (let i = busy.length - 1; i >= 0; i--) {
    const { start, end } = busy[i];
    if (end <= candidate) continue;
    if (start < candidate + size) candidate = down(start - size, alignment);
  }
  if (candidate < from) return undefined;
  // Overlapping intervals are sorted by start only: make sure.
  return busy.some(({ start, end }) => start < candidate + size && end > candidate) ? undefined : candidate;
}
