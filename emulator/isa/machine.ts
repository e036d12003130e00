import type { CpuLevel, ExceptionVector, Segmentation } from "../cpu.ts";
import type { Context } from "../context.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import type { Instruction } from "./instruction.ts";
import type { MemoryOperand, Operand } from "./operand.ts";

/** An exception that is no page fault, on its way to the end of `run`. The instruction has changed nothing. */
export class CpuException extends Error {
  override readonly name = "CpuException";
  readonly vector: ExceptionVector;
  constructor(vector: ExceptionVector) {
    super(`#${vector}`);
    this.vector = vector;
  }
}

/** What an instruction asks for and this CPU lacks, on its way to the end of `run`. The instruction has changed nothing. */
export class Unimplemented extends Error {
  override readonly name = "Unimplemented";
}

/**
 * What `execute` works on: the state in memory, at the boundary before the instruction. RIP is already that of the next
 * instruction; on a fault the engine puts it back.
 */
export interface Machine {
  readonly context: Context;
  /** Honours protection and throws GuestFault. */
  readonly space: GuestMemory;
  /** Somebody looks on: each access is made by itself, in the width of its element. */
  readonly observed: boolean;
  /** The instruction should end here if it is to be executed again for what is left of it; asked between the elements of a repetition. */
  interrupted(): boolean;
  readonly instruction: Instruction;
  readonly level: CpuLevel;
  /**
   * Effective address with segment base, of 64 bits, above 2^53 inexact; of an element of a gather with `index` for the index. Who accesses it faults there.
   */
  address(operand: MemoryOperand, index?: bigint): number;
  /** Of what lies `offset` bytes behind the operand's start; exact where sums of such numbers are not. */
  addressOfPart(operand: MemoryOperand, offset: number): number;
  /** Whether its effective address with segment base is a multiple of `bytes`. */
  isAligned(operand: MemoryOperand, bytes: number): boolean;
  /** Value of a general register, memory operand (up to 64 bits) or immediate, unsigned. */
  read(operand: Operand): bigint;
  /** As the processor writes it: 32 bits clear the upper half of a register. */
  write(operand: Operand, value: bigint): void;
  raise(vector: ExceptionVector): never;
  /** Ends the run: the instruction goes where this CPU cannot follow. */
  unsupported(what: string): never;
  /** The engine looks anew at what it looks at between instructions: TF. For an instruction that ends its block. */
  reconsider(): void;
  /** Debug exceptions wait until the next instruction is done: MOV to SS. SDM volume 3, 7.8.3. */
  delayTraps(): void;
  readonly segmentation: Segmentation;
  /** Time stamp counter at this instruction. */
  timeStamp(): bigint;
  /** 64 bits of the generator behind RDRAND. */
  random(): bigint;
  /** CPUID of this processor: EAX, EBX, ECX, EDX. */
  cpuid(leaf: number, subleaf: number): readonly [number, number, number, number];
}
