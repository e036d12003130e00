/**
 * Byte offsets of the architectural state. Integer fields are little endian.
 *
 * The arithmetic flags stand apart, in the form that is cheapest to produce: `cf`, `zf`, `sf`, `of` are 0 or not 0 in 32 bits;
 * `pf` holds a result whose low byte has the parity; in `af` bit 4 is the flag. `rflags` has all the others.
 */
export const layout = {
  /** 16 × 8 bytes in encoding order: RAX RCX RDX RBX RSP RBP RSI RDI R8…R15. */
  gpr: 0x000,
  rip: 0x080,
  fsBase: 0x088,
  gsBase: 0x090,
  /** Always 0: the base or index of an operand that has none reads it. */
  zero: 0x098,
  cf: 0x0a0,
  pf: 0x0a4,
  af: 0x0a8,
  zf: 0x0ac,
  sf: 0x0b0,
  of: 0x0b4,
  rflags: 0x0b8,
  mxcsr: 0x0bc,
  /** x87 control word, status word (TOP included), tag word (two bits a register, physical order). */
  fcw: 0x0c0,
  fsw: 0x0c2,
  ftw: 0x0c4,
  /** Opcode, instruction pointer and data pointer of the last x87 instruction. */
  fop: 0x0c6,
  fip: 0x0c8,
  fdp: 0x0d0,
  dr: 0x0d8, // DR0–DR3, DR6, DR7
  /** 8 × 16 bytes, physical registers; the first 10 bytes of each count. */
  x87: 0x110,
  xmm: 0x190,
  ymmHigh: 0x290,
  /** 6 × 2 bytes in encoding order: ES CS SS DS FS GS. */
  selectors: 0x390,
  size: 0x3a0,
} as const;
