import { describe, expect, it } from "vitest";
import { solveBackward, solveForward } from "./data-flow.ts";
import { FlowGraph, type Successors } from "./flow-graph.ts";
import { printStructure, structure, type Label, type Statement, type Structure } from "./structure.ts";

/** Walks the structure as WebAssembly would and returns the nodes visited; `choose` picks a successor index. */
function walk(result: Structure, choose: (node: number, count: number) => number, limit: number): number[] {
  const visited: number[] = [];
  let variable = 0;
  type Signal = { readonly branch: Label } | "fall" | "stop";
  const run = (body: readonly Statement[]): Signal => {
    for (const statement of body) {
      const signal = step(statement);
      if (signal !== "fall") return signal;
    }
    return "fall";
  };
  const step = (statement: Statement): Signal => {
    if (statement.kind === "dispatch") return { branch: statement.labels[variable] };
    if (statement.kind === "code") {
      visited.push(statement.node);
      if (visited.length >= limit || !statement.edges.length) return "stop";
      const edge = statement.edges[choose(statement.node, statement.edges.length)];
      if (edge.kind === "inline") {
        const signal = run(edge.body);
        if (signal === "fall") throw new Error("inline code falls through");
        return signal;
      }
      if (edge.kind === "dispatch") variable = edge.index;
      return { branch: edge.label };
    }
    for (;;) {
      const signal = run(statement.body);
      if (signal === "fall" || signal === "stop") return signal;
      if (signal.branch !== statement.label) return signal;
      if (statement.label.kind === "block") return "fall";
    }
  };
  run(result.body);
  return visited;
}

function randomGraph(random: () => number, size: number): Successors {
  return Array.from({ length: size }, () =>
    Array.from({ length: [0, 1, 1, 2, 2, 2, 3][Math.floor(random() * 7)] }, () => Math.floor(random() * size)),
  );
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

describe("structure", () => {
  it("nests a loop with an early exit", () => {
    // 0 → loop head 1 → (2 → 1 | 3)
    const result = structure([[1], [2, 3], [1], []]);
    expect(printStructure(result.body, (node) => "ABCD"[node])).toBe(
      [
        "A",
        "-> {",
        "  loop:B {",
        "    B",
        "    -> {",
        "      C",
        "      -> loop:B",
        "    }",
        "    -> {",
        "      D",
        "    }",
        "  }",
        "}",
      ].join("\n"),
    );
    expect(result.dispatchTargets).toEqual([]);
  });

  it("puts a block around the branches of a diamond", () => {
    const result = structure([[1, 2], [3], [3], []]);
    expect(printStructure(result.body)).toBe(
      [
        "block:3 {",
        "  0",
        "  -> {",
        "    1",
        "    -> block:3",
        "  }",
        "  -> {",
        "    2",
        "    -> block:3",
        "  }",
        "}",
        "3",
      ].join("\n"),
    );
  });

  it("enters a loop at two places through a dispatch", () => {
    const result = structure([[1, 2], [2], [1, 3], []]);
    expect(result.dispatchTargets.length).toBe(2);
    let turn = 0;
    expect(walk(result, (node) => (node === 0 ? 1 : node === 1 ? 0 : turn++), 8)).toEqual([0, 2, 1, 2, 3]);
  });

  it("keeps a reducible graph free of dispatches", () => {
    // Two nested loops with a break out of both.
    expect(structure([[1], [2, 5], [3, 5], [2, 4], [1], []]).dispatchTargets).toEqual([]);
  });

  it("visits the nodes that the graph would, on random graphs", () => {
    const random = generator(1);
    for (let round = 0; round < 400; round++) {
      const graph = randomGraph(random, 1 + Math.floor(random() * 14));
      const result = structure(graph);
      for (let path = 0; path < 5; path++) {
        const choices = Array.from({ length: 60 }, () => random());
        let step = 0;
        const visited = walk(result, (_node, count) => Math.floor(choices[step++] * count), 60);
        const expected = [0];
        for (let index = 0; expected.length < 60; index++) {
          const list = graph[expected[index]];
          if (!list.length) break;
          expected.push(list[Math.floor(choices[index] * list.length)]);
        }
        expect(visited).toEqual(expected);
      }
    }
  });
});

describe("FlowGraph", () => {
  it("finds dominators as removal of a node does", () => {
    const random = generator(2);
    for (let round = 0; round < 100; round++) {
      const successors = randomGraph(random, 1 + Math.floor(random() * 10));
      const graph = new FlowGraph(successors);
      const reachable = (removed: number): Set<number> => {
        const seen = new Set<number>();
        const visit = (node: number): void => {
          if (node === removed || seen.has(node)) return;
          seen.add(node);
          successors[node].forEach(visit);
        };
        visit(0);
        return seen;
      };
      for (const node of graph.reversePostorder)
        for (const other of graph.reversePostorder)
          expect(graph.dominates(other, node)).toBe(other === node || !reachable(other).has(node));
    }
  });
});

describe("data flow", () => {
  const graph = new FlowGraph([[1], [2, 3], [1], []]);

  it("carries liveness around a loop and stops it at definitions", () => {
    // Node 3 uses fact 1; node 2 uses fact 2 and defines fact 1; what follows node 3 uses fact 4.
    const gen = [0, 0, 2, 5];
    const kill = [0, 0, 1, 0];
    const { atStart, atEnd } = solveBackward(graph, (node, mask) => gen[node] | (mask & ~kill[node]));
    expect([...atStart]).toEqual([7, 7, 6, 5]);
    expect([...atEnd]).toEqual([7, 7, 7, 0]);
  });

  it("carries what may have happened forward", () => {
    const gen = [1, 0, 2, 0];
    const kill = [0, 0, 1, 0];
    const { atStart } = solveForward(graph, (node, mask) => gen[node] | (mask & ~kill[node]), 8);
    expect([...atStart]).toEqual([8, 11, 11, 11]);
  });
});
