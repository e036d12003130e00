import type { AddressSpace } from "../../emulator/cpu.ts";
import type { ObjectAttributes } from "../abi/structures.ts";
import { mapGenericMask, ObjectAttributeFlags, StandardAccess } from "../abi/access.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import type { CaptureContext } from "../abi/type.ts";
import { StatusError, Unsupported } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import type { KernelObject, ObjectType } from "../object-manager/kernel-object.ts";
import { ObjectDirectory, SymbolicLink } from "../object-manager/directory.ts";
import type { Process } from "../process-manager/process.ts";
import type { Thread } from "../process-manager/thread.ts";
import type { SystemService } from "./service.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor of a kernel object
export type ObjectClass<T extends KernelObject> = abstract new (...args: any[]) => T;

/** Pseudo handles. */
export const CURRENT_PROCESS = -1;
export const CURRENT_THREAD = -2;

/** One call of a service by a thread: who calls, and what services do with handles and names. */
export class ServiceCall implements CaptureContext {
  readonly machine: Machine;
  readonly thread: Thread;
  /** Counts calls from the machine's start; the same before and after, also across a wait. */
  readonly id: number;
  /** Undefined for a number that no table knows. */
  readonly service: SystemService | undefined;
  /** What the trace calls it: the service's name, or the number. */
  readonly name: string;
  /** Address of the instruction after SYSCALL. */
  readonly returnAddress: number;
  /** Decoded arguments; undefined when decoding faulted or the service is not declared. */
  args: object | undefined = undefined;
  /** The service waited and is run again (Wait.restart); the status with which the wait ended. */
  readonly restarted: NtStatus | undefined;

  constructor(
    machine: Machine,
    thread: Thread,
    id: number,
    name: string,
    service: SystemService | undefined,
    restarted?: NtStatus,
  ) {
    this.machine = machine;
    this.thread = thread;
    this.id = id;
    this.name = name;
    this.service = service;
    this.returnAddress = thread.context.rip;
    this.restarted = restarted;
  }

  get process(): Process {
    return this.thread.process;
  }
  get memory(): AddressSpace {
    return this.thread.process.memory;
  }

  /** Counts a gap by name and gives the status that tells the guest. */
  notImplemented(what: string): NtStatus {
    this.machine.countUnimplemented(what);
    return ntstatus.STATUS_NOT_IMPLEMENTED;
  }
  /** To be thrown: leaves the service with `status`. */
  fail(status: NtStatus): StatusError {
    return new StatusError(status);
  }
  /** Leaves the service with STATUS_NOT_IMPLEMENTED. */
  unsupported(what: string): never {
    throw new Unsupported(what);
  }

  /** The object behind a handle, current-process and current-thread pseudo handles included; undefined where there is none. */
  objectOf(handle: number): KernelObject | undefined {
    if (handle === CURRENT_PROCESS) return this.process;
    if (handle === CURRENT_THREAD) return this.thread;
    return this.process.handles.get(handle)?.object;
  }

  /**
   * ObReferenceObjectByHandle: the object, checked for its class and the handle's access. Leaves the service with
   * STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH or STATUS_ACCESS_DENIED.
   */
  reference<T extends KernelObject>(handle: number, type: ObjectClass<T>, access: number): T {
    const object = this.objectOf(handle);
    if (object === undefined) throw new StatusError(ntstatus.STATUS_INVALID_HANDLE);
    if (!(object instanceof type)) throw new StatusError(ntstatus.STATUS_OBJECT_TYPE_MISMATCH);
    if (handle >= 0 && (this.grantedAccess(handle) & access) !== access)
      throw new StatusError(ntstatus.STATUS_ACCESS_DENIED);
    return object;
  }
  /** Rights of a handle; pseudo handles have all. */
  grantedAccess(handle: number): number {
    return handle < 0 ? 0x1fffff : (this.process.handles.get(handle)?.access ?? 0);
  }

  /** Opens a handle in the calling process. Generic rights are mapped, MAXIMUM_ALLOWED becomes everything. */
  openHandle(object: KernelObject, desiredAccess: number, attributes = 0, process: Process = this.process): number {
    return process.handles.insert(object, grantAccess(object.type, desiredAccess), attributes);
  }

