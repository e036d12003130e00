import { FileAccess } from "../abi/access.ts";
import * as info from "../abi/file-information.ts";
import { CreateOptions, FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { DispatcherObject } from "../executive/dispatcher-object.ts";
import type { ObjectType, ParseRequest, ParseResult } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import type { IoCompletion } from "../executive/io-completion.ts";
import type { SectionFile } from "../memory-manager/section.ts";
import type { LinkTarget } from "./create-request.ts";
import type { DeviceObject } from "./device-object.ts";
import { encode } from "./encode.ts";
import { modeOf } from "./file-mode.ts";
import type { IoManager } from "./io-manager.ts";
import type { Irp } from "./irp.ts";

export const FileType = objectType("File", {
  read: FileAccess.FILE_GENERIC_READ,
  write: FileAccess.FILE_GENERIC_WRITE,
  execute: FileAccess.FILE_GENERIC_EXECUTE,
  all: FileAccess.FILE_ALL_ACCESS,
});

/** A completion port that a file object reports to. */
export interface CompletionBinding {
  readonly port: IoCompletion;
  readonly key: bigint;
}

export interface ReadRequest {
  /** Undefined where the caller gave none. */
  readonly offset: bigint | undefined;
  readonly key: number;
}
export interface LockRequest {
  readonly offset: bigint;
  readonly length: bigint;
  readonly key: number;
  readonly exclusive: boolean;
  readonly failImmediately: boolean;
}
export interface DirectoryQuery {
  readonly informationClass: number;
  readonly returnSingleEntry: boolean;
  readonly pattern: string | undefined;
  readonly restart: boolean;
}

/**
 * An open instance of a file or device. Its subclasses are the drivers' halves: what they do not override the device does not do.
 * Requests are completed through their Irp, at once or later.
 */
export abstract class FileObject extends DispatcherObject {
  readonly device: DeviceObject;
  /** Unique in the run. */
  readonly id: number;
  /** FILE_CREATE_OPTIONS of the open; FileModeInformation changes some. */
  options: number;
  /** Rights of the handle that the open made. */
  readonly openAccess: number;
  readonly shareAccess: number;
  /** CurrentByteOffset; meaningful for synchronous file objects. */
  position = 0;
  signaled = true;
  completion: CompletionBinding | undefined = undefined;
  completionModes = 0;
  /** Requests under way. */
  requests = new Set<Irp>();

  constructor(device: DeviceObject, options: number, openAccess: number, shareAccess: number) {
    super();
    this.device = device;
    this.id = device.io.nextFileId++;
    this.options = options;
    this.openAccess = openAccess;
    this.shareAccess = shareAccess;
  }

  get type(): ObjectType {
    return FileType;
  }
  get io(): IoManager {
    return this.device.io;
  }
  get isSynchronous(): boolean {
    return (
      (this.options & (CreateOptions.FILE_SYNCHRONOUS_IO_ALERT | CreateOptions.FILE_SYNCHRONOUS_IO_NONALERT)) !== 0
    );
  }
  get isAlertable(): boolean {
    return (this.options & CreateOptions.FILE_SYNCHRONOUS_IO_ALERT) !== 0;
  }
  override isSignaled(): boolean {
    return this.signaled;
  }
  /** The name within its device, as FileNameInformation shows it: `\folder\file.txt`. */
  abstract get fileName(): string;

  override queryName(): string {
    return this.device.path + this.fileName;
  }
  override describe(): string {
    return `File ${this.device.displayName}${this.fileName}`;
  }

  /** Names relative to this open directory. */
  override parse(rest: string, request: ParseRequest): ParseResult {
    return this.device.open(rest, this, request);
  }

  read(irp: Irp, _request: ReadRequest): void {
    irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  write(irp: Irp, _request: ReadRequest, _data: Uint8Array): void {
    irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  flush(irp: Irp): void {
    irp.complete(ntstatus.STATUS_SUCCESS);
  }
  lock(irp: Irp, _request: LockRequest): void {
    irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  unlock(irp: Irp, _request: { readonly offset: bigint; readonly length: bigint; readonly key: number }): void {
    irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  queryDirectory(irp: Irp, _query: DirectoryQuery): void {
    irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
  }
  notifyChange(irp: Irp, _filter: number, _subtree: boolean): void {
    irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
  }
  fsControl(irp: Irp, _code: number, _input: Uint8Array): void {
    irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  deviceControl(irp: Irp, _code: number, _input: Uint8Array): void {
    irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  /**
   * The whole structure of a class; the service cuts it to the caller's buffer. What the I/O manager knows itself is answered here: drivers fall
   * back to it.
   */
  queryInformation(informationClass: number, grantedAccess: number): Uint8Array | NtStatus {
    switch (informationClass) {
      case Class.FileAccessInformation:
        return encode(info.FILE_ACCESS_INFORMATION, { AccessFlags: grantedAccess });
      case Class.FileModeInformation:
        return encode(info.FILE_MODE_INFORMATION, { Mode: modeOf(this) });
      case Class.FileAlignmentInformation:
        return encode(info.FILE_ALIGNMENT_INFORMATION, { AlignmentRequirement: 0 });
      case Class.FileIoCompletionNotificationInformation:
        return encode(info.FILE_IO_COMPLETION_NOTIFICATION_INFORMATION, { Flags: this.completionModes });
      default:
        return Class.nameOf(informationClass) === undefined
          ? ntstatus.STATUS_INVALID_INFO_CLASS
          : ntstatus.STATUS_INVALID_PARAMETER;
    }
  }
  setInformation(_informationClass: number, _input: Uint8Array, _findTarget: FindTarget): NtStatus {
    return ntstatus.STATUS_INVALID_PARAMETER;
  }
  queryVolumeInformation(informationClass: number): Uint8Array | NtStatus {
    return this.device.queryVolumeInformation(informationClass);
  }
  setVolumeInformation(_informationClass: number, _input: Uint8Array): NtStatus {
    return ntstatus.STATUS_INVALID_DEVICE_REQUEST;
  }

  /** What sections over this file need; undefined where none can be. */
  sectionFile(): SectionFile | undefined {
    return undefined;
  }

  /** Keeps a request until it can be completed. */
  pend(irp: Irp): void {
    this.requests.add(irp);
  }
  /** Takes a pending request out of the driver's queues and completes it. */
  cancel(irp: Irp): void {
    irp.complete(ntstatus.STATUS_CANCELLED);
  }

  /** IRP_MJ_CLEANUP. */
  override lastHandleClosed(): void {
    for (const irp of [...this.requests]) this.cancel(irp);
    this.cleanup();
  }
  protected cleanup(): void {}
}

/** Finds the place to which a name of FILE_RENAME_INFORMATION leads. `directory` is where a bare name goes. */
export type FindTarget = (rootDirectory: number, name: string) => LinkTarget | NtStatus;
