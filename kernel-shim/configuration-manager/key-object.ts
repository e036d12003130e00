import { ObjectAttributeFlags } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { ObjectType, ParseRequest, ParseResult } from "../object-manager/kernel-object.ts";
import { KernelObject, objectType } from "../object-manager/kernel-object.ts";
import { KeyNode } from "./key-node.ts";

export const KeyType = objectType("Key", { read: 0x20019, write: 0x20006, execute: 0x20039, all: 0xf003f });

const MAXIMUM_KEY_NAME = 255;
const MAXIMUM_DEPTH = 512;

/** What NtCreateKey wants made where its name ends; the disposition tells what became of it. */
export class KeyCreation {
  readonly time: bigint;
  readonly volatile: boolean;
  readonly isLink: boolean;
  readonly className: string;
  created = false;
  constructor(time: bigint, options: { volatile: boolean; isLink: boolean; className: string }) {
    this.time = time;
    this.volatile = options.volatile;
    this.isLink = options.isLink;
    this.className = options.className;
  }
}

/** An open key. Every open makes one; several may stand for the same key. */
export class KeyObject extends KernelObject {
  readonly node: KeyNode;
  /** What NtNotifyChangeKey tells: the first call for this handle says it for all that follow. */
  notification: { readonly name: boolean; readonly value: boolean; readonly tree: boolean } | undefined = undefined;
  constructor(node: KeyNode) {
    super();
    this.node = node;
  }
  get type(): ObjectType {
    return KeyType;
  }
  override parse(rest: string, request: ParseRequest): ParseResult {
    if (this.node.deleted) return { status: ntstatus.STATUS_KEY_DELETED };
    if (rest.startsWith("\\") && this.node.parent !== undefined)
      return { status: ntstatus.STATUS_OBJECT_PATH_SYNTAX_BAD };
    return walk(this.node, rest, request);
  }
  override queryName(): string {
    return this.node.path;
  }
}
stateClass("KeyObject", KeyObject);

/** CmpParseKey: follows `rest` below `start`, creating the last key where the request is for that. */
function walk(start: KeyNode, rest: string, request: ParseRequest): ParseResult {
  const names = rest.split("\\").filter((name) => name !== "");
  const openLink = (request.attributes & ObjectAttributeFlags.OBJ_OPENLINK) !== 0;
  const creation = request.context instanceof KeyCreation ? request.context : undefined;
  let node = start;
  for (let index = 0; index < names.length; index++) {
    const name = names[index];
    const isLast = index === names.length - 1;
    if (name.length > MAXIMUM_KEY_NAME) {
      return { status: isLast ? ntstatus.STATUS_INVALID_PARAMETER : ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
    }
    const next = node.subkey(name);
    if (next === undefined) {
      if (!isLast || creation === undefined) return { status: ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
      return create(node, name, creation);
    }
    if (next.isLink && isLast && creation?.isLink) return { status: ntstatus.STATUS_OBJECT_NAME_COLLISION };
    if (next.isLink && !(isLast && openLink)) {
      const target = next.linkTarget;
      if (target === undefined) return { status: ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
      return { reparse: [target, ...names.slice(index + 1)].join("\\") };
    }
    node = next;
  }
  return { object: new KeyObject(node) };
}

function create(parent: KeyNode, name: string, creation: KeyCreation): ParseResult {
  const refusal = refuseCreation(parent, creation);
  if (refusal !== undefined) return { status: refusal };
  const node = new KeyNode(name, parent, creation.time, creation);
  parent.insert(node, creation.time);
  creation.created = true;
  return { object: new KeyObject(node) };
}

function refuseCreation(parent: KeyNode, creation: KeyCreation): NtStatus | undefined {
  if (parent.parent === undefined) return ntstatus.STATUS_ACCESS_DENIED;
  if (parent.depth >= MAXIMUM_DEPTH) return ntstatus.STATUS_INVALID_PARAMETER;
  if (parent.volatile && !creation.volatile) return ntstatus.STATUS_CHILD_MUST_BE_VOLATILE;
  return undefined;
}
