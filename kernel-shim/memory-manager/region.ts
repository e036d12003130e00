import { stateClass } from "../executive/state.ts";
import type { Section } from "./section.ts";

/** Committed pages of one protection, `end` exclusive. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly protect: number;
}

/** A virtual address descriptor: a reserved range, and the runs of it that are committed. */
export class Region {
  readonly start: number;
  end: number;
  readonly type: number;
  readonly allocationProtect: number;
  /** Ascending, disjoint, neighbours differ. */
  runs: Run[] = [];
  /** What it is a view of, from which byte on. */
  readonly section: Section | undefined;
  readonly sectionOffset: number;
  /** Stores go to the section and not to a private copy. */
  shared = false;
  /** Freed by nobody but the kernel: KUSER_SHARED_DATA. */
  permanent = false;

  constructor(
    start: number,
    end: number,
    type: number,
    allocationProtect: number,
    section?: Section,
    sectionOffset = 0,
  ) {
    this.start = start;
    this.end = end;
    this.type = type;
    this.allocationProtect = allocationProtect;
    this.section = section;
    this.sectionOffset = sectionOffset;
  }
  get size(): number {
    return this.end - this.start;
  }
  runAt(address: number): Run | undefined {
    return this.runs.find((run) => address >= run.start && address < run.end);
  }
  /** Runs within a range, cut to it. */
  *runsIn(start: number, end: number): IterableIterator<Run> {
    for (const run of this.runs) {
      if (run.end <= start || run.start >= end) continue;
      yield { start: Math.max(run.start, start), end: Math.min(run.end, end), protect: run.protect };
    }
  }
  committedIn(start: number, end: number): number {
    let bytes = 0;
    for (const run of this.runsIn(start, end)) bytes += run.end - run.start;
    return bytes;
  }
  /** Gives the pages of a range a protection, or takes them from the committed ones. */
  set(start: number, end: number, protect: number | undefined): void {
    const pieces: Run[] = [];
    for (const run of this.runs) {
      if (run.end <= start || run.start >= end) {
        pieces.push(run);
        continue;
      }
      if (run.start < start) pieces.push({ start: run.start, end: start, protect: run.protect });
      if (run.end > end) pieces.push({ start: end, end: run.end, protect: run.protect });
    }
    if (protect !== undefined) pieces.push({ start, end, protect });
    pieces.sort((a, b) => a.start - b.start);
    this.runs = [];
    for (const piece of pieces) {
      const last = this.runs.at(-1);
      if (last !== undefined && last.end === piece.start && last.protect === piece.protect) {
        this.runs[this.runs.length - 1] = { ...last, end: piece.end };
      } else {
        this.runs.push(piece);
      }
    }
  }
}
stateClass("Region", Region);
