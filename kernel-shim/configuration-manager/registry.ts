import { GuestFault } from "../../emulator/cpu.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK } from "../abi/structures.ts";
import type { Event } from "../executive/event.ts";
import { stateClass } from "../executive/state.ts";
import { StatusError } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import type { Process } from "../process-manager/process.ts";
import { fillDefaultHive } from "./default-hive.ts";
import { KeyNode } from "./key-node.ts";
import { KeyObject } from "./key-object.ts";

/** Bytes that keys and values together may take. */
const QUOTA = 64 << 20;
const PART = "registry";

/** Somebody who waits for changes below a key. */
export class KeyWatch {
  readonly key: KeyObject;
  readonly event: Event;
  readonly process: Process;
  /** Address of the IO_STATUS_BLOCK to be filled. */
  readonly statusBlock: number;
  constructor(key: KeyObject, event: Event, process: Process, statusBlock: number) {
    this.key = key;
    this.event = event;
    this.process = process;
    this.statusBlock = statusBlock;
  }
  covers(node: KeyNode, what: "name" | "value"): boolean {
    const { notification } = this.key;
    if (notification?.[what] !== true) return false;
    if (node === this.key.node) return true;
    for (let at = notification.tree ? node.parent : undefined; at !== undefined; at = at.parent) {
      if (at === this.key.node) return true;
    }
    return false;
  }
}
stateClass("KeyWatch", KeyWatch);

/** `\Registry`: the root of all hives. */
export class Registry extends KeyObject {
  readonly quota = QUOTA;
  used = 0;
  watches: KeyWatch[] = [];
  /** What NtQueryLicenseValue tells: values of the product's policy. */
  readonly licenses: KeyNode;
  constructor(time: bigint) {
    super(new KeyNode("REGISTRY", undefined, time));
    this.licenses = new KeyNode("ProductPolicy", undefined, time);
  }
  /** Leaves the service with STATUS_REGISTRY_QUOTA_LIMIT where `bytes` more do not fit. */
  requireRoom(bytes: number): void {
    if (this.used + bytes > QUOTA) throw new StatusError(ntstatus.STATUS_REGISTRY_QUOTA_LIMIT);
  }
  charge(bytes: number): void {
    this.requireRoom(bytes);
    this.used += bytes;
  }
  /** Watches of keys that nobody has open any more go on this occasion. */
  watch(watch: KeyWatch): void {
    this.watches = this.watches.filter(({ key }) => key.handleCount > 0);
    this.watches.push(watch);
  }
  /** A subkey of `node` came, went or was renamed, or one of its values changed. */
  changed(machine: Machine, node: KeyNode, what: "name" | "value"): void {
    if (this.watches.length === 0) return;
    const told = this.watches.filter((watch) => watch.covers(node, what));
    this.watches = this.watches.filter((watch) => !told.includes(watch));
    for (const { key, event, process, statusBlock } of told) {
      if (key.handleCount === 0 || process.exited) continue;
      tell(process, statusBlock, ntstatus.STATUS_NOTIFY_ENUM_DIR);
      event.set(machine);
    }
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

/** The block may be gone by now: then nobody is told. */
function tell(process: Process, statusBlock: number, status: NtStatus): void {
  try {
    IO_STATUS_BLOCK.write(process.memory, statusBlock, { Status: status, Information: 0 });
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
  }
}

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
