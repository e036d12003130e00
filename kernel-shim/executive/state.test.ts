import { expect, test } from "vitest";
import { hashState, restoreState, saveState, stateClass } from "./state.ts";

class Node {
  next: Node | undefined = undefined;
  readonly tags = new Map<string, Node>();
  value = 0;
  get double(): number {
    return this.value * 2;
  }
}
stateClass("test.Node", Node);

function ring(): Node {
  const first = new Node();
  const second = new Node();
  first.next = second;
  second.next = first;
  second.value = 21;
  first.tags.set("self", first);
  return first;
}

test("cycles, identity, classes and typed arrays survive", () => {
  const shared = Uint8Array.of(1, 2, 3);
  const saved = saveState({ node: ring(), list: [shared, shared], big: 5n, infinite: Infinity }, new Map());
  const copy = restoreState(saved, new Map()) as { node: Node; list: Uint8Array[]; big: bigint; infinite: number };
  expect(copy.node).toBeInstanceOf(Node);
  expect(copy.node.next?.next).toBe(copy.node);
  expect(copy.node.tags.get("self")).toBe(copy.node);
  expect(copy.node.next?.double).toBe(42);
  expect(copy.list[0]).toBe(copy.list[1]);
  expect(copy.list[0]).not.toBe(shared);
  expect([copy.big, copy.infinite]).toEqual([5n, Infinity]);
  expect(hashState(saveState(copy, new Map()))).toBe(hashState(saved));
});

test("a change anywhere changes the hash", () => {
  const node = ring();
  const before = hashState(saveState(node, new Map()));
  if (node.next) node.next.value++;
  expect(hashState(saveState(node, new Map()))).not.toBe(before);
});

test("what is no state is refused with the path to it", () => {
  expect(() => saveState({ a: { b: [() => 1] } }, new Map())).toThrow("root.a.b[0] is a function");
  expect(() => saveState({ a: new (class Stranger {})() }, new Map())).toThrow("root.a is an instance of Stranger");
});

test("externals are bound by name", () => {
  const cpu = { run() {} };
  const saved = saveState({ cpu }, new Map([["cpu", cpu]]));
  const other = { run() {} };
  expect((restoreState(saved, new Map([["cpu", other]])) as { cpu: object }).cpu).toBe(other);
  expect(() => restoreState(saved, new Map())).toThrow("needs cpu");
});

test("what did not change between two saves of a graph is one in both", () => {
  const node = ring();
  const bytes = new Uint8Array(10_000);
  const root: { node: Node; bytes: Uint8Array; more?: object } = { node, bytes };
  const first = saveState(root, new Map());
  bytes[5000] = 1;
  root.more = { of: node };
  const second = saveState(root, new Map());
  delete root.more;
  const third = saveState(root, new Map());
  const fresh = second.nodes.filter((one) => !first.nodes.includes(one));
  // The root, the bytes and `more`.
  expect(fresh.length).toBe(3);
  const changed = fresh.flatMap((one) => (one?.kind === "bytes" ? one.pieces : []));
  const pieces = first.nodes.flatMap((one) => (one?.kind === "bytes" ? one.pieces : []));
  expect(changed.filter((piece) => !pieces.includes(piece)).length).toBe(1);
  expect((restoreState(first, new Map()) as typeof root).bytes[5000]).toBe(0);
  expect((restoreState(second, new Map()) as typeof root).bytes[5000]).toBe(1);
  expect(hashState(third)).not.toBe(hashState(second));
  // The hash does not know in which order objects came to be.
  expect(hashState(saveState(restoreState(third, new Map()), new Map()))).toBe(hashState(third));
});
