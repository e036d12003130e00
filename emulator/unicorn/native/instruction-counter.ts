/**
 * Counts instructions and stops at the budget. libunicorn's own limit tells no count when something else ends a run, and a
 * JavaScript callback for each instruction costs a microsecond. So the hook is a few bytes of machine code.
 */
import { foreignFunctions } from "./foreign-functions.ts";
import type { HostPointer, Libunicorn } from "./library.ts";
import { hostPointer } from "./library.ts";
import { isRepeatedString } from "../repeated-string.ts";

/** Offsets in the record that the hook receives, in 64-bit words. */
const REMAINING = 0;
const STOP_FUNCTION = 1;
const LAST_ADDRESS = 2;
const REPEAT_STATE = 3;
const CLASSIFY_FUNCTION = 4;
const RECORD_WORDS = 5;

/** What is known of the instruction at LAST_ADDRESS when the hook comes to the same address again. */
const REPEAT_UNKNOWN = 0n;
const REPEAT_BRANCH = 1n;
const REPEAT_STRING = 2n;

const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** System V ABI: rdi = engine, rsi = address, edx = size, rcx = record. */
const hookCode = Uint8Array.of(
  0x48, 0x3b, 0x71, 0x10, //              cmp rsi, [rcx + LAST_ADDRESS]
  0x74, 0x19, //                          je same
  0x48, 0x89, 0x71, 0x10, //              mov [rcx + LAST_ADDRESS], rsi
  0xc7, 0x41, 0x18, 0, 0, 0, 0, //        mov dword [rcx + REPEAT_STATE], REPEAT_UNKNOWN
  0x48, 0x83, 0x29, 0x01, //       count: sub qword [rcx + REMAINING], 1
  0x72, 0x01, //                          jb stop
  0xc3, //                                ret
  0x48, 0x83, 0x01, 0x01, //       stop:  add qword [rcx + REMAINING], 1
  0xff, 0x61, 0x08, //                    jmp [rcx + STOP_FUNCTION]
  0x8b, 0x41, 0x18, //             same:  mov eax, [rcx + REPEAT_STATE]
  0x83, 0xf8, 0x01, //                    cmp eax, REPEAT_BRANCH
  0x74, 0xea, //                          je count
  0x77, 0xee, //                          ja ret
  0xff, 0x61, 0x20, //                    jmp [rcx + CLASSIFY_FUNCTION]
); // prettier-ignore

export class InstructionCounter {
  readonly #record = new BigUint64Array(RECORD_WORDS);
  readonly #library: Libunicorn;
  readonly #classify: HostPointer;

  /** `bytesAt` gives the up to 15 bytes of the instruction at an address. */
  constructor(library: Libunicorn, engine: HostPointer, bytesAt: (address: number) => Uint8Array) {
    if (process.arch !== "x64" || process.platform === "win32") {
      throw new Error(
        "libunicorn can count instructions on x86-64 hosts with the System V ABI only: countInstructions must be false here",
      );
    }
    this.#library = library;
    this.#classify = library.codeCallback((_, address) => {
      const repeated = isRepeatedString(bytesAt(Number(address)));
      this.#record[REPEAT_STATE] = repeated ? REPEAT_STRING : REPEAT_BRANCH;
      if (repeated) return;
      if (this.#record[REMAINING] === 0n) library.stop(engine);
      else this.#record[REMAINING]--;
    });
    this.#record[STOP_FUNCTION] = library.stopPointer;
    this.#record[CLASSIFY_FUNCTION] = this.#classify;
  }

  get callback(): HostPointer {
    hookPointer ??= executable(hookCode);
    return hookPointer;
  }
  get record(): HostPointer {
    return hostPointer(this.#record);
  }

  start(budget: number): void {
    this.#record[REMAINING] = BigInt(budget);
    this.#record[LAST_ADDRESS] = NO_ADDRESS;
    this.#record[REPEAT_STATE] = REPEAT_UNKNOWN;
  }
  get remaining(): number {
    return Number(this.#record[REMAINING]);
  }
  /** Whether the instruction at `rip` was the last one begun, and so was counted though it faulted. */
  began(rip: number): boolean {
    return Number(this.#record[LAST_ADDRESS]) === rip;
  }
  dispose(): void {
    this.#library.releaseCallback(this.#classify);
  }
}

let hookPointer: HostPointer | undefined;

/** A page of this process that holds `code` and may be executed. */
function executable(code: Uint8Array): HostPointer {
  const koffi = foreignFunctions();
  const libc = koffi.load(null);
  type Map = (at: null, size: number, protection: number, flags: number, fd: number, offset: number) => HostPointer;
  const mmap = libc.func("void *mmap(void *, size_t, int, int, int, long)") as unknown as Map;
  const mprotect = libc.func("int mprotect(void *, size_t, int)") as unknown as (
    at: HostPointer,
    size: number,
    protection: number,
  ) => number;
  const READ_WRITE = 3;
  const READ_EXECUTE = 5;
  const PRIVATE_ANONYMOUS = process.platform === "darwin" ? 0x1002 : 0x22;
  const page = mmap(null, 0x1000, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
  new Uint8Array(koffi.view(page, code.length)).set(code);
  if (mprotect(page, 0x1000, READ_EXECUTE) !== 0) throw new Error("the host does not permit executable memory");
  return page;
}
