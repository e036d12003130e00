/**
 * State is data (docs/decisions/0005): saves, restores and hashes the object graph that hangs from one root.
 *
 * A node is a primitive, a plain array, object, Map, Set or typed array, an instance of a registered class, or a leaf that saves
 * itself. Identity and cycles are kept. Anything else (a function, a promise, an unregistered class) is refused with the path
 * that led to it, so that a mistake is found by the first snapshot and not by the first restore.
 */
import {
  joinPieces,
  savedBytes,
  SaveHistory,
  walk,
  type SavedNode,
  type SavedState,
  type SavedValue,
  type TypedArray,
} from "./saved-state.ts";

export type { SavedState };

/** A class with fields, all of them state. Restored without its constructor. */
type StateClass = abstract new (...args: never[]) => object;

interface Leaf<T extends object, Data> {
  /** Plain data, saved in turn by the mechanism: shared objects in it stay shared. */
  save(value: T): Data;
  restore(data: Data, externals: Externals): T;
}

/** Roots of configuration: saved as their name, bound again on restore. */
export type Externals = ReadonlyMap<string, object>;

const classes = new Map<string, StateClass>();
const classNames = new Map<object, string>();
interface AnyLeaf {
  readonly name: string;
  readonly prototype: object;
  save(value: object): unknown;
  restore(data: unknown, externals: Externals): object;
}
const leaves = new Map<string, AnyLeaf>();
const leafByPrototype = new Map<object, AnyLeaf>();

/** Makes the instances of `type` state. The name stands in saved states: it outlives a rename of the class. */
export function stateClass(name: string, type: StateClass): void {
  if (classes.has(name) && classes.get(name) !== type) throw new Error(`state class ${name} is registered twice`);
  classes.set(name, type);
  classNames.set(type.prototype as object, name);
}

/** A class that saves itself. Subclasses of it count as well. */
export function stateLeaf<T extends object, Data>(name: string, prototype: T, leaf: Leaf<T, Data>): void {
  const entry: AnyLeaf = {
    name,
    prototype,
    save: (value) => leaf.save(value as T),
    restore: (data, externals) => leaf.restore(data as Data, externals),
  };
  leaves.set(name, entry);
  leafByPrototype.set(prototype, entry);
}

/** How a class is saved whose instances never change. */
interface ImmutableCodec<T extends object> {
  toBytes(value: T): Uint8Array;
  fromBytes(bytes: Uint8Array): T;
}
interface AnyImmutable {
  readonly name: string;
  toBytes(value: object): Uint8Array;
  fromBytes(bytes: Uint8Array): object;
}
const immutables = new Map<string, AnyImmutable>();
const immutableByPrototype = new Map<object, AnyImmutable>();

/** A class whose instances never change and refer to no state: saved states hold the instances themselves. */
export function stateImmutable<T extends object>(
  name: string,
  type: { readonly prototype: T },
  codec: ImmutableCodec<T>,
): void {
  const entry: AnyImmutable = { name, toBytes: (value) => codec.toBytes(value as T), fromBytes: codec.fromBytes };
  immutables.set(name, entry);
  immutableByPrototype.set(type.prototype, entry);
}

const typedArrays = { Uint8Array, Uint16Array, Uint32Array, Int32Array, Float64Array, BigUint64Array };

const PLAIN = "";

/** As plain data, which can be structured-cloned. */
export function plainState({ root, nodes }: SavedState): SavedState {
  const plain = (node: SavedNode | undefined): SavedNode | undefined =>
    node?.kind === "immutable" ? { ...node, value: immutableBytes(node.class, node.value) } : node;
  return { root, nodes: nodes.map(plain) };
}
function immutableOf(name: string): AnyImmutable {
  const immutable = immutables.get(name);
  if (immutable === undefined) throw new Error(`unknown immutable class ${name}`);
  return immutable;
}
function immutableBytes(name: string, value: object): Uint8Array {
  return value instanceof Uint8Array ? value : immutableOf(name).toBytes(value);
}

/** Saves everything reachable from `root`. Saves of one root share what did not change between them. */
export function saveState(root: object, externals: Externals): SavedState {
  const externalNames = new Map<object, string>();
  for (const [name, value] of externals) externalNames.set(value, name);

  return SaveHistory.of(root).save(root, (object, objectPath, before, reference): SavedNode => {
    const saved = (value: unknown, path: string): SavedValue => {
      if (value === null) return null;
      switch (typeof value) {
        case "undefined":
        case "boolean":
        case "number":
        case "bigint":
        case "string":
          return value;
        case "object":
          return reference(value, path);
        default:
          throw new Error(`${path} is a ${typeof value}, which is no state`);
      }
    };

    const external = externalNames.get(object);
    if (external !== undefined) return { kind: "external", name: external };
    if (Array.isArray(object))
      return { kind: "array", items: object.map((item, i) => saved(item, `${objectPath}[${i}]`)) };
    if (object instanceof Map)
      return {
        kind: "map",
        items: [...(object as Map<unknown, unknown>)].flatMap(([k, v]) => {
          const at = `${objectPath}.get(${typeof k === "object" ? "…" : String(k)})`;
          return [saved(k, at), saved(v, at)];
        }),
      };
    if (object instanceof Set)
      return { kind: "set", items: [...(object as Set<unknown>)].map((item) => saved(item, objectPath)) };
    if (ArrayBuffer.isView(object)) {
      const type = Object.prototype.toString.call(object).slice(8, -1);
      if (!(type in typedArrays)) throw new Error(`${objectPath} is a ${type}, which is no state`);
      return savedBytes(object as TypedArray, type, before);
    }
    for (
      let prototype: object | null = object;
      prototype !== null;
      prototype = Object.getPrototypeOf(prototype) as object | null
    ) {
      const leaf = leafByPrototype.get(prototype);
      if (leaf === undefined) continue;
      return { kind: "leaf", class: leaf.name, data: saved(leaf.save(object), `${objectPath}:${leaf.name}`) };
    }
    const prototype = Object.getPrototypeOf(object) as object | null;
    const immutable = immutableByPrototype.get(prototype ?? object);
    if (immutable) return { kind: "immutable", class: immutable.name, value: object };
    const name = prototype === Object.prototype || prototype === null ? PLAIN : classNames.get(prototype);
    if (name === undefined) {
      throw new Error(`${objectPath} is an instance of ${object.constructor.name}, which is not registered as state`);
    }
    const keys = Object.keys(object);
    const fields = object as Record<string, unknown>;
    return { kind: "object", class: name, keys, items: keys.map((key) => saved(fields[key], `${objectPath}.${key}`)) };
  });
}

