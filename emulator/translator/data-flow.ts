/** Bit-vector data-flow analyses over a FlowGraph. A set is an i32 mask; a caller with more than 32 facts solves twice. */
import type { FlowGraph } from "./flow-graph.ts";

export interface Solution {
  readonly atStart: Int32Array;
  readonly atEnd: Int32Array;
}

/** Must be monotone in `mask`. */
export type Transfer = (node: number, mask: number) => number;

/** What may be needed: atEnd = union over successors, atStart = transfer(atEnd). Liveness is this. */
export function solveBackward(graph: FlowGraph, transfer: Transfer): Solution {
  const atStart = new Int32Array(graph.size);
  const atEnd = new Int32Array(graph.size);
  const postorder = [...graph.reversePostorder].reverse();
  for (let changed = true; changed;) {
    changed = false;
    for (const node of postorder) {
      let end = 0;
      for (const target of graph.successors[node]) end |= atStart[target];
      const start = transfer(node, end);
      if (start !== atStart[node]) changed = true;
      atStart[node] = start;
      atEnd[node] = end;
    }
  }
  return { atStart, atEnd };
}

/** What may have happened: atStart = union over predecessors, atEnd = transfer(atStart); `entry` holds at node 0 besides. */
export function solveForward(graph: FlowGraph, transfer: Transfer, entry: number): Solution {
  const atStart = new Int32Array(graph.size);
  const atEnd = new Int32Array(graph.size);
  for (let changed = true; changed;) {
    changed = false;
    for (const node of graph.reversePostorder) {
      let start = node === 0 ? entry : 0;
      for (const from of graph.predecessors[node]) start |= atEnd[from];
      const end = transfer(node, start);
      if (end !== atEnd[node]) changed = true;
      atStart[node] = start;
      atEnd[node] = end;
    }
  }
  return { atStart, atEnd };
}
