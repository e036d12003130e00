import { stateClass } from "../executive/state.ts";
import { firstIndex } from "../sorted.ts";
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
  readonly runs: Run[] = [];
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
    const run = this.firstRunAbove(address);
    return run !== undefined && run.start <= address ? run : undefined;
  }
  /** The run at `address`, or else the next. */
  firstRunAbove(address: number): Run | undefined {
    return this.runs.at(firstIndex(this.runs, ({ end }) => end > address));
  }
  /** Runs within a range, cut to it. */
  *runsIn(start: number, end: number): IterableIterator<Run> {
    for (let at = firstIndex(this.runs, (run) => run.end > start); at < this.runs.length; at++) {
      const run = this.runs[at];
      if (run.start >= end) return;
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
    // Those that end or begin where the range does may become one with it.
    const first = firstIndex(this.runs, (run) => run.end >= start);
    const behind = firstIndex(this.runs, (run) => run.start > end);
    const touched = this.runs.slice(first, behind);
    const before = touched.map((run) => ({ ...run, end: Math.min(run.end, start) }));
    const after = touched.map((run) => ({ ...run, start: Math.max(run.start, end) }));
    const given = protect === undefined ? [] : [{ start, end, protect }];
    const pieces: Run[] = [];
    for (const piece of [...before, ...given, ...after]) {
      if (piece.start >= piece.end) continue;
      const last = pieces.at(-1);
      if (last?.end === piece.start && last.protect === piece.protect)
        pieces[pieces.length - 1] = { ...last, end: piece.end };
      else pieces.push(piece);
    }
    this.runs.splice(first, behind - first, ...pieces);
  }
}
stateClass("Region", Region);
