import { BytesMemory } from "../abi/bytes-memory.ts";
import { CreateResult, FILE_DEVICE } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { decodeUtf16, encodeUtf16 } from "../abi/structures.ts";
import { at, struct } from "../abi/struct.ts";
import { u16, u32 } from "../abi/type.ts";
import { stateClass } from "../executive/state.ts";
import type { ParseResult } from "../object-manager/kernel-object.ts";
import { type CreateRequest, grantRequested } from "./create-request.ts";
import { DeviceObject } from "./device-object.ts";
import { FileObject } from "./file-object.ts";
import type { IoManager } from "./io-manager.ts";
import type { Irp } from "./irp.ts";
import { upcase } from "./name.ts";
import type { VolumeDevice } from "./volume-device.ts";

/** https://learn.microsoft.com/windows-hardware/drivers/ddi/mountmgr/ */
const IOCTL_MOUNTMGR = {
  QUERY_POINTS: 0x6d0008,
  QUERY_DOS_VOLUME_PATH: 0x6d0030,
  QUERY_DOS_VOLUME_PATHS: 0x6d0034,
} as const;

/** Offsets are from the beginning of the buffer; lengths in bytes. */
const MOUNTMGR_MOUNT_POINT = struct("MOUNTMGR_MOUNT_POINT", 0x18, {
  SymbolicLinkNameOffset: at(0x0, u32),
  SymbolicLinkNameLength: at(0x4, u16),
  UniqueIdOffset: at(0x8, u32),
  UniqueIdLength: at(0xc, u16),
  DeviceNameOffset: at(0x10, u32),
  DeviceNameLength: at(0x14, u16),
});
/** Size and NumberOfMountPoints come before the points. */
const MOUNT_POINTS_HEADER = 8;

/** `\Device\MountPointManager`: which names lead to which volumes. */
export class MountManager extends DeviceObject {
  constructor(io: IoManager) {
    super(io, FILE_DEVICE.NETWORK);
  }
  override create(name: string, _relatedFile: FileObject | undefined, request: CreateRequest): ParseResult {
    if (name !== "") return { status: ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
    request.information = CreateResult.OPENED;
    request.grantedAccess = grantRequested(request);
    return { object: new MountManagerFile(this, request.options, request.grantedAccess, request.shareAccess) };
  }
}
stateClass("MountManager", MountManager);

interface MountPoint {
  readonly link: string;
  readonly uniqueId: Uint8Array;
  readonly device: string;
}

class MountManagerFile extends FileObject {
  get fileName(): string {
    return "";
  }

  override deviceControl(irp: Irp, code: number, input: Uint8Array): void {
    switch (code) {
      case IOCTL_MOUNTMGR.QUERY_POINTS:
        return this.queryPoints(irp, input);
      case IOCTL_MOUNTMGR.QUERY_DOS_VOLUME_PATH:
      case IOCTL_MOUNTMGR.QUERY_DOS_VOLUME_PATHS:
        return this.queryPaths(irp, input);
      default:
        return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
    }
  }

  /** The points that agree with all that the input names; an empty one asks for all. */
  private queryPoints(irp: Irp, input: Uint8Array): void {
    if (input.length < MOUNTMGR_MOUNT_POINT.size || irp.length < MOUNT_POINTS_HEADER)
      return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    const wanted = MOUNTMGR_MOUNT_POINT.read(new BytesMemory(input), 0);
    const part = (offset: number, length: number) => input.subarray(offset, offset + length);
    const link = decodeUtf16(part(wanted.SymbolicLinkNameOffset, wanted.SymbolicLinkNameLength));
    const uniqueId = part(wanted.UniqueIdOffset, wanted.UniqueIdLength);
    const device = decodeUtf16(part(wanted.DeviceNameOffset, wanted.DeviceNameLength));
    const points = this.io.volumeDevices
      .flatMap(pointsOf)
      .filter(
        (point) =>
          (link === "" || upcase(link) === upcase(point.link)) &&
          (device === "" || upcase(device) === upcase(point.device)) &&
          (uniqueId.length === 0 || equal(uniqueId, point.uniqueId)),
      );
    if (points.length === 0) return irp.complete(ntstatus.STATUS_OBJECT_NAME_NOT_FOUND);
    const bytes = encodePoints(points);
    // What is too long is told by its size alone.
    if (bytes.length > irp.length)
      return irp.complete(ntstatus.STATUS_BUFFER_OVERFLOW, MOUNT_POINTS_HEADER, bytes.subarray(0, MOUNT_POINTS_HEADER));
    irp.complete(ntstatus.STATUS_SUCCESS, bytes.length, bytes);
  }

