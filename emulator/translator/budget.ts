/**
 * Where a region counts instructions. Blocks do not count: what they execute is *pending*, known at translation, and subtracted from the
 * budget's local on an edge only where paths with different counts meet, at the checks, and where the region is left.
 *
 * A check at a block's start leaves the region unless the longest path from there to the next check fits in the budget.
 */
import type { Region } from "./region.ts";

/** No path between checks is longer than this (plus one block): a larger stretch gets a check of its own. */
const LONGEST_STRETCH = 400;

export interface BudgetPlan {
  /** 0: the block has no check; else the instructions that it needs. */
  readonly needed: Int32Array;
  /** Instructions executed but not subtracted when the block begins. */
  readonly pending: Int32Array;
}

export function planBudget(region: Region): BudgetPlan {
  const { graph, blocks } = region;
  const checks = blocks.map((_block, index) => isBudgetCheck(region, index));
  const longest = new Int32Array(graph.size);
  for (const node of [...graph.reversePostorder].reverse()) {
    let path = 0;
    for (const target of graph.successors[node]) if (!checks[target]) path = Math.max(path, longest[target]);
    longest[node] = path + blocks[node].instructions.length;
    if (longest[node] > LONGEST_STRETCH) checks[node] = true;
  }
  const needed = longest.map((path, node) => (checks[node] ? Math.max(path, 1) : 0));
  const pending = new Int32Array(graph.size);
  for (const node of graph.reversePostorder) {
    if (checks[node]) continue;
    pending[node] = Math.min(
      ...graph.predecessors[node].map((from) => pending[from] + blocks[from].instructions.length),
    );
  }
  return { needed, pending };
}

/** Where back edges lead, and where calls return to. */
function isBudgetCheck({ graph, blocks }: Region, index: number): boolean {
  return (
    index === 0 ||
    graph.predecessors[index].some((from) => graph.isBackEdge(from, index) || blocks[from].terminator.kind === "call")
  );
}
