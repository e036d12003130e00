/** The decoded record of an instruction, and the header of a block, in linear memory. Offsets in bytes. */
export const record = {
  /** Index of the handler in the dispatcher's table (u32). */
  handler: 0,
  /** Byte offsets in the state of the registers of operands 0 to 3 (u16 each), … */
  slots: 4,
  /** … of the base and index of a memory operand, and of the base of its segment. */
  base: 12,
  index: 14,
  segment: 16,
  /** Bytes of the instruction (u16). */
  length: 18,
  scale: 20,
  displacement: 24,
  immediate: 32,
  /** Address of the next instruction. */
  next: 40,
  size: 48,
} as const;

/** Slot numbers behind DEFERRED_REGISTER. */
export const BASE_SLOT = 4;
export const INDEX_SLOT = 5;

export const blockHeader = {
  /** Times it was entered (i32). */
  counter: 0,
  /** One past its last record. */
  end: 4,
  /** The same if the last instruction sets RIP, else 0. */
  stop: 8,
  /** Index in the dispatcher's table of the region that begins here, or 0. */
  region: 12,
  /** If it ends in a computed jump, the address of that one's ring (jump-targets.ts), else 0. */
  targets: 16,
  size: 24,
} as const;
