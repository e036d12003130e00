/**
 * The CPU seam: all that a kernel may know of the processor.
 *
 * A guest address is a `number`: user-mode addresses have 47 bits and are exact in a double. Register values are
 * `bigint` (unsigned 64 bits) or, where the caller says so, `number`. See docs/decisions/0002-addresses-are-numbers.md.
 */
import type { Context } from "./context.ts";

export const PAGE_SIZE = 0x1000;
/** One past the last user-mode address: 2^47. */
export const USER_LIMIT = 0x8000_0000_0000;

/** Page protection, a bit set. `None` is a page that is mapped (has contents) but faults on every access. */
export const Protection = { None: 0, Read: 1, Write: 2, Execute: 4 } as const;
export type Protection = number;

/**
 * Low 32 bits of the addresses that our engine keeps for itself: pages there are slow, like those that agree in the low 32 bits with another page.
 * Who chooses addresses avoids both, the same ones whatever the CPU.
 */
export const SLOW_ADDRESSES = [
  { start: 0x1800_0000, end: 0x2000_0000 },
  { start: 0xffff_0000, end: 0x1_0000_0000 },
] as const;

export type AccessKind = "read" | "write" | "execute";

/** An access that the address space does not permit. Thrown by memory; becomes an exception of the guest in one place. */
export class GuestFault extends Error {
  override readonly name = "GuestFault";
  readonly address: number;
  readonly access: AccessKind;
  constructor(address: number, access: AccessKind) {
    super(`guest ${access} of 0x${address.toString(16)} faults`);
    this.address = address;
    this.access = access;
  }
}

/** Pages that several address spaces, or several places of one, see at once: a writable section. */
export interface SharedPages {
  readonly bytes: Uint8Array;
}

/** What a page holds at a moment. Never changes. */
export interface PageContents {
  /** Copies its PAGE_SIZE bytes to `target`, which must hold zeroes from `at` on. */
  copyTo(target: Uint8Array, at: number): void;
}

/** The contents and protections of an address space at a moment. */
export interface AddressSpaceImage {
  /** Runs of equal protection in ascending order. `shared` keeps identity: two runs of one section refer to one object. */
  readonly runs: readonly {
    readonly address: number;
    readonly size: number;
    readonly protection: Protection;
    /** Of each page of the run; absent where all are zero, or shared. */
    readonly pages?: readonly PageContents[];
    readonly shared?: SharedPages;
    readonly sharedOffset?: number;
  }[];
}

/**
 * The memory of one process. Sizes and addresses given to `map`, `protect`, `unmap` are multiples of PAGE_SIZE.
 *
 * `read…`/`write…` act as the guest would (protection checked, GuestFault thrown, nothing written when any byte of a
 * write would fault); `peek`/`poke` ignore protection and fault on unmapped pages only. Code that was translated from bytes
 * that change is discarded by the implementation.
 */
export interface AddressSpace {
  /**
   * Maps private pages that hold `contents`, at most `size` bytes, and zeroes behind. They may be copied when a page is first accessed, so they must not
   * change any more. Pages that were mapped there are replaced.
   */
  map(address: number, size: number, protection: Protection, contents?: Uint8Array): void;
  /** Maps a view of `pages` from byte `offset` on. Stores are seen by every view. */
  mapShared(address: number, size: number, protection: Protection, pages: SharedPages, offset: number): void;
  /** Changes protection of mapped pages; unmapped pages in the range are left alone. */
  protect(address: number, size: number, protection: Protection): void;
  unmap(address: number, size: number): void;
  /** Undefined where nothing is mapped. */
  protectionAt(address: number): Protection | undefined;

