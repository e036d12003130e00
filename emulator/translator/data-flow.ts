/** Bit-vector data-flow analyses over a FlowGraph. A set is an i32 mask; a caller with more than 32 facts solves twice. */
import type { FlowGraph } from "./flow-graph.ts";

export interface Transfer {
  /** Facts that the block makes true. */
  readonly gen: ArrayLike<number>;
  /** Facts that the block ends, unless it makes them true as well. */
  readonly kill: ArrayLike<number>;
}

export interface Solution {
  readonly atStart: Int32Array;
  readonly atEnd: Int32Array;
}

/** What may be needed: atStart = gen | (atEnd & ~kill), atEnd = boundary | union over successors. Liveness is this. */
export function solveBackward(graph: FlowGraph, { gen, kill }: Transfer, boundary: ArrayLike<number>): Solution {
  const atStart = new Int32Array(graph.size);
  const atEnd = new Int32Array(graph.size);
  const postorder = [...graph.reversePostorder].reverse();
  for (let changed = true; changed;) {
    changed = false;
    for (const node of postorder) {
      let end = boundary[node]!;
      for (const target of graph.successors[node]!) end |= atStart[target]!;
      const start = gen[node]! | (end & ~kill[node]!);
      atEnd[node] = end;
      if (start !== atStart[node]) changed = true;
      atStart[node] = start;
    }
  }
  return { atStart, atEnd };
}

/** What may have happened: atEnd = gen | (atStart & ~kill), atStart = union over predecessors; `entry` holds at node 0 besides. */
export function solveForward(graph: FlowGraph, { gen, kill }: Transfer, entry: number): Solution {
  const atStart = new Int32Array(graph.size);
  const atEnd = new Int32Array(graph.size);
  for (let changed = true; changed;) {
    changed = false;
    for (const node of graph.reversePostorder) {
      let start = node === 0 ? entry : 0;
      for (const from of graph.predecessors[node]!) start |= atEnd[from]!;
      const end = gen[node]! | (start & ~kill[node]!);
      atStart[node] = start;
      if (end !== atEnd[node]) changed = true;
      atEnd[node] = end;
    }
  }
  return { atStart, atEnd };
}
