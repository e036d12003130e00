import { FILE_FS_DEVICE_INFORMATION } from "../abi/file-information.ts";
import { FS_INFORMATION_CLASS } from "../abi/file.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import {
  KernelObject,
  objectType,
  type ObjectType,
  type ParseRequest,
  type ParseResult,
} from "../object-manager/kernel-object.ts";
import { CreateRequest } from "./create-request.ts";
import type { FileObject } from "./file-object.ts";
import type { IoManager } from "./io-manager.ts";

export const DeviceType = objectType("Device", { read: 0x120089, write: 0x120116, execute: 0x1200a0, all: 0x1f01ff });

/** Something under `\Device` that files are opened on. */
export abstract class DeviceObject extends KernelObject {
  readonly io: IoManager;
  /** FILE_DEVICE_*. */
  readonly deviceType: number;
  /** FILE_DEVICE characteristics. */
  readonly characteristics: number;

  constructor(io: IoManager, deviceType: number, characteristics = 0) {
    super();
    this.io = io;
    this.deviceType = deviceType;
    this.characteristics = characteristics;
  }

  get type(): ObjectType {
    return DeviceType;
  }
  /** What stands before a file's name in the trace. */
  get displayName(): string {
    return this.path;
  }

  override parse(rest: string, request: ParseRequest): ParseResult {
    return this.open(rest, undefined, request);
  }

  /** Opens `name`, relative to `relatedFile` or (beginning with a backslash, or empty for the device itself) from the device. */
  open(name: string, relatedFile: FileObject | undefined, request: ParseRequest): ParseResult {
    const { context } = request;
    // Only file services carry what an open needs; to any other a device is an object of the wrong type.
    if (!(context instanceof CreateRequest)) return { status: ntstatus.STATUS_OBJECT_TYPE_MISMATCH };
    return this.create(name, relatedFile, context);
  }

  /** IRP_MJ_CREATE. */
  abstract create(name: string, relatedFile: FileObject | undefined, request: CreateRequest): ParseResult;

  queryVolumeInformation(informationClass: number): Uint8Array | NtStatus {
    if (informationClass !== FS_INFORMATION_CLASS.FileFsDeviceInformation)
      return ntstatus.STATUS_INVALID_DEVICE_REQUEST;
    const memory = new BytesMemory(FILE_FS_DEVICE_INFORMATION.size);
    FILE_FS_DEVICE_INFORMATION.write(memory, 0, { DeviceType: this.deviceType, Characteristics: this.characteristics });
    return memory.bytes;
  }
}