  /** A fresh copy. */
  read(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
  readUint8(address: number): number;
  readUint16(address: number): number;
  readUint32(address: number): number;
  readUint64(address: number): bigint;
  /** A 64-bit pointer as a number; inexact above 2^53, where it is no valid address anyway. */
  readPointer(address: number): number;
  writeUint8(address: number, value: number): void;
  writeUint16(address: number, value: number): void;
  writeUint32(address: number, value: number): void;
  writeUint64(address: number, value: bigint): void;
  writePointer(address: number, value: number): void;
  /** Throws GuestFault unless every byte of the range permits `access`. A length of 0 never faults. */
  probe(address: number, length: number, access: AccessKind): void;
  /** Kernel access, whatever the protection. */
  peek(address: number, length: number): Uint8Array;
  poke(address: number, bytes: Uint8Array): void;

  /** Copies nothing: pages are copied when they change, as long as somebody holds the image. */
  save(): AddressSpaceImage;
  /** Gives everything back. The space must not be used afterwards. */
  dispose(): void;
}

/**
 * Why `run` returned. RIP is always at an instruction boundary: after the instruction for `syscall`, `interrupt`,
 * `breakpoint` and #DB (as hardware pushes it), at the instruction for everything else.
 */
export type Exit =
  /** The SYSCALL instruction: RCX = RIP, R11 = RFLAGS, as hardware sets them. */
  | { readonly reason: "syscall" }
  /** `budget` instructions were executed. */
  | { readonly reason: "budget" }
  /**
   * A memory access that the space does not permit: #PF; or #GP and, of references to the stack, #SS, when the address is not canonical (`address` is then
   * 2^64-1).
   */
  | {
      readonly reason: "fault";
      readonly address: number;
      readonly access: AccessKind;
      readonly vector: FaultVector;
    }
  /** Processor exceptions that are not page faults, by SDM mnemonic. */
  | { readonly reason: "exception"; readonly vector: ExceptionVector }
  /** INT3 (CC). */
  | { readonly reason: "breakpoint" }
  /** INT n. */
  | { readonly reason: "interrupt"; readonly vector: number }
  /** A legal instruction that this CPU does not implement, or not there: 32-bit code. The run cannot go on. */
  | { readonly reason: "unsupported"; readonly bytes: Uint8Array; readonly mnemonic: string };

export type FaultVector = "PF" | "GP" | "SS";

/** #DE divide, #DB trap, #UD invalid opcode, #GP protection, #MF x87, #AC alignment, #XM SIMD. */
export type ExceptionVector = "DE" | "DB" | "UD" | "GP" | "MF" | "AC" | "XM";

/** The psABI micro-architecture level that CPUID shows. */
export type CpuLevel = 1 | 2 | 3;

/** The system's tables, as far as instructions of user mode see them. There is no local descriptor table. SDM volume 3, 3.4. */
export interface Segmentation {
  /** The global descriptor table, 8 bytes an entry as they lie in memory; system segments take two. */
  readonly gdt: readonly bigint[];
  readonly gdtBase: bigint;
  readonly idtBase: bigint;
  readonly idtLimit: number;
  readonly taskRegister: number;
  readonly cr0: bigint;
}

export interface CpuOptions {
  readonly level: CpuLevel;
  /** Executions after which a region is translated; 0 = at once, Infinity = never (the interpreter alone). */
  readonly translateAfter: number;
  /** Seeds RDRAND and RDSEED. */
  readonly seed: number;
  /** The system's descriptor tables; absent: the least that 64-bit systems have. */
  readonly segmentation?: Segmentation;
  /**
   * Bytes of the host's address space that an address space takes at most: a power of two from 512 MiB to 4 GiB, which is what there is if nothing is said.
   * Where the host cannot give so much, it is as much as it can. Pages that do not fit are slower, no less.
   */
  readonly windowSize?: number;
  /** Value of the time stamp counter at instruction count 0 of a `run` is set by the kernel through `timeStamp`. */
}

export interface Cpu {
  readonly name: "translator" | "interpreter" | "libunicorn" | "unicornjs";
  readonly level: CpuLevel;
  createAddressSpace(image?: AddressSpaceImage): AddressSpace;
  /**
   * Executes at most `budget` instructions (at least 1) of `context` in `space`. Exact: never one more; a REP string
   * instruction counts once. Deterministic for equal inputs whatever the tier.
   */
  run(space: AddressSpace, context: Context, budget: number): Exit;
  /** Instructions executed by the last `run`. SYSCALL, INT n and INT3 count; an instruction that faulted does not. */
  readonly executed: number;
  /** What RDTSC shows at the start of the next `run`, in ticks; within a run it advances by one tick an instruction. */
  timeStamp: bigint;
  /** Frees what is kept for reuse between runs. */
  dispose(): void;
}
