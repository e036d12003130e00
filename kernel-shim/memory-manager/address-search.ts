import type { Region } from "./region.ts";

/** Allocations begin at multiples of this. */
export const ALLOCATION_GRANULARITY = 0x1_0000;

const SLOTS = 0x1_0000_0000;
/** Pages whose low 32 bits lie above have no slot in the direct window (docs/decisions/0004). */
const WINDOW_END = 0xf800_0000;
/** Where the search begins: programs linked at low fixed addresses find them free. */
const LOW_START = 0x1000_0000;
/** Reservations that are larger than this do not compete for the window. */
const LARGE = 0x4000_0000;
const HIGH_START = 0x10_0000_0000;
export const HIGHEST_USER_ADDRESS = 0x7fff_fffe_ffff;

/**
 * A free range of `size` bytes, aligned to the allocation granularity, at or below `highest`; undefined where there is none. Ranges whose
 * pages get slots of the direct window come first: below 4 GiB and apart, modulo 2^32, from everything that is mapped above.
 */
export function findFreeRange(
  regions: readonly Region[],
  size: number,
  topDown: boolean,
  highest = HIGHEST_USER_ADDRESS,
): number | undefined {
  if (size <= LARGE) {
    const busy: (readonly [number, number])[] = [];
    for (const { start, end } of regions) {
      if (start < SLOTS) busy.push([start, Math.min(end, SLOTS)]);
      else if (end - start <= LARGE) {
        const low = start % SLOTS;
        busy.push([low, Math.min(low + (end - start), SLOTS)]);
        if (low + (end - start) > SLOTS) busy.push([0, low + (end - start) - SLOTS]);
      }
    }
    busy.sort(([a], [b]) => a - b);
    const limit = Math.min(WINDOW_END, highest + 1);
    const found = topDown ? lastGap(busy, size, LOW_START, limit) : firstGap(busy, size, LOW_START, limit);
    const low = found ?? firstGap(busy, size, ALLOCATION_GRANULARITY, limit);
    if (low !== undefined) return low;
  }
  const all = regions.map(({ start, end }) => [start, end] as const);
  return (
    firstGap(all, size, Math.min(HIGH_START, highest), highest + 1) ??
    firstGap(all, size, ALLOCATION_GRANULARITY, highest + 1)
  );
}

type Busy = readonly (readonly [start: number, end: number])[];
const up = (address: number): number => Math.ceil(address / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;
const down = (address: number): number => Math.floor(address / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;

function firstGap(busy: Busy, size: number, from: number, limit: number): number | undefined {
  let candidate = up(from);
  for (const [start, end] of busy) {
    if (start >= candidate + size) break;
    if (end > candidate) candidate = up(end);
  }
  return candidate + size <= limit ? candidate : undefined;
}

function lastGap(busy: Busy, size: number, from: number, limit: number): number | undefined {
  let candidate = down(limit - size);
  for (let i = busy.length - 1; i >= 0; i--) {
    const [start, end] = busy[i];
    if (end <= candidate) continue;
    if (start < candidate + size) candidate = down(start - size);
  }
  if (candidate < from) return undefined;
  // Overlapping intervals are sorted by start only: make sure.
  return busy.some(([start, end]) => start < candidate + size && end > candidate) ? undefined : candidate;
}
