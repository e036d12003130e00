import type { ValueType } from "../wasm/opcodes.ts";

/**
 * A value that an instruction computes. Nodes form a DAG; a consumer emits a node when an effect that it keeps asks for it, and
 * keeps it in a local when more than one does. Every leaf is the value *before* the instruction, except loads, which happen
 * at their place in the list of effects.
 *
 * `op` is the name of a WebAssembly instruction, or one of the leaves:
 *
 * | op | `imm` | type |
 * | --- | --- | --- |
 * | `const` | number, bigint (i64, signed) or Uint8Array (v128) | any |
 * | `gpr` | `RegisterPart` | i64 for 64 bits, else i32, zero-extended |
 * | `xmm` | `VectorPart` | as the part says |
 * | `flag` | `FlagName` | i32: 0 or not 0; `pf`: a byte whose parity counts; `af`: bit 4 counts |
 * | `state` | `StateField` | i32 or i64: another field of the layout, zero-extended |
 * | `condition` | condition code 0–15 | i32, 0 or 1; `args[0]` is the same in terms of `flag` leaves, for consumers that know no better |
 * | `load` | `Access` | by width (of 32 bytes the lower half); `args[0]` is the address (i64) |
 * | `load.high` | | v128: the upper half of the load of 32 bytes that is `args[0]` |
 * | `bulk` | `Bulk` | i32: 0 if nothing was done; destination, source or value, and count (i64). It works when it is evaluated: once, as the condition of a `fallback` |
 * | `record` | `RecordField` | i32 or i64: a constant of the decoded record (interpreter only) |
 * | `register.record` | slot number | i64: the whole register whose number the record holds, 0 where it has none (interpreter only) |
 * | `segment.record` | | i64: base of the segment that the record names, or 0 (interpreter only) |
 */
export interface Node {
  readonly op: string;
  readonly type: ValueType;
  readonly args: readonly Node[];
  readonly imm: Immediate;
  /** References from other nodes and from the instruction's effects, writes, flags and control. */
  uses: number;
}

export interface RegisterPart {
  /** 0–15, or DEFERRED_REGISTER plus a slot. */
  readonly register: number;
  readonly width: 8 | 16 | 32 | 64;
  readonly high: boolean;
}

/** What of a vector register: all 16 low bytes, the upper half of the YMM register, or the low lane in a scalar type. */
export interface VectorPart {
  readonly register: number;
  readonly part: "v128" | "high" | "f32" | "f64" | "i32" | "i64";
}

export type FlagName = "cf" | "pf" | "af" | "zf" | "sf" | "of";
export const flagNames = ["cf", "pf", "af", "zf", "sf", "of"] as const satisfies readonly FlagName[];

/** Bytes of the architectural state (emulator/context-layout.ts) that are no general register, vector register or arithmetic flag. */
export interface StateField {
  readonly offset: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

/** What a repeated string instruction does, if nothing is in its way: emulator/memory/bulk.ts. */
export interface Bulk {
  readonly operation: "copy" | "fill";
  readonly bytes: 1 | 2 | 4 | 8;
}

export interface Access {
  /** Bytes. */
  readonly bytes: 1 | 2 | 4 | 8 | 16 | 32;
  /** The instruction stores to the same place later: a load that may not write faults as a write. Set when the lift is finished. */
  update: boolean;
  /** Where it is not possible at full speed, the instruction is left to its `execute`. */
  readonly attempt: boolean;
}

export type RecordField = "immediate" | "displacement" | "scale" | "next" | "address";

export type Immediate =
  | undefined
  | number
  | bigint
  | Uint8Array
  | FlagName
  | RecordField
  | RegisterPart
  | VectorPart
  | StateField
  | Access
  | Bulk;
