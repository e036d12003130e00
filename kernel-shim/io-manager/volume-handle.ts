import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import { FileObject } from "./file-object.ts";
import type { Irp } from "./irp.ts";
import { setVolumeInformation } from "./volume-information.ts";
import type { VolumeDevice } from "./volume-device.ts";

const FSCTL_IS_VOLUME_MOUNTED = 0x90028;

/** The volume itself, opened as `\\.\C:`: it can be asked about. It has no bytes: there is no disk below it. */
export class VolumeHandle extends FileObject {
  declare readonly device: VolumeDevice;

  get fileName(): string {
    return "";
  }
  override fsControl(irp: Irp, code: number): void {
    irp.complete(code === FSCTL_IS_VOLUME_MOUNTED ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_INVALID_DEVICE_REQUEST);
  }
  override setVolumeInformation(informationClass: number, input: Uint8Array): NtStatus {
    return setVolumeInformation(this.device.volume, informationClass, input);
  }
}

stateClass("VolumeHandle", VolumeHandle);
