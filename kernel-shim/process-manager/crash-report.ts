import { GuestFault, PAGE_SIZE } from "../../emulator/cpu.ts";
import { Register, registerNames } from "../../emulator/context.ts";
import { MemoryType } from "../abi/memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import type { RaisedException } from "../executive/observer.ts";
import type { Process } from "./process.ts";
import type { Thread } from "./thread.ts";

/** Where an address lies: a module and an offset in it, where one is mapped there. */
export interface Location {
  readonly address: number;
  readonly module: string | undefined;
  readonly offset: number;
}

/** Why a process ended that did not end itself: everything a reader needs, as plain data. */
export interface CrashReport {
  readonly processId: number;
  readonly threadId: number;
  readonly code: NtStatus;
  readonly location: Location;
  /** Of an access violation. */
  readonly access: { readonly kind: "read" | "write" | "execute"; readonly address: number } | undefined;
  readonly parameters: readonly bigint[];
  /** RAX … R15, RIP, RFLAGS by name. */
  readonly registers: Readonly<Record<string, bigint>>;
  /** Bytes at RIP, as many as are mapped, at most 32. */
  readonly instructionBytes: Uint8Array;
  /** Words from RSP on, each with the place it points to when that is code. */
  readonly stack: readonly {
    readonly address: number;
    readonly value: bigint;
    readonly location: Location | undefined;
  }[];
}

/** Words of the stack that a report shows. */
const STACK_WORDS = 64;
const CODE_BYTES = 32;

/** The thread's state as it is now. */
export function createCrashReport(thread: Thread, { code, address, parameters }: RaisedException): CrashReport {
  const { context, process } = thread;
  const registers: Record<string, bigint> = {};
  for (const name of registerNames) registers[name] = context.get(Register[name]);
  registers.RIP = BigInt(context.rip);
  registers.RFLAGS = BigInt(context.rflags);
  const stack: CrashReport["stack"][number][] = [];
  const top = context.getNumber(Register.RSP);
  for (let i = 0; i < STACK_WORDS; i++) {
    const word = peekAsMuchAsPossible(process, top + i * 8, 8);
    if (word.length < 8) break;
    const value = new DataView(word.buffer, word.byteOffset, 8).getBigUint64(0, true);
    const location = locate(process, Number(value));
    stack.push({ address: top + i * 8, value, location: location.module === undefined ? undefined : location });
  }
  const accessKind = parameters[0] === 0n ? "read" : parameters[0] === 1n ? "write" : "execute";
  return {
    processId: process.id,
    threadId: thread.id,
    code,
    location: locate(process, address),
    access:
      code === ntstatus.STATUS_ACCESS_VIOLATION && parameters.length >= 2
        ? { kind: accessKind, address: Number(parameters[1]) }
        : undefined,
    parameters,
    registers,
    instructionBytes: peekAsMuchAsPossible(process, address, CODE_BYTES),
    stack,
  };
}

export function locate(process: Process, address: number): Location {
  const region = process.virtualMemory.regionAt(address);
  if (region?.type !== MemoryType.MEM_IMAGE) return { address, module: undefined, offset: 0 };
  const path = region.section?.file?.path ?? "";
  return { address, module: path.slice(path.lastIndexOf("\\") + 1), offset: address - region.start };
}

function peekAsMuchAsPossible({ memory }: Process, address: number, length: number): Uint8Array {
  for (const size of [length, PAGE_SIZE - (address % PAGE_SIZE)]) {
    try {
      if (size <= length) return memory.peek(address, size);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
    }
  }
  return new Uint8Array(0);
}