/** A fresh graph. The saved state can be restored again. */
export function restoreState(saved: SavedState, externals: Externals): object {
  const objects: (object | undefined)[] = new Array<object | undefined>(saved.nodes.length);
  const nodeAt = (index: number): SavedNode => {
    const node = saved.nodes[index];
    if (!node) throw new Error("the saved state refers to a node that it does not have");
    return node;
  };
  const value = (one: SavedValue): unknown => (typeof one === "object" && one !== null ? shell(one.$) : one);

  /** The object of node `index`, its contents filled in later so that cycles close. */
  const shell = (index: number): object => {
    const existing = objects[index];
    if (existing !== undefined) return existing;
    const made = makeShell(nodeAt(index), index);
    objects[index] = made;
    return made;
  };
  const unfilled: number[] = [];
  const makeShell = (node: SavedNode, index: number): object => {
    switch (node.kind) {
      case "array":
        unfilled.push(index);
        return [];
      case "map":
        unfilled.push(index);
        return new Map();
      case "set":
        unfilled.push(index);
        return new Set();
      case "bytes":
        return new typedArrays[node.type as keyof typeof typedArrays](joinPieces(node).buffer);
      case "immutable":
        return node.value instanceof Uint8Array ? immutableOf(node.class).fromBytes(node.value) : node.value;
      case "external": {
        const bound = externals.get(node.name);
        if (bound === undefined) throw new Error(`the saved state needs ${node.name}, which was not given`);
        return bound;
      }
      case "leaf": {
        const leaf = leaves.get(node.class);
        if (leaf === undefined) throw new Error(`unknown leaf ${node.class}`);
        const data = value(node.data);
        fill(); // A leaf is made from its finished data; nothing in it refers back to the leaf.
        return leaf.restore(data, externals);
      }
      case "object": {
        unfilled.push(index);
        if (node.class === PLAIN) return {};
        const type = classes.get(node.class);
        if (type === undefined) throw new Error(`unknown state class ${node.class}`);
        return Object.create(type.prototype as object) as object;
      }
    }
  };
  const fill = (): void => {
    for (let index = unfilled.pop(); index !== undefined; index = unfilled.pop()) {
      const node = nodeAt(index);
      const object = shell(index);
      switch (node.kind) {
        case "array":
          for (const item of node.items) (object as unknown[]).push(value(item));
          break;
        case "map":
          for (let i = 0; i < node.items.length; i += 2)
            (object as Map<unknown, unknown>).set(value(node.items[i]), value(node.items[i + 1]));
          break;
        case "set":
          for (const item of node.items) (object as Set<unknown>).add(value(item));
          break;
        case "object":
          node.keys.forEach((key, i) => ((object as Record<string, unknown>)[key] = value(node.items[i])));
          break;
        case "bytes":
        case "immutable":
        case "external":
        case "leaf":
          break;
      }
    }
  };
  const root = value(saved.root);
  fill();
  if (typeof root !== "object" || root === null) throw new Error("the saved root is no object");
  return root;
}

/** FNV-1a over the saved form, two 32-bit lanes: equal states have equal hashes. For comparing, not for security. */
export function hashState(saved: SavedState): string {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  const byte = (x: number): void => {
    a = Math.imul(a ^ x, 0x01000193);
    b = Math.imul(b ^ x, 0x85ebca6b) ^ (b >>> 13);
  };
  const text = (s: string): void => {
    for (let i = 0; i < s.length; i++) {
      byte(s.charCodeAt(i) & 0xff);
      byte(s.charCodeAt(i) >> 8);
    }
    byte(0x100);
  };
  const allBytes = (raw: Uint8Array): void => {
    for (let i = 0; i < raw.length; i++) byte(raw[i]);
  };
  const { order, places } = walk(saved);
  const one = (v: SavedValue): void =>
    text(typeof v === "object" && v !== null ? `$${places.get(v.$)}` : `${typeof v}:${String(v)}`);
  one(saved.root);
  for (const node of order) {
    text(node.kind);
    switch (node.kind) {
      case "array":
      case "map":
      case "set":
        node.items.forEach(one);
        break;
      case "object":
        text(node.class);
        node.keys.forEach(text);
        node.items.forEach(one);
        break;
      case "bytes":
        node.pieces.forEach(allBytes);
        break;
      case "immutable":
        text(node.class);
        allBytes(immutableBytes(node.class, node.value));
        break;
      case "leaf":
        text(node.class);
        one(node.data);
        break;
      case "external":
        text(node.name);
        break;
    }
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
}
