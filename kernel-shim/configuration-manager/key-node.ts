import { decodeUtf16 } from "../abi/structures.ts";
import { stateClass } from "../executive/state.ts";
import { upcase } from "../io-manager/name.ts";
import { firstIndex } from "../sorted.ts";
import type { KeyValue, ValueContent } from "./value.ts";
import { formatValue, REG_TYPE } from "./value.ts";

/** Name of the value that holds the target of a symbolic link key. */
export const SYMBOLIC_LINK_VALUE = "SymbolicLinkValue";

/** A key of a hive. Names are compared without regard to case and listed in that order; values are listed as they were made. */
export class KeyNode {
  name: string;
  parent: KeyNode | undefined;
  readonly volatile: boolean;
  readonly isLink: boolean;
  className: string;
  /** 100 ns since 1601. */
  lastWriteTime: bigint;
  deleted = false;
  /** Self-relative, as it was set. */
  securityDescriptor: Uint8Array | undefined = undefined;
  /** Sorted by upper-case name. */
  readonly subkeys: KeyNode[] = [];
  /** By upper-case name, in order of creation. */
  readonly values = new Map<string, KeyValue>();

  constructor(
    name: string,
    parent: KeyNode | undefined,
    time: bigint,
    options: { volatile?: boolean; isLink?: boolean; className?: string } = {},
  ) {
    this.name = name;
    this.parent = parent;
    this.lastWriteTime = time;
    this.volatile = options.volatile ?? false;
    this.isLink = options.isLink ?? false;
    this.className = options.className ?? "";
  }

  /** The name from the namespace's root. */
  get path(): string {
    return `${this.parent?.path ?? ""}\\${this.name}`;
  }
  get depth(): number {
    let depth = 0;
    for (let node = this.parent; node !== undefined; node = node.parent) depth++;
    return depth;
  }
  get linkTarget(): string | undefined {
    const value = this.isLink ? this.value(SYMBOLIC_LINK_VALUE) : undefined;
    return value?.type === REG_TYPE.REG_LINK ? decodeUtf16(value.data) : undefined;
  }

  subkey(name: string): KeyNode | undefined {
    const index = this.position(name);
    const found = this.subkeys.at(index);
    return found !== undefined && upcase(found.name) === upcase(name) ? found : undefined;
  }
  /** The name must be free. */
  insert(node: KeyNode, time: bigint): void {
    node.parent = this;
    this.subkeys.splice(this.position(node.name), 0, node);
    this.lastWriteTime = time;
  }
  remove(node: KeyNode, time: bigint): void {
    this.subkeys.splice(this.position(node.name), 1);
    this.lastWriteTime = time;
  }

  value(name: string): KeyValue | undefined {
    return this.values.get(upcase(name));
  }
  valueAt(index: number): KeyValue | undefined {
    let at = 0;
    for (const value of this.values.values()) if (at++ === index) return value;
    return undefined;
  }
  setValue(name: string, content: ValueContent, time: bigint): void {
    const existing = this.value(name);
    const { type, data } = content;
    this.values.set(upcase(name), { name: existing?.name ?? name, type, data });
    this.lastWriteTime = time;
  }
  deleteValue(name: string, time: bigint): boolean {
    const existed = this.values.delete(upcase(name));
    if (existed) this.lastWriteTime = time;
    return existed;
  }

  /** The tree below, as people write it. */
  toString(indent = ""): string {
    const values = [...this.values.values()].map(
      (value) => `${indent}  ${value.name || "(Default)"} = ${formatValue(value)}`,
    );
    const keys = this.subkeys.map((node) => node.toString(`${indent}  `));
    return [`${indent}${this.name}`, ...values, ...keys].join("\n");
  }

  /** Index of the first subkey whose name is not below `name`. */
  private position(name: string): number {
    const upper = upcase(name);
    return firstIndex(this.subkeys, (subkey) => upcase(subkey.name) >= upper);
  }
}
stateClass("KeyNode", KeyNode);
