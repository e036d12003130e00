import { stateClass } from "../executive/state.ts";
import type { ObjectType } from "./kernel-object.ts";
import { KernelObject, objectType } from "./kernel-object.ts";

export const DirectoryType = objectType("Directory", { read: 0x20003, write: 0x2000c, execute: 0x20003, all: 0xf000f });
export const SymbolicLinkType = objectType("SymbolicLink", {
  read: 0x20001,
  write: 0x20000,
  execute: 0x20001,
  all: 0xf0001,
});

/** An object directory: names to objects. Case is kept; the one who looks says whether it counts. */
export class ObjectDirectory extends KernelObject {
  readonly entries = new Map<string, KernelObject>();
  /** By upper-case name, those that differ only in case, in order of insertion; the newest is found first. */
  private readonly folded = new Map<string, KernelObject[]>();
  get type(): ObjectType {
    return DirectoryType;
  }
  get(name: string, caseSensitive = false): KernelObject | undefined {
    return this.entries.get(name) ?? (caseSensitive ? undefined : this.folded.get(name.toUpperCase())?.at(-1));
  }
  /** Gives `object` its name and place. The name must be free. */
  insert(name: string, object: KernelObject): void {
    object.name = name;
    object.directory = this;
    this.entries.set(name, object);
    const twins = this.folded.get(name.toUpperCase());
    if (twins === undefined) this.folded.set(name.toUpperCase(), [object]);
    else twins.push(object);
  }
  remove(object: KernelObject): void {
    if (object.directory !== this) return;
    this.entries.delete(object.name);
    const key = object.name.toUpperCase();
    const rest = this.folded.get(key)?.filter((one) => one !== object) ?? [];
    if (rest.length === 0) this.folded.delete(key);
    else this.folded.set(key, rest);
    object.directory = undefined;
    object.name = "";
  }
  /** The tree below, one object a line. */
  override toString(): string {
    const lines: string[] = [];
    const walk = (directory: ObjectDirectory, indent: string): void => {
      for (const object of directory.entries.values()) {
        const target = object instanceof SymbolicLink ? ` -> ${object.target}` : "";
        lines.push(`${indent}${object.name} (${object.type.name})${target}`);
        if (object instanceof ObjectDirectory) walk(object, `${indent}  `);
      }
    };
    walk(this, "");
    return lines.join("\n");
  }
}
stateClass("ObjectDirectory", ObjectDirectory);

export class SymbolicLink extends KernelObject {
  readonly target: string;
  constructor(target: string) {
    super();
    this.target = target;
  }
  get type(): ObjectType {
    return SymbolicLinkType;
  }
}
stateClass("SymbolicLink", SymbolicLink);
