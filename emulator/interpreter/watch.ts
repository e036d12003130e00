/** Who looks on while a core runs: the context's own breakpoints, and the stops and the path to memory of who drives it. */
import type { Context } from "../context.ts";
import { PAGE_SIZE } from "../cpu.ts";
import type { Instruction } from "../isa/instruction.ts";
import { GuestMemoryOver, type AccessPath, type GuestMemory } from "../memory/guest-memory.ts";
import type { WindowSpace } from "../memory/window-space.ts";
import { DataBreakpoints } from "./data-breakpoints.ts";
import { breakpointKey, breakpointsOf, noBreakpoints, type Breakpoints } from "./debug-registers.ts";
import type { BlockEnds, Stops } from "./stops.ts";

export class Watch implements BlockEnds {
  /** By which instructions reach memory, where they do not by its tags. */
  memory: GuestMemory;
  /** Bits of DR6 of the data breakpoints that the present instruction hit. */
  hits = 0;
  /** A repetition ends after each element: TF. */
  stepping = false;
  readonly #space: WindowSpace;
  /** The present instruction is the last. */
  readonly #interrupt: () => void;
  #stops: Stops | undefined;
  #breakpoints: Breakpoints = noBreakpoints;
  #key = "";
  #path: AccessPath | undefined;
  #watched: ((page: number) => boolean) | undefined;

  constructor(space: WindowSpace, interrupt: () => void) {
    this.#space = space;
    this.#interrupt = interrupt;
    this.memory = space;
  }

  get stops(): Stops | undefined {
    return this.#stops;
  }
  set stops(stops: Stops | undefined) {
    this.#stops = stops;
  }
  get any(): boolean {
    return this.#stops !== undefined || this.#breakpoints.instructions.size > 0;
  }
  endsAt(address: number): boolean {
    return this.#breakpoints.instructions.has(address) || this.#stops?.at(address) === true;
  }
  endsBefore(instruction: Instruction): boolean {
    return this.#stops?.before(instruction) === true;
  }
  /** Bits of DR6 of the breakpoints on the instruction at `address`; undefined: none. */
  breakpointAt(address: number): number | undefined {
    return this.#breakpoints.instructions.get(address);
  }

  /** Every access is to be made by itself, in the instruction's own width. */
  get observed(): boolean {
    return this.stepping || this.#watched !== undefined || this.#breakpoints.data.length > 0;
  }
  observe(path: AccessPath | undefined, watched: ((page: number) => boolean) | undefined): void {
    this.#path = path;
    this.#watched = watched;
    this.#connect();
  }
  #connect(): void {
    const { data } = this.#breakpoints;
    const space = this.#space;
    const path = this.#path;
    let memory: GuestMemory = path ? new GuestMemoryOver(path) : space;
    let watched = this.#watched;
    if (data.length) {
      memory = new GuestMemoryOver(
        new DataBreakpoints(path ?? space, data, (bits) => {
          this.hits |= bits;
          this.#interrupt();
        }),
      );
      const pages = new Set(data.map(({ address }) => Math.floor(address / PAGE_SIZE)));
      const others = watched;
      watched = (page) => pages.has(page) || others?.(page) === true;
    }
    this.memory = memory;
    space.watch(watched);
  }

  /** Takes over the context's debug registers. Answers the addresses where breakpoints came or went, if any did. */
  arm(context: Context): readonly number[] | undefined {
    const key = breakpointKey(context);
    if (key === this.#key) return undefined;
    const before = this.#breakpoints;
    this.#key = key;
    this.#breakpoints = key ? breakpointsOf(context) : noBreakpoints;
    if (before.data.length || this.#breakpoints.data.length) this.#connect();
    return [...before.instructions.keys(), ...this.#breakpoints.instructions.keys()];
  }
}
