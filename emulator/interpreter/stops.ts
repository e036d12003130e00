/** Where a run is to end before an instruction, for reasons that are not the guest's. */
import type { Instruction } from "../isa/instruction.ts";

export interface Stops {
  /** Asked for an address before it is fetched from. */
  at(address: number): boolean;
  /** Asked for what was decoded. */
  before(instruction: Instruction): boolean;
  /** Also wherever a block begins. */
  readonly everyBlock: boolean;
}

/** A run ended before an instruction that somebody waits for. `entered`: by a jump, call, return or another end of a block, not in sequence. */
export interface StopExit {
  readonly reason: "stop";
  readonly entered: boolean;
}

/** What blocks and regions have to know of stops: none goes on over an instruction before which a run may have to end. */
export interface BlockEnds {
  endsAt(address: number): boolean;
  endsBefore(instruction: Instruction): boolean;
  /** Whether there may be any. */
  readonly any: boolean;
}
