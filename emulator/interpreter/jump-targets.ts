/**
 * Where computed jumps have led lately: a ring of addresses for each, in linear memory, written by the dispatcher, and by regions where a jump leads
 * out of them.
 */

/** Entries of a ring; a power of two. */
export const RING_ENTRIES = 64;
export const RING_SIZE = RING_ENTRIES * 8;
const TWO_32 = 0x1_0000_0000;

export class JumpTargets {
  readonly #view: DataView;
  /** By the jump's address, that of its ring. */
  readonly #rings = new Map<number, number>();
  /** By the jump's address, what was told before: the ring forgets. */
  readonly #told = new Map<number, ReadonlySet<number>>();

  constructor(view: DataView) {
    this.#view = view;
  }

  /** The ring of the jump at `address`, which begins at `free` if it has none yet. */
  ring(address: number, free: number): number {
    let ring = this.#rings.get(address);
    if (ring === undefined) {
      this.#rings.set(address, (ring = free));
      for (let at = 0; at < RING_SIZE; at += 8) this.#view.setBigUint64(ring + at, 0n, true);
    }
    return ring;
  }
  /** The ring of the jump at `address` if it has one. */
  known(address: number): number | undefined {
    return this.#rings.get(address);
  }
  clear(): void {
    this.#rings.clear();
    this.#told.clear();
  }

  /** All that is known of, in the order of their frequency when they were first asked for. */
  of(address: number): number[] {
    const ring = this.#rings.get(address);
    if (ring === undefined) return [];
    const counts = new Map<number, number>();
    for (let at = ring; at < ring + RING_SIZE; at += 8) {
      const target = this.#at(at);
      if (target) counts.set(target, (counts.get(target) ?? 0) + 1);
    }
    const byCount = [...counts].sort(([left, many], [right, more]) => more - many || left - right);
    const told = new Set([...(this.#told.get(address) ?? []), ...byCount.map(([target]) => target)]);
    this.#told.set(address, told);
    return [...told];
  }
  /** Whether the jump at `address` has led to `target` lately. */
  leads(address: number, target: number): boolean {
    const ring = this.#rings.get(address);
    if (ring === undefined) return false;
    for (let at = ring; at < ring + RING_SIZE; at += 8) if (this.#at(at) === target) return true;
    return false;
  }
  #at(at: number): number {
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
}
