/**
 * Where things lie in the linear memory of an address space: docs/decisions/0004-direct-window.md.
 *
 * A guest page lies at the low bits of its address (32 in the largest window, see window-size.ts), its *slot*, unless the slot is taken or reserved below.
 */
import { layout } from "../context-layout.ts";
import { SLOW_ADDRESSES } from "../cpu.ts";

const MIB = 0x10_0000;
const [{ start: tables, end: tablesEnd }] = SLOW_ADDRESSES;

export const windowLayout = {
  /** Pages below this have no slot: the engine's small data, at addresses that make short WebAssembly offsets. */
  reservedLow: 0x1_0000,
  /** The running context, in the layout of context-layout.ts. */
  state: 0x1000,
  /** Cells of the dispatcher, i32 each; emulator/interpreter/dispatcher.ts says how they are used. */
  remaining: 0x1800,
  giveUp: 0x1804,
  limit: 0x1808,
  exit: 0x180c,
  exitArgument: 0x1810,
  block: 0x1814,
  hotThreshold: 0x1818,
  /** Operands of up to 32 bytes on their way between a handler and the slow path. */
  scratch: 0x1820,
  /** i64: instructions that regions executed. */
  translated: 0x1840,
  /** One i64 a `GiveUp` reason, and for 0: times that regions were left. */
  exits: 0x1848,

  /** Flags that a region owes to the context (emulator/translator/owed-flags.ts): i32, and two i64. */
  owedFlags: 0x1890,
  owedX: 0x1880,
  owedY: 0x1888,

  /** Pages from here up to `tablesEnd` have no slot: tables and decoded blocks. In the smallest window, so that they lie at one place in all. */
  tables,
  /**
   * One i64 a slot: the number (address >> 12) of the page that lies there if reads (writes) may go straight to it, else 0: page 0 never has a slot
   * (the first and last entries are -1).
   * So one comparison with `(address + size - 1) >>> 12` at the entry of `address` tells permission, owner, canonical form
   * and that the access does not cross into another page.
   */
  readTags: tables,
  writeTags: tables + 8 * MIB,
  /** Direct-mapped cache of blocks by address: {rip i64, block i32, unused}. */
  blockCache: tables + 16 * MIB,
  /** Blocks that the build decoded, as they are kept (emulator/interpreter/block-library.ts); then those that can run. */
  keptBlocks: tables + 20 * MIB,
  blocks: tables + 21 * MIB,
  tablesEnd,
} as const;

if (windowLayout.state + layout.size > windowLayout.remaining) throw new Error("the context overlaps the cells");
