import { CreateResult, FILE_DEVICE, FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";
import * as info from "../abi/file-information.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { ParseResult } from "../object-manager/kernel-object.ts";
import { type CreateRequest, grantRequested } from "./create-request.ts";
import { DeviceObject } from "./device-object.ts";
import { encode } from "./encode.ts";
import { FileObject, type ReadRequest } from "./file-object.ts";
import type { IoManager } from "./io-manager.ts";
import type { Irp } from "./irp.ts";

/** `\Device\Null`: takes everything and gives nothing. */
export class NullDevice extends DeviceObject {
  constructor(io: IoManager) {
    super(io, FILE_DEVICE.NULL);
  }
  override create(name: string, _relatedFile: FileObject | undefined, request: CreateRequest): ParseResult {
    if (name !== "" && name !== "\\") return { status: ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
    request.information = CreateResult.OPENED;
    request.grantedAccess = grantRequested(request);
    return { object: new NullFile(this, request.options, request.grantedAccess, request.shareAccess) };
  }
}
stateClass("NullDevice", NullDevice);

class NullFile extends FileObject {
  get fileName(): string {
    return "";
  }
  override read(irp: Irp): void {
    irp.complete(ntstatus.STATUS_END_OF_FILE);
  }
  override write(irp: Irp, _request: ReadRequest, data: Uint8Array): void {
    irp.complete(ntstatus.STATUS_SUCCESS, data.length);
  }
  override queryInformation(informationClass: number): Uint8Array | NtStatus {
    switch (informationClass) {
      case Class.FileStandardInformation:
        return encode(info.FILE_STANDARD_INFORMATION, { NumberOfLinks: 1 });
      case Class.FilePositionInformation:
        return encode(info.FILE_POSITION_INFORMATION, {});
      default:
        return ntstatus.STATUS_INVALID_DEVICE_REQUEST;
    }
  }
}
stateClass("NullFile", NullFile);
