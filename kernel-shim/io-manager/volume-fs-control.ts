import { ntstatus } from "../abi/ntstatus.ts";
import type { Irp } from "./irp.ts";
import type { VolumeFile } from "./volume-file.ts";

const FSCTL = {
  LOCK_VOLUME: 0x90018,
  UNLOCK_VOLUME: 0x9001c,
  DISMOUNT_VOLUME: 0x90020,
  IS_VOLUME_MOUNTED: 0x90028,
  GET_COMPRESSION: 0x9003c,
  SET_COMPRESSION: 0x9c040,
  GET_OBJECT_ID: 0x9009c,
  CREATE_OR_GET_OBJECT_ID: 0x900c0,
  SET_REPARSE_POINT: 0x900a4,
  GET_REPARSE_POINT: 0x900a8,
  SET_SPARSE: 0x900c4,
  SET_ZERO_DATA: 0x980c8,
} as const;

/** NtFsControlFile for files of a volume. What is not here this file system does not do, and says so as NT does. */
export function fsControl(file: VolumeFile, irp: Irp, code: number, input: Uint8Array): void {
  const { node } = file;
  switch (code) {
    case FSCTL.IS_VOLUME_MOUNTED:
      return irp.complete(ntstatus.STATUS_SUCCESS);
    case FSCTL.GET_COMPRESSION:
      return irp.length < 2
        ? irp.complete(ntstatus.STATUS_INVALID_PARAMETER)
        : irp.complete(ntstatus.STATUS_SUCCESS, 2, new Uint8Array(2));
    case FSCTL.GET_OBJECT_ID:
      if (!node.objectId) return irp.complete(ntstatus.STATUS_OBJECT_NAME_NOT_FOUND);
      return completeObjectId(irp, node.objectId);
    case FSCTL.CREATE_OR_GET_OBJECT_ID:
      if (irp.length < OBJECT_ID_BUFFER) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
      node.objectId ??= file.io.machine.random.bytes(16);
      return completeObjectId(irp, node.objectId);
    case FSCTL.GET_REPARSE_POINT:
      if (irp.length === 0) return irp.complete(ntstatus.STATUS_INVALID_USER_BUFFER);
      if (!node.reparseData) return irp.complete(ntstatus.STATUS_NOT_A_REPARSE_POINT);
      return irp.complete(ntstatus.STATUS_SUCCESS, Math.min(irp.length, node.reparseData.length), node.reparseData);
    case FSCTL.SET_ZERO_DATA: {
      if (input.length < 16) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
      const view = new DataView(input.buffer, input.byteOffset);
      const start = Number(view.getBigInt64(0, true));
      const end = Math.min(Number(view.getBigInt64(8, true)), file.sectionSize());
      if (start < 0 || end < 0) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
      if (start < end) file.sectionWrite(start, new Uint8Array(end - start));
      return irp.complete(ntstatus.STATUS_SUCCESS);
    }
    default:
      return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
}

/** FILE_OBJECTID_BUFFER: the identifier and 48 bytes of birth information. */
const OBJECT_ID_BUFFER = 64;

function completeObjectId(irp: Irp, objectId: Uint8Array): void {
  if (irp.length < OBJECT_ID_BUFFER) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
  const buffer = new Uint8Array(OBJECT_ID_BUFFER);
  buffer.set(objectId);
  buffer.set(objectId, 32); // BirthObjectId
  irp.complete(ntstatus.STATUS_SUCCESS, OBJECT_ID_BUFFER, buffer);
}
