/** What a saved graph of state is made of, and how saves of one graph share what did not change between them. */

export type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigUint64Array;

/** A reference to a node is `{ $: index }`; other values stand for themselves. */
export interface Reference {
  readonly $: number;
}
export type SavedValue = null | undefined | boolean | number | bigint | string | Reference;

export type SavedNode =
  | { readonly kind: "array"; readonly items: readonly SavedValue[] }
  | { readonly kind: "map"; readonly items: readonly SavedValue[] }
  | { readonly kind: "set"; readonly items: readonly SavedValue[] }
  | {
      readonly kind: "object";
      readonly class: string;
      readonly keys: readonly string[];
      readonly items: readonly SavedValue[];
    }
  | { readonly kind: "bytes"; readonly type: string; readonly size: number; readonly pieces: readonly Uint8Array[] }
  | { readonly kind: "leaf"; readonly class: string; readonly data: SavedValue }
  /** The bytes of the value in plain states, the value itself in others. */
  | { readonly kind: "immutable"; readonly class: string; readonly value: object }
  | { readonly kind: "external"; readonly name: string };

/**
 * A saved graph: can be kept, and restored any number of times. Plain data but for the immutable values in it: `plainState`.
 * Nodes never change; an index that is not in use has none.
 */
export interface SavedState {
  readonly root: SavedValue;
  readonly nodes: readonly (SavedNode | undefined)[];
}

/** Bytes of a piece: what one changed element makes a save copy. */
const PIECE = 1024;

/** The bytes of `array` in pieces, those of `before` where they are equal. */
export function savedBytes(array: TypedArray, type: string, before: SavedNode | undefined): SavedNode {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const known = before?.kind === "bytes" && before.type === type && before.size === bytes.length ? before : undefined;
  const pieces: Uint8Array[] = [];
  let changed = known === undefined;
  for (let at = 0; at < bytes.length; at += PIECE) {
    const now = bytes.subarray(at, at + PIECE);
    const old = known?.pieces[pieces.length];
    const same = old !== undefined && equalBytes(old, now);
    if (!same) changed = true;
    pieces.push(same ? old : now.slice());
  }
  return known && !changed ? known : { kind: "bytes", type, size: bytes.length, pieces };
}
export function joinPieces({
  size,
  pieces,
}: {
  readonly size: number;
  readonly pieces: readonly Uint8Array[];
}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  pieces.forEach((piece, index) => {
    bytes.set(piece, index * PIECE);
  });
  return bytes;
}
function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const equalItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => Object.is(item, b[index]));

/** Whether two nodes of one history say the same. */
function isSame(a: SavedNode, b: SavedNode): boolean {
  switch (a.kind) {
    case "array":
    case "map":
    case "set":
      return b.kind === a.kind && equalItems(a.items, b.items);
    case "object":
      return b.kind === "object" && a.class === b.class && equalItems(a.items, b.items) && equalItems(a.keys, b.keys);
    case "bytes":
      return a === b;
    case "leaf":
      return b.kind === "leaf" && a.class === b.class && a.data === b.data;
    case "immutable":
      return b.kind === "immutable" && a.value === b.value;
    case "external":
      return b.kind === "external" && a.name === b.name;
  }
}

const histories = new WeakMap<object, SaveHistory>();

/** The saves of one graph. An object keeps its index, and its node as long as it does not change. */
export class SaveHistory {
  #references = new Map<object, Reference>();
  #nodes: readonly (SavedNode | undefined)[] = [];
  #free: number[] = [];

  static of(root: object): SaveHistory {
    let history = histories.get(root);
    if (!history) histories.set(root, (history = new SaveHistory()));
    return history;
  }

  /** `nodeOf` makes the node of an object; `reference` names the objects in it, and puts off what it names first. */
  save(
    root: object,
    nodeOf: (
      value: object,
      path: string,
      before: SavedNode | undefined,
      reference: (value: object, path: string) => Reference,
    ) => SavedNode,
  ): SavedState {
    const references = new Map<object, Reference>();
    const free = [...this.#free];
    let next = this.#nodes.length;
    // An explicit work list: object graphs (waiters, directory trees) are deeper than the host's stack allows.
    const pending: { readonly value: object; readonly index: number; readonly path: string }[] = [];
    const reference = (value: object, path: string): Reference => {
      let known = references.get(value);
      if (!known) {
        known = this.#references.get(value) ?? { $: free.pop() ?? next++ };
        references.set(value, known);
        pending.push({ value, index: known.$, path });
      }
      return known;
    };
    const rootReference = reference(root, "root");
    const made: { readonly index: number; readonly node: SavedNode }[] = [];
    for (let at = 0; at < pending.length; at++) {
      const { value, index, path } = pending[at];
      const before = this.#references.has(value) ? this.#nodes[index] : undefined;
      const node = nodeOf(value, path, before, reference);
      made.push({ index, node: before && isSame(before, node) ? before : node });
    }
    const nodes = new Array<SavedNode | undefined>(next).fill(undefined);
    for (const { index, node } of made) nodes[index] = node;
    this.#references = references;
    this.#nodes = nodes;
    this.#free = [];
    for (let index = 0; index < next; index++) if (!nodes[index]) this.#free.push(index);
    return { root: rootReference, nodes };
  }
}

/** The nodes in the order in which a walk from the root comes to them, and the place of each index in it. It depends on nothing but the graph. */
export function walk({ root, nodes }: SavedState): {
  readonly order: readonly SavedNode[];
  readonly places: ReadonlyMap<number, number>;
} {
  const places = new Map<number, number>();
  const order: SavedNode[] = [];
  const visit = (value: SavedValue): void => {
    if (typeof value !== "object" || value === null || places.has(value.$)) return;
    const node = nodes[value.$];
    if (!node) throw new Error("the saved state refers to a node that it does not have");
    places.set(value.$, order.push(node) - 1);
  };
  visit(root);
  for (const node of order) {
    if ("items" in node) node.items.forEach(visit);
    else if (node.kind === "leaf") visit(node.data);
  }
  return { order, places };
}
