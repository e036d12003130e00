/**
 * What the dispatcher (emulator/interpreter) and translated regions agree on.
 *
 * A region is a WebAssembly function `(depth: i32) -> i64` with one entry, the guest address it is installed for. It returns the guest
 * RIP at which the guest goes on; the whole architectural state is then in memory, in the layout that the interpreter uses
 * (but for flags that it owes: owed-flags.ts; the dispatcher settles them before anything but a region runs),
 * and `remaining` has gone down by exactly the instructions that were executed.
 *
 * - `giveUp` is set to a `GiveUp` reason when the instruction at the returned RIP must be done by the interpreter (a slow memory access, a
 *   fault, an `execute` instruction, a budget too small for the next stretch). The dispatcher then clears it and does not
 *   enter a region for that RIP: it interprets the block that begins there (or one instruction of it), then looks up regions again.
 *   Otherwise the returned RIP is looked up at once: a jump to another region or to code that is not translated.
 * - A region checks `remaining` at its entry and on back edges; it never executes more than that.
 * - Guest calls are WebAssembly calls, through `enter` or directly inside a module. A callee returns any RIP; when it is not
 *   the return address, the caller leaves at once without touching the state. So frames on the WebAssembly stack are hints:
 *   dropping them is always right.
 * - `depth` bounds the WebAssembly stack: the dispatcher passes 300; a region passes one less to its callee, and leaves with the
 *   RIP of the callee when it has none left.
 * - `enter(rip: i64, expected: i64, depth: i32) -> i64` is exported by the dispatcher module. It runs regions from `rip` on until
 *   the RIP is `expected`, no region is installed for it or `giveUp` is set, and returns the RIP. It never interprets and never
 *   calls out of WebAssembly:
 *
 *       loop: if rip == expected or giveUp return rip; slot = lookup(rip); if none return rip; rip = call_indirect[slot](depth)
 *
 * - A store to a page that holds translated code must miss its write tag; nothing else is needed for self-modification,
 *   because no region is entered between that store and `invalidate`.
 */

/** A translated region; the dispatcher's `enter`. Both are WebAssembly functions. */
export type RegionFunction = (depth: number) => bigint;
export type EnterFunction = (rip: bigint, expected: bigint, depth: number) => bigint;

/** Byte offsets in the linear memory of what a region reaches. Constants of the memory layout. */
export interface RegionMemory {
  /** The running context, in the layout of context-layout.ts. */
  readonly state: number;
  /** Bytes: emulator/memory/window-size.ts. */
  readonly windowSize: number;
  /** One i64 a page slot: docs/decisions/0004. */
  readonly readTags: number;
  readonly writeTags: number;
  /** i32 cells. */
  readonly remaining: number;
  readonly giveUp: number;
}

/** Why a region left an instruction to the interpreter; what the cell `giveUp` holds. 0: it did not. */
export const GiveUp = {
  /** The tag check of a memory operand failed: no permission, a slow page, an access across pages. */
  memory: 1,
  /** The instruction has no lift, or ends in an exit or a fault. */
  instruction: 2,
  /** A guard's condition holds: the instruction will fault. */
  guard: 3,
  /** The next stretch may execute more than `remaining` instructions. */
  budget: 4,
} as const;
export type GiveUp = (typeof GiveUp)[keyof typeof GiveUp];
