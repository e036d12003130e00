/** DR0–DR3 and DR7 of a context as breakpoints. SDM volume 3, 18.2. */
import { layout } from "../context-layout.ts";
import type { Context } from "../context.ts";

const DR6 = layout.dr + 4 * 8;
const DR7 = layout.dr + 5 * 8;
const ENABLED = 0xff;
/** DR6.BS: a trap after a single step. */
export const SINGLE_STEP = 0x4000;

export interface DataBreakpoint {
  readonly bit: number;
  readonly address: number;
  readonly length: number;
  /** Stores alone; else loads as well. */
  readonly writesOnly: boolean;
}

export interface Breakpoints {
  /** Instructions, with their bits in DR6. */
  readonly instructions: ReadonlyMap<number, number>;
  readonly data: readonly DataBreakpoint[];
}

export const noBreakpoints: Breakpoints = { instructions: new Map(), data: [] };

/** DR7 and the addresses, to see whether they are what they were. Empty where nothing is armed. */
export function breakpointKey({ view }: Context): string {
  const control = view.getUint32(DR7, true);
  if (!(control & ENABLED)) return "";
  return [0, 1, 2, 3].map((n) => view.getBigUint64(layout.dr + n * 8, true)).join() + `,${control}`;
}

export function breakpointsOf({ view }: Context): Breakpoints {
  const control = view.getUint32(DR7, true);
  const instructions = new Map<number, number>();
  const data: DataBreakpoint[] = [];
  for (let n = 0; n < 4; n++) {
    if (!((control >> (n * 2)) & 3)) continue;
    const address = Number(view.getBigUint64(layout.dr + n * 8, true));
    const kind = (control >> (16 + n * 4)) & 3;
    // 0, 1, 3: that many bytes and one; 2: eight.
    const size = (control >> (18 + n * 4)) & 3;
    const length = size === 2 ? 8 : size + 1;
    const bit = 1 << n;
    if (kind === 0) instructions.set(address, (instructions.get(address) ?? 0) | bit);
    // 2 is for I/O ports, which user mode does not reach.
    else if (kind !== 2) data.push({ bit, address: address - (address % length), length, writesOnly: kind === 1 });
  }
  return { instructions, data };
}

/** Sets bits of DR6. */
export function report({ view }: Context, bits: number): void {
  view.setUint32(DR6, view.getUint32(DR6, true) | bits, true);
}
