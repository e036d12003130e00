/** A hash that tells the targets of a computed jump apart, for a br_table. */
export interface TargetHash {
  /** The slot of a target is the upper bits of its low half times this. */
  readonly multiplier: number;
  readonly shift: number;
  /** By slot, the number of the target there, or -1. A target that found its slot taken has none. */
  readonly slots: Int32Array;
}

const TRIES = 256;

export function hashTargets(targets: readonly number[]): TargetHash {
  const bits = Math.max(1, 33 - Math.clz32(targets.length - 1));
  const shift = 32 - bits;
  const slots = new Int32Array(1 << bits);
  let best: TargetHash | undefined;
  let bestPlaced = -1;
  for (let attempt = 0, multiplier = 0x9e37_79b1; attempt < TRIES && bestPlaced < targets.length; attempt++) {
    slots.fill(-1);
    let placed = 0;
    for (let index = 0; index < targets.length; index++) {
      const slot = Math.imul(targets[index], multiplier) >>> shift;
      if (slots[slot] >= 0) continue;
      slots[slot] = index;
      placed++;
    }
    if (placed > bestPlaced) {
      best = { multiplier: multiplier | 0, shift, slots: slots.slice() };
      bestPlaced = placed;
    }
    multiplier = (Math.imul(multiplier, 0x0019_660d) + 0x3c6e_f35f) | 1;
  }
  if (!best) throw new Error("a jump without targets has no hash");
  return best;
}