  /**
   * ObCreateObject and ObInsertObject: makes an object, gives it the name it asks for and opens a handle. With OBJ_OPENIF an
   * existing one of the same class is opened, status STATUS_OBJECT_NAME_EXISTS.
   */
  createObject<T extends KernelObject>(
    attributes: ObjectAttributes | undefined,
    desiredAccess: number,
    type: ObjectClass<T>,
    make: () => T,
  ): { readonly status: NtStatus; readonly handle: number; readonly object: T } {
    const flags = attributes?.Attributes ?? 0;
    if (attributes !== undefined && attributes.Length !== 0x30)
      throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER);
    let status: NtStatus = ntstatus.STATUS_SUCCESS;
    let object: KernelObject;
    // An empty name with a root directory names nothing: the object has no name.
    if (attributes?.ObjectName === undefined || attributes.ObjectName === "") {
      if (attributes !== undefined && attributes.RootDirectory !== 0 && attributes.ObjectName !== undefined) {
        this.reference(attributes.RootDirectory, ObjectDirectory, 0);
      }
      object = make();
    } else {
      const found = this.lookup(attributes, desiredAccess, undefined, !ignoresCase(type));
      if ("missing" in found) {
        object = make();
        object.permanent = (flags & ObjectAttributeFlags.OBJ_PERMANENT) !== 0;
        found.parent.insert(found.missing, object);
      } else if ("object" in found) {
        object = found.object;
        if (!(object instanceof type)) {
          throw new StatusError(flags & ObjectAttributeFlags.OBJ_OPENIF ? ntstatus.STATUS_OBJECT_TYPE_MISMATCH : ntstatus.STATUS_OBJECT_NAME_COLLISION); // prettier-ignore
        }
        if (!(flags & ObjectAttributeFlags.OBJ_OPENIF)) throw new StatusError(ntstatus.STATUS_OBJECT_NAME_COLLISION);
        status = ntstatus.STATUS_OBJECT_NAME_EXISTS;
      } else {
        throw new StatusError(statusOf(found));
      }
    }
    if (!(object instanceof type)) throw new StatusError(ntstatus.STATUS_OBJECT_TYPE_MISMATCH);
    return { status, handle: this.openHandle(object, desiredAccess, flags), object };
  }

  /** ObOpenObjectByName for objects that are found, not made: opens a handle. Leaves the service with the walk's status. */
  openObject<T extends KernelObject>(
    attributes: ObjectAttributes,
    desiredAccess: number,
    type: ObjectClass<T>,
  ): number {
    if (attributes.Length !== 0x30) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER);
    const found = this.lookup(attributes, desiredAccess, undefined, !ignoresCase(type));
    if ("missing" in found) throw new StatusError(ntstatus.STATUS_OBJECT_NAME_NOT_FOUND);
    if (!("object" in found)) throw new StatusError(statusOf(found));
    if (!(found.object instanceof type)) throw new StatusError(ntstatus.STATUS_OBJECT_TYPE_MISMATCH);
    return this.openHandle(found.object, desiredAccess, attributes.Attributes);
  }

  /**
   * Walks the namespace from OBJECT_ATTRIBUTES; `context` reaches the object that parses the rest of the name. With `caseCounts`
   * names must match in case unless the caller passes OBJ_CASE_INSENSITIVE.
   */
  lookup(attributes: ObjectAttributes, desiredAccess: number, context?: unknown, caseCounts = false) {
    const root = attributes.RootDirectory === 0 ? undefined : this.objectOf(attributes.RootDirectory);
    if (attributes.RootDirectory !== 0 && root === undefined) throw new StatusError(ntstatus.STATUS_INVALID_HANDLE);
    return this.machine.namespace.lookup(
      attributes.ObjectName ?? "",
      root,
      {
        context,
        attributes: attributes.Attributes,
        desiredAccess,
        caseSensitive: caseCounts && !(attributes.Attributes & ObjectAttributeFlags.OBJ_CASE_INSENSITIVE),
      },
      (attributes.Attributes & ObjectAttributeFlags.OBJ_OPENLINK) !== 0,
    );
  }

  /** Relative (negative) and absolute times of the API to the interrupt time at which a wait ends. */
  deadlineOf(timeout: bigint | undefined): number {
    return this.machine.clock.deadlineOf(timeout);
  }

  describeHandle(handle: number): string | undefined {
    return this.objectOf(handle)?.describe();
  }
}

/** Types whose names never depend on case; of the others, only those that are opened without OBJ_CASE_INSENSITIVE do. */
function ignoresCase(type: unknown): boolean {
  return type === ObjectDirectory || type === SymbolicLink;
}

function statusOf(result: object): NtStatus {
  return "status" in result ? (result.status as NtStatus) : ntstatus.STATUS_OBJECT_PATH_NOT_FOUND;
}

/** The rights that an open with `desiredAccess` yields. No security descriptor denies any yet. */
export function grantAccess(type: ObjectType, desiredAccess: number): number {
  const mapped = mapGenericMask(desiredAccess, type.genericMapping);
  return (
    (mapped & StandardAccess.MAXIMUM_ALLOWED ? mapped | type.genericMapping.all : mapped) &
    ~StandardAccess.MAXIMUM_ALLOWED
  );
}
