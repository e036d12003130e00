/**
 * A control-flow graph with one entry, node 0, as plain adjacency lists, and what is computed over it: reverse postorder,
 * dominators (Cooper, Harvey and Kennedy's iteration), loop headers, and the edges that make it irreducible.
 */

/** `successors[n]` in the order in which the block's terminator numbers them; a node may occur twice. */
export type Successors = readonly (readonly number[])[];

export class FlowGraph {
  readonly successors: Successors;
  /** Reachable nodes only. */
  readonly reversePostorder: readonly number[];
  /** Position in `reversePostorder`; -1 for what is unreachable. */
  readonly order: Int32Array;
  /** One entry an edge, so a node that branches twice to the same target is listed twice. */
  readonly predecessors: readonly (readonly number[])[];
  /** The entry is its own dominator. */
  readonly immediateDominator: Int32Array;

  constructor(successors: Successors) {
    this.successors = successors;
    this.reversePostorder = reversePostorder(successors);
    this.order = new Int32Array(successors.length).fill(-1);
    this.reversePostorder.forEach((node, index) => (this.order[node] = index));
    const predecessors: number[][] = successors.map(() => []);
    for (const node of this.reversePostorder) for (const target of successors[node]) predecessors[target].push(node);
    this.predecessors = predecessors;
    this.immediateDominator = this.#dominators();
  }

  get size(): number {
    return this.successors.length;
  }

  /** In a reducible graph every such edge leads to a dominator of its source, the header of a loop. */
  isBackEdge(from: number, to: number): boolean {
    return this.order[to] <= this.order[from];
  }

  dominates(dominator: number, node: number): boolean {
    for (let at = node; ; at = this.immediateDominator[at]!) {
      if (at === dominator) return true;
      if (at === 0) return false;
    }
  }

  isLoopHeader(node: number): boolean {
    return this.predecessors[node].some((from) => this.isBackEdge(from, node));
  }

  /** Back edges whose target does not dominate their source: entries into the middle of a loop exist. */
  irreducibleEdges(): { readonly from: number; readonly to: number }[] {
    const edges = [];
    for (const from of this.reversePostorder)
      for (const to of this.successors[from])
        if (this.isBackEdge(from, to) && !this.dominates(to, from)) edges.push({ from, to });
    return edges;
  }

  #dominators(): Int32Array {
    const { order, predecessors } = this;
    const dominator = new Int32Array(this.size).fill(-1);
    dominator[0] = 0;
    const intersect = (left: number, right: number): number => {
      while (left !== right) {
        while (order[left] > order[right]) left = dominator[left]!;
        while (order[right] > order[left]) right = dominator[right]!;
      }
      return left;
    };
    for (let changed = true; changed;) {
      changed = false;
      for (const node of this.reversePostorder) {
        if (node === 0) continue;
        let next = -1;
        for (const from of predecessors[node])
          if (dominator[from] !== -1) next = next === -1 ? from : intersect(from, next);
        if (dominator[node] === next) continue;
        dominator[node] = next;
        changed = true;
      }
    }
    return dominator;
  }
}

function reversePostorder(successors: Successors): number[] {
  const postorder: number[] = [];
  const seen = new Uint8Array(successors.length);
  const stack = [{ node: 0, next: 0 }];
  seen[0] = 1;
  while (stack.length) {
    const top = stack[stack.length - 1];
    const target = successors[top.node][top.next++];
    if (target === undefined) {
      postorder.push(top.node);
      stack.pop();
    } else if (!seen[target]) {
      seen[target] = 1;
      stack.push({ node: target, next: 0 });
    }
  }
  return postorder.reverse();
}
