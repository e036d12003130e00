/**
 * A control-flow graph as WebAssembly's nested blocks and loops, after Ramsey, "Beyond Relooper" (ICFP 2022): the dominator
 * tree gives the nesting, a node that several forward edges reach gets a `block` that ends before it, a loop header a `loop`.
 *
 * Irreducible edges become dispatches: a loop around everything whose head is a `br_table` over the targets of such edges.
 */
import { FlowGraph, type Successors } from "./flow-graph.ts";

/** A construct that can be branched to; compared by identity. */
export interface Label {
  readonly kind: "block" | "loop";
  /** The node control reaches by branching here; -1 is the dispatch. */
  readonly target: number;
}

export type Statement =
  /** `label.kind` … end. Falling off the end of a block goes on behind it; bodies never fall off the end of a loop. */
  | { readonly kind: "scope"; readonly label: Label; readonly body: readonly Statement[] }
  /** The code of a basic block, which ends by taking one of `edges` (in the order of the graph's successors) or by leaving the function. */
  | { readonly kind: "code"; readonly node: number; readonly edges: readonly Edge[] }
  /** `br_table` over the labels by the dispatch variable. */
  | { readonly kind: "dispatch"; readonly labels: readonly Label[] };

export type Edge =
  | { readonly kind: "branch"; readonly to: number; readonly label: Label }
  /** The target has no other predecessor: its code stands here. */
  | { readonly kind: "inline"; readonly to: number; readonly body: readonly Statement[] }
  /** Set the dispatch variable to `index` and branch to the dispatch loop. */
  | { readonly kind: "dispatch"; readonly to: number; readonly index: number; readonly label: Label };

export interface Structure {
  readonly body: readonly Statement[];
  /** Nodes that the dispatch leads to, by index; empty for a reducible graph. Index 0 is the entry. */
  readonly dispatchTargets: readonly number[];
}

export function structure(successors: Successors): Structure {
  const targets = irreducibleTargets(successors);
  const dispatchTargets = targets.size ? [0, ...[...targets].filter((node) => node !== 0)] : [];
  const dispatchIndex = new Map(dispatchTargets.map((node, index) => [node, index]));

  // Node 0 of the graph that is structured is the dispatch, so the others are one higher.
  const redirected = (from: number, to: number): boolean => targets.has(to) && from >= 0;
  const graph = new FlowGraph([
    dispatchTargets.length ? dispatchTargets.map((node) => node + 1) : [1],
    ...successors.map((list, from) => list.filter((to) => !redirected(from, to)).map((to) => to + 1)),
  ]);
  const forwardEdges = new Int32Array(graph.size);
  const headers = new Uint8Array(graph.size);
  const children: number[][] = successors.map(() => []);
  children.push([]);
  for (const node of graph.reversePostorder) {
    if (node !== 0) children[graph.immediateDominator[node]].push(node);
    for (const target of graph.successors[node]) {
      if (graph.isBackEdge(node, target)) headers[target] = 1;
      else forwardEdges[target]++;
    }
  }
  const isMerge = (node: number): boolean => forwardEdges[node] > 1 || dispatchIndex.has(node - 1);
  const open = new Map<number, Label>();
  const loops = new Map<number, Label>();

  /** The code dominated by `node`. */
  const tree = (node: number): Statement[] => {
    // Farthest first, so that the outermost block ends before the last of them.
    const merges = children[node].filter(isMerge).sort((left, right) => graph.order[right] - graph.order[left]);
    if (!headers[node] && !(node === 0 && dispatchTargets.length)) return within(node, merges, 0);
    const label: Label = { kind: "loop", target: node - 1 };
    loops.set(node, label);
    const body = within(node, merges, 0);
    loops.delete(node);
    return [{ kind: "scope", label, body }];
  };

  const within = (node: number, merges: readonly number[], index: number): Statement[] => {
    const merge = merges[index];
    if (merge === undefined) return code(node);
    const label: Label = { kind: "block", target: merge - 1 };
    open.set(merge, label);
    const body = within(node, merges, index + 1);
    open.delete(merge);
    return [{ kind: "scope", label, body }, ...tree(merge)];
  };

  const code = (node: number): Statement[] => {
    if (node === 0 && dispatchTargets.length)
      return [{ kind: "dispatch", labels: dispatchTargets.map((to) => open.get(to + 1)!) }];
    if (node === 0) return tree(1);
    return [{ kind: "code", node: node - 1, edges: successors[node - 1].map((to) => edge(node, to)) }];
  };

  const edge = (from: number, to: number): Edge => {
    if (redirected(from - 1, to)) return { kind: "dispatch", to, index: dispatchIndex.get(to)!, label: loops.get(0)! };
    const target = to + 1;
    const label = graph.isBackEdge(from, target) ? loops.get(target) : open.get(target);
    return label ? { kind: "branch", to, label } : { kind: "inline", to, body: tree(target) };
  };

  return { body: tree(0), dispatchTargets };
}

/** Nodes all of whose incoming edges must go through the dispatch for the rest to be reducible. */
function irreducibleTargets(successors: Successors): Set<number> {
  const targets = new Set<number>();
  for (;;) {
    // The dispatch (node 0 here) enters the graph at its entry and at every target found so far.
    const graph = new FlowGraph([
      [0, ...targets].map((node) => node + 1),
      ...successors.map((list) => list.filter((to) => !targets.has(to)).map((to) => to + 1)),
    ]);
    const edges = graph.irreducibleEdges();
    if (!edges.length) return targets;
    // One at a time: removing it often makes the others reducible.
    targets.add(edges[0].to - 1);
  }
}

/** An indented listing, for tests and debugging. `name` prints a node. */
export function printStructure(
  body: readonly Statement[],
  name: (node: number) => string = String,
  indent = "",
): string {
  const lines: string[] = [];
  const label = ({ kind, target }: Label): string => `${kind}:${target < 0 ? "dispatch" : name(target)}`;
  for (const statement of body) {
    switch (statement.kind) {
      case "scope":
        lines.push(
          `${indent}${label(statement.label)} {`,
          printStructure(statement.body, name, indent + "  "),
          `${indent}}`,
        );
        break;
      case "dispatch":
        lines.push(`${indent}dispatch ${statement.labels.map(label).join(" ")}`);
        break;
      case "code":
        lines.push(`${indent}${name(statement.node)}`);
        for (const edge of statement.edges) {
          if (edge.kind === "inline")
            lines.push(`${indent}-> {`, printStructure(edge.body, name, indent + "  "), `${indent}}`);
          else lines.push(`${indent}-> ${edge.kind === "dispatch" ? `dispatch ${name(edge.to)}` : label(edge.label)}`);
        }
        break;
    }
  }
  return lines.filter((line) => line !== "").join("\n");
}
