/** A path to memory that sees which data breakpoints are hit. */
import type { AccessKind } from "../cpu.ts";
import type { AccessPath } from "../memory/guest-memory.ts";
import type { DataBreakpoint } from "./debug-registers.ts";

export class DataBreakpoints implements AccessPath {
  readonly #inner: AccessPath;
  readonly #breakpoints: readonly DataBreakpoint[];
  readonly #hit: (bits: number) => void;

  /** `hit` is called after the access, with the bits of DR6. */
  constructor(inner: AccessPath, breakpoints: readonly DataBreakpoint[], hit: (bits: number) => void) {
    this.#inner = inner;
    this.#breakpoints = breakpoints;
    this.#hit = hit;
  }

  #check(address: number, length: number, writes: boolean): void {
    let bits = 0;
    for (const breakpoint of this.#breakpoints)
      if (address < breakpoint.address + breakpoint.length && breakpoint.address < address + length)
        if (writes || !breakpoint.writesOnly) bits |= breakpoint.bit;
    if (bits) this.#hit(bits);
  }
  read(address: number, length: number): Uint8Array {
    const bytes = this.#inner.read(address, length);
    this.#check(address, length, false);
    return bytes;
  }
  write(address: number, bytes: Uint8Array): void {
    this.#inner.write(address, bytes);
    this.#check(address, bytes.length, true);
  }
  probe(address: number, length: number, access: AccessKind): void {
    this.#inner.probe(address, length, access);
  }
}
