import { ntstatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import { StatusError } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import { fillDefaultHive } from "./default-hive.ts";
import { KeyNode } from "./key-node.ts";
import { KeyObject } from "./key-object.ts";

/** Bytes that keys and values together may take. */
const QUOTA = 64 << 20;
const PART = "registry";

/** `\Registry`: the root of all hives. */
export class Registry extends KeyObject {
  readonly quota = QUOTA;
  used = 0;
  constructor(time: bigint) {
    super(new KeyNode("REGISTRY", undefined, time));
  }
  /** Leaves the service with STATUS_REGISTRY_QUOTA_LIMIT where `bytes` more do not fit. */
  requireRoom(bytes: number): void {
    if (this.used + bytes > QUOTA) throw new StatusError(ntstatus.STATUS_REGISTRY_QUOTA_LIMIT);
  }
  charge(bytes: number): void {
    this.requireRoom(bytes);
    this.used += bytes;
  }
  /** The key at a path below `\Registry`, made if need be. For the kernel's own use. */
  ensure(path: string, time: bigint): KeyNode {
    let node = this.node;
    for (const name of path.split("\\")) {
      let next = node.subkey(name);
      if (next === undefined) {
        next = new KeyNode(name, node, time);
        node.insert(next, time);
      }
      node = next;
    }
    return node;
  }
  override toString(): string {
    return this.node.toString();
  }
}
stateClass("Registry", Registry);

/** Makes `\Registry` with the hives that a fresh system has. Part of the machine's boot. */
export function createRegistry(machine: Machine): Registry {
  const registry = new Registry(machine.clock.systemTime);
  fillDefaultHive(registry, machine);
  machine.parts.set(PART, registry);
  machine.namespace.insert("\\REGISTRY", registry);
  return registry;
}

export function registryOf(machine: Machine): Registry {
  const registry = machine.parts.get(PART);
  if (!(registry instanceof Registry)) throw new Error("the machine was booted without a registry");
  return registry;
}
