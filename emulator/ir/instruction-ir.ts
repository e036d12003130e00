import type { Access, FlagName, Node, RegisterPart, StateField, VectorPart } from "./node.ts";

/** The exceptions that a guard can raise. */
export type GuardVector = "DE" | "GP" | "UD" | "AC" | "XM";

/** What a fallback tests and nothing else: the mode that MXCSR asks for, or that a part of a register holds no denormal numbers. */
export type Tested = "mode" | TestedPart;
export interface TestedPart {
  readonly part: VectorPart;
  /** As singles, not doubles. */
  readonly isSingle: boolean;
}

/** In program order: each may stop the instruction, none has changed anything when it does. At most one store an instruction. */
export type Effect =
  /** `node.op` is `load`. It happens even if nobody uses the value. `high` is the upper half of 32 bytes. */
  | { readonly kind: "load"; readonly node: Node; readonly high: Node | undefined }
  /** Raises `vector` when `condition` (i32) is not 0. */
  | { readonly kind: "guard"; readonly condition: Node; readonly vector: GuardVector }
  /** Leaves the instruction to its `execute` when `condition` (i32) is not 0; it is computed only where `within` (i32) is not 0. */
  | {
      readonly kind: "fallback";
      readonly condition: Node;
      readonly within: Node | undefined;
      readonly tested: Tested | undefined;
    }
  /** Stores the low `bytes` of `value`; of 32 the upper half is `high`. `checked`: a load with `update` went before; the store cannot fault. */
  | {
      readonly kind: "store";
      readonly address: Node;
      readonly bytes: Access["bytes"];
      readonly value: Node;
      readonly high: Node | undefined;
      readonly checked: boolean;
    };

/** Happen at once after all effects: every value is computed from the state before the instruction. Later entries win over earlier ones. */
export type Write =
  /** 8 and 16 bits leave the rest of the register alone, 32 bits clear the upper half. `value` is i64 for 64 bits, else i32; only its low `width` bits count. */
  | { readonly kind: "gpr"; readonly target: RegisterPart; readonly value: Node }
  /** Scalar parts leave the other lanes alone. */
  | { readonly kind: "xmm"; readonly target: VectorPart; readonly value: Node }
  | { readonly kind: "state"; readonly target: StateField; readonly value: Node };

/**
 * New flags; those absent keep their values. In the forms of the `flag` leaf: `cf`, `zf`, `sf`, `of` 0 or not 0, `pf` a value whose low byte's
 * parity counts, `af` bit 4.
 */
export interface FlagWrite extends Partial<Record<FlagName, Node>> {
  /** All six are those of `x - y` or `x + y` in `width` bits (x and y as `read` gives them), or of `x` after a logical operation (`cf = of = af = 0`). */
  compare?: {
    readonly kind: "sub" | "add" | "logic";
    readonly x: Node;
    readonly y: Node;
    readonly width: 8 | 16 | 32 | 64;
  };
}

/** How the instruction ends when it is not by going on with the next. Targets (i64) are computed from the state before the instruction. */
export type Control =
  | {
      readonly kind: "jump";
      readonly target: Node;
      readonly how: "direct" | "indirect" | "call" | "indirectCall" | "return";
    }
  /** To `target` when `condition` is not 0, else to the next instruction. */
  | { readonly kind: "branch"; readonly condition: Node; readonly target: Node }
  /** Leaves to the engine with RIP after the instruction, as the effects and writes leave the state. `argument` (i32) is the vector of `interrupt`. */
  | { readonly kind: "exit"; readonly exit: InstructionExit; readonly argument: Node | undefined }
  /** Faults with `vector`; the only content of its instruction. */
  | { readonly kind: "raise"; readonly vector: "UD" | "GP" | "DE" };

/** `reconsider`: something changed that the engine looks at between instructions (TF after POPFQ). */
export type InstructionExit = "syscall" | "breakpoint" | "debug" | "interrupt" | "reconsider";

/** What one instruction does, in the order: effects, then writes and flags at once, then control. */
export interface InstructionIr {
  readonly effects: readonly Effect[];
  readonly writes: readonly Write[];
  readonly flags: FlagWrite | undefined;
  readonly control: Control | undefined;
  /** Values that are no denormal numbers where DE is not set in MXCSR: the fallbacks see to it. */
  readonly numbers: ReadonlyMap<Node, { readonly isSingle: boolean }> | undefined;
}
