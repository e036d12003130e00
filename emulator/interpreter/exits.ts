/** How a run of a core ends. */
import { isCanonicalNumber } from "../address.ts";
import type { ExceptionVector, Exit, GuestFault } from "../cpu.ts";
import type { Instruction } from "../isa/instruction.ts";
import { isStackReference } from "../isa/stack-segment.ts";
import type { StopExit } from "./stops.ts";

/** A stop comes only where somebody asked for it. */
export type CoreExit = Exit | StopExit;

export const isTrap = (exit: CoreExit): boolean => exit.reason === "exception" && exit.vector === "DB";
export const exceptionExit = (vector: ExceptionVector): Exit => ({ reason: "exception", vector });

/** Addresses that are not canonical raise #GP or #SS, which tell no address. `instruction`: whose data it is; none for fetches. */
export function faultExit({ address, access }: GuestFault, instruction?: Instruction): Exit {
  if (isCanonicalNumber(address)) return { reason: "fault", address, access, vector: "PF" };
  const vector = instruction && isStackReference(instruction, access) ? "SS" : "GP";
  return { reason: "fault", address: 2 ** 64 - 1, access, vector };
}
