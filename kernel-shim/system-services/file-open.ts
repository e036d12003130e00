/** NtCreateFile's checks of its parameters, and the way from a name to a handle. */
import { FileAccess, mapGenericMask, StandardAccess } from "../abi/access.ts";
import { CreateDisposition, CreateOptions } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import type { IO_STATUS_BLOCK, ObjectAttributes } from "../abi/structures.ts";
import type { ValueOf } from "../abi/type.ts";
import { CreateRequest, type PipeParameters } from "../io-manager/create-request.ts";
import { FileObject, FileType } from "../io-manager/file-object.ts";
import { VolumeFile } from "../io-manager/volume-file.ts";
import type { OutPointer } from "./parameter.ts";
import type { ServiceCall } from "./service.ts";

/** FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_SHARE_DELETE. */
export const SHARE_ALL = 7;

const { FILE_SYNCHRONOUS_IO_ALERT, FILE_SYNCHRONOUS_IO_NONALERT, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE } =
  CreateOptions;
const SYNCHRONOUS = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT;
const VALID_OPTIONS = 0x00ff_ffff;
const VALID_ATTRIBUTES = 0x0007_7fb7;

export interface OpenParameters {
  readonly FileHandle: OutPointer<number>;
  readonly DesiredAccess: number;
  readonly ObjectAttributes: ObjectAttributes;
  readonly IoStatusBlock: OutPointer<ValueOf<typeof IO_STATUS_BLOCK>>;
  readonly AllocationSize?: bigint | undefined;
  readonly FileAttributes?: number;
  readonly ShareAccess: number;
  readonly CreateDisposition: number;
  readonly CreateOptions: number;
  readonly pipe?: PipeParameters;
}

/** IopCreateFile: opens or creates, and gives the handle. */
export function createFile(call: ServiceCall, parameters: OpenParameters): NtStatus {
  const {
    ObjectAttributes,
    FileAttributes = 0,
    ShareAccess,
    CreateDisposition: disposition,
    CreateOptions: options,
  } = parameters;
  if (ObjectAttributes.Length !== 0x30) return ntstatus.STATUS_INVALID_PARAMETER;
  const desiredAccess = mapGenericMask(parameters.DesiredAccess, FileType.genericMapping);
  const invalid = !parametersAgree(desiredAccess, FileAttributes, ShareAccess, disposition, options);
  if (invalid || (parameters.AllocationSize ?? 0n) < 0n) return ntstatus.STATUS_INVALID_PARAMETER;
  const request = new CreateRequest({
    desiredAccess,
    allocationSize: parameters.AllocationSize ?? 0n,
    fileAttributes: FileAttributes,
    shareAccess: ShareAccess,
    disposition,
    options,
    pipe: parameters.pipe,
    processId: call.process.id,
  });
  const found = call.lookup(ObjectAttributes, desiredAccess, request);
  if ("missing" in found) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
  if (!("object" in found)) return "status" in found ? found.status : ntstatus.STATUS_OBJECT_PATH_NOT_FOUND;
  const { object } = found;
  if (!(object instanceof FileObject)) return ntstatus.STATUS_OBJECT_TYPE_MISMATCH;
  parameters.FileHandle.set(call.process.handles.insert(object, request.grantedAccess, ObjectAttributes.Attributes));
  parameters.IoStatusBlock.set({ Status: ntstatus.STATUS_SUCCESS, Information: request.information });
  return ntstatus.STATUS_SUCCESS;
}

function parametersAgree(
  access: number,
  attributes: number,
  share: number,
  disposition: number,
  options: number,
): boolean {
  if (options & ~VALID_OPTIONS || attributes & ~VALID_ATTRIBUTES || share & ~SHARE_ALL) return false;
  if (CreateDisposition.nameOf(disposition) === undefined) return false;
  // Waiting for a file needs the right to.
  if (options & SYNCHRONOUS && !(access & (StandardAccess.SYNCHRONIZE | StandardAccess.MAXIMUM_ALLOWED))) return false;
  if ((options & SYNCHRONOUS) === SYNCHRONOUS) return false;
  if (
    options & CreateOptions.FILE_DELETE_ON_CLOSE &&
    !(access & (StandardAccess.DELETE | StandardAccess.MAXIMUM_ALLOWED))
  )
    return false;
  if (options & FILE_DIRECTORY_FILE) {
    if (options & FILE_NON_DIRECTORY_FILE) return false;
    const { FILE_OPEN, FILE_CREATE, FILE_OPEN_IF } = CreateDisposition;
    if (disposition !== FILE_OPEN && disposition !== FILE_CREATE && disposition !== FILE_OPEN_IF) return false;
  }
  return !(
    options & CreateOptions.FILE_NO_INTERMEDIATE_BUFFERING &&
    access & FileAccess.FILE_APPEND_DATA &&
    !(access & FileAccess.FILE_WRITE_DATA)
  );
}

/** A look at a file by name, for the services that query attributes: nothing is opened. */
export function openForQuery(call: ServiceCall, attributes: ObjectAttributes): VolumeFile | NtStatus {
  const request = new CreateRequest({
    desiredAccess: FileAccess.FILE_READ_ATTRIBUTES,
    shareAccess: SHARE_ALL,
    disposition: CreateDisposition.FILE_OPEN,
    options: 0,
    processId: call.process.id,
    queryOnly: true,
  });
  const found = call.lookup(attributes, FileAccess.FILE_READ_ATTRIBUTES, request);
  if ("missing" in found) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
  if (!("object" in found)) return "status" in found ? found.status : ntstatus.STATUS_OBJECT_PATH_NOT_FOUND;
  if (found.object instanceof VolumeFile) return found.object;
  return found.object instanceof FileObject
    ? ntstatus.STATUS_INVALID_DEVICE_REQUEST
    : ntstatus.STATUS_OBJECT_TYPE_MISMATCH;
}
