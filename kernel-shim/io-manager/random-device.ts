import { CreateResult, FILE_DEVICE } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { ParseResult } from "../object-manager/kernel-object.ts";
import { type CreateRequest, grantRequested } from "./create-request.ts";
import { DeviceObject } from "./device-object.ts";
import { FileObject } from "./file-object.ts";
import type { IoManager } from "./io-manager.ts";
import type { Irp } from "./irp.ts";

/** IOCTL_KSEC_RNG and IOCTL_KSEC_RNG_REKEY, as user-mode random generators (advapi32, bcryptprimitives) send them. */
const IOCTL_KSEC_RNG = 0x390004;
const IOCTL_KSEC_RNG_REKEY = 0x390008;

/** `\Device\KsecDD` and `\Device\CNG`, as a source of random bytes: they come from the run's seed. */
export class RandomDevice extends DeviceObject {
  constructor(io: IoManager) {
    super(io, FILE_DEVICE.KSEC);
  }
  override create(_name: string, _relatedFile: FileObject | undefined, request: CreateRequest): ParseResult {
    request.information = CreateResult.OPENED;
    request.grantedAccess = grantRequested(request);
    return { object: new RandomFile(this, request.options, request.grantedAccess, request.shareAccess) };
  }
}
stateClass("RandomDevice", RandomDevice);

class RandomFile extends FileObject {
  get fileName(): string {
    return "";
  }
  override deviceControl(irp: Irp, code: number): void {
    if (code !== IOCTL_KSEC_RNG && code !== IOCTL_KSEC_RNG_REKEY)
      return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
    irp.complete(ntstatus.STATUS_SUCCESS, irp.length, this.io.machine.random.bytes(irp.length));
  }
}
stateClass("RandomFile", RandomFile);