  /** MOUNTMGR_TARGET_NAME to MOUNTMGR_VOLUME_PATHS: the drive letter of a device or volume name. */
  private queryPaths(irp: Irp, input: Uint8Array): void {
    if (input.length < 2 || irp.length < 4) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    const length = new BytesMemory(input).readUint16(0);
    if (2 + length > input.length) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    const name = upcase(decodeUtf16(input.subarray(2, 2 + length)));
    const volume = this.io.volumeDevices.find((one) =>
      pointsOf(one).some(({ link, device }) => upcase(link) === name || upcase(device) === name),
    );
    if (!volume) return irp.complete(ntstatus.STATUS_OBJECT_NAME_NOT_FOUND);
    const paths = encodeUtf16(`${volume.driveLetter}\0\0`);
    const memory = new BytesMemory(4 + paths.length);
    memory.writeUint32(0, paths.length);
    memory.write(4, paths);
    if (memory.bytes.length > irp.length)
      return irp.complete(ntstatus.STATUS_BUFFER_OVERFLOW, 4, memory.bytes.subarray(0, 4));
    irp.complete(ntstatus.STATUS_SUCCESS, memory.bytes.length, memory.bytes);
  }
}
stateClass("MountManagerFile", MountManagerFile);

/** The GUID by which a volume is named whatever its drive letter: of the form that disks without a partition table of GUIDs get. */
export function volumeName({ volume }: VolumeDevice): string {
  return `Volume{${volume.serialNumber.toString(16).padStart(8, "0")}-0000-0000-0000-100000000000}`;
}

function pointsOf(device: VolumeDevice): MountPoint[] {
  const uniqueId = new Uint8Array(Uint32Array.of(device.volume.serialNumber).buffer);
  return [`\\DosDevices\\${device.driveLetter}`, `\\??\\${volumeName(device)}`].map((link) => ({
    link,
    uniqueId,
    device: device.path,
  }));
}

function encodePoints(points: readonly MountPoint[]): Uint8Array {
  let end = MOUNT_POINTS_HEADER + points.length * MOUNTMGR_MOUNT_POINT.size;
  const parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  const place = (bytes: Uint8Array): { readonly offset: number; readonly length: number } => {
    parts.push({ at: end, bytes });
    end += bytes.length;
    return { offset: end - bytes.length, length: bytes.length };
  };
  const entries = points.map(({ link, uniqueId, device }) => ({
    link: place(encodeUtf16(link)),
    uniqueId: place(uniqueId),
    device: place(encodeUtf16(device)),
  }));
  const memory = new BytesMemory(end);
  memory.writeUint32(0, end);
  memory.writeUint32(4, points.length);
  entries.forEach(({ link, uniqueId, device }, index) => {
    MOUNTMGR_MOUNT_POINT.write(memory, MOUNT_POINTS_HEADER + index * MOUNTMGR_MOUNT_POINT.size, {
      SymbolicLinkNameOffset: link.offset,
      SymbolicLinkNameLength: link.length,
      UniqueIdOffset: uniqueId.offset,
      UniqueIdLength: uniqueId.length,
      DeviceNameOffset: device.offset,
      DeviceNameLength: device.length,
    });
  });
  for (const { at: offset, bytes } of parts) memory.write(offset, bytes);
  return memory.bytes;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
