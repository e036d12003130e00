import type { GenericMapping } from "../abi/access.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import type { Machine } from "../machine.ts";
import type { ObjectDirectory } from "./directory.ts";

/** What the object manager knows of a kind of objects. Configuration, not state. */
export interface ObjectType {
  readonly name: string;
  readonly genericMapping: GenericMapping;
  readonly validAccess: number;
  /** Index in the list of types, as NtQueryObject and handle snapshots show it. */
  readonly index: number;
}

const types: ObjectType[] = [];

export function objectType(name: string, genericMapping: GenericMapping): ObjectType {
  // Windows numbers types from 2 on.
  const type = { name, genericMapping, validAccess: (genericMapping.all | 0x100000) >>> 0, index: types.length + 2 };
  types.push(type);
  return type;
}
/** All types declared so far, in the order of their indices. */
export function objectTypes(): readonly ObjectType[] {
  return types;
}

/** What came of parsing a name: an object, or another name to start over with from the namespace's root. */
export type ParseResult =
  | { readonly object: KernelObject; readonly status?: NtStatus }
  | { readonly reparse: string }
  | { readonly status: NtStatus };

/** Who opens a name, and how. `context` is what the service hands to the object that ends the walk (NtCreateFile's parameters). */
export interface ParseRequest {
  readonly context: unknown;
  readonly attributes: number;
  /** Rights asked for, generic ones mapped already where the type is known. */
  readonly desiredAccess: number;
  /** Names in object directories must match in case. */
  readonly caseSensitive?: boolean;
}

/** Anything that a handle can stand for. Its fields are state: see executive/state.ts. */
export abstract class KernelObject {
  /** The name's last component, and the directory that holds it. */
  name = "";
  directory: ObjectDirectory | undefined = undefined;
  handleCount = 0;
  /** Kept in its directory when the last handle goes (OBJ_PERMANENT). */
  permanent = false;
  /** As set by its creator, self-relative. Stored, not enforced. */
  securityDescriptor: Uint8Array | undefined = undefined;
  abstract get type(): ObjectType;

  /** Walks into names that this object holds beyond itself: devices and keys do. `rest` starts with a backslash or is empty. */
  parse?(rest: string, request: ParseRequest): ParseResult;
  /** The last handle was closed. */
  lastHandleClosed?(machine: Machine): void;
  /** One of the handles of a process was closed; `remaining` is the number that the process still has. */
  handleClosed?(processId: number): void;
  /** The name as NtQueryObject shows it, where it is not simply the path in the namespace. */
  queryName?(): string;

  /** The path in the namespace; empty for an object without a name. */
  get path(): string {
    if (this.queryName !== undefined) return this.queryName();
    if (this.directory === undefined) return this.name === "\\" ? "\\" : "";
    const parent = this.directory.path;
    return parent === "\\" ? `\\${this.name}` : `${parent}\\${this.name}`;
  }
  /** For the trace: what an analyst calls this object. */
  describe(): string {
    const { path } = this;
    return path === "" ? this.type.name : `${this.type.name} ${path}`;
  }
}
