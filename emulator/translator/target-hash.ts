/** A hash that tells the targets of a computed jump apart, for a br_table. */
export interface TargetHash {
  /** The slot of a target is the upper bits of its low half times this. */
  readonly multiplier: number;
  readonly shift: number;
  /** By slot, the number of the target there, or -1. A target that found its slot taken has none. */
  readonly slots: readonly number[];
}

const TRIES = 64;

export function hashTargets(targets: readonly number[]): TargetHash {
  const bits = Math.max(1, 33 - Math.clz32(targets.length - 1));
  const shift = 32 - bits;
  let best: TargetHash | undefined;
  let bestPlaced = -1;
  for (let attempt = 0, multiplier = 0x9e37_79b1; attempt < TRIES && bestPlaced < targets.length; attempt++) {
    const slots = new Array<number>(1 << bits).fill(-1);
    let placed = 0;
    targets.forEach((target, index) => {
      const slot = Math.imul(target | 0, multiplier) >>> shift;
      if (slots[slot] >= 0) return;
      slots[slot] = index;
      placed++;
    });
    if (placed > bestPlaced) {
      best = { multiplier: multiplier | 0, shift, slots };
      bestPlaced = placed;
    }
    multiplier = (Math.imul(multiplier, 0x0019_660d) + 0x3c6e_f35f) | 1;
  }
  if (!best) throw new Error("a jump without targets has no hash");
  return best;
}
