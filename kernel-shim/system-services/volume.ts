import { FileAccess } from "../abi/access.ts";
import { FILE_DEVICE, FS_INFORMATION_CLASS } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK } from "../abi/structures.ts";
import { HANDLE, ULONG_LENGTH } from "../abi/type.ts";
import { FileObject } from "../io-manager/file-object.ts";
import { inBuffer, out, outBuffer, partial, systemService, value } from "./service.ts";

/** The fixed part of each class; shorter buffers are STATUS_INFO_LENGTH_MISMATCH. */
const minimumLengths = new Map<number, number>([
  [FS_INFORMATION_CLASS.FileFsVolumeInformation, 0x18],
  [FS_INFORMATION_CLASS.FileFsSizeInformation, 0x18],
  [FS_INFORMATION_CLASS.FileFsDeviceInformation, 0x8],
  [FS_INFORMATION_CLASS.FileFsAttributeInformation, 0x10],
  [FS_INFORMATION_CLASS.FileFsControlInformation, 0x30],
  [FS_INFORMATION_CLASS.FileFsFullSizeInformation, 0x20],
  [FS_INFORMATION_CLASS.FileFsObjectIdInformation, 0x40],
  [FS_INFORMATION_CLASS.FileFsDriverPathInformation, 0xc],
  [FS_INFORMATION_CLASS.FileFsVolumeFlagsInformation, 0x4],
  [FS_INFORMATION_CLASS.FileFsSectorSizeInformation, 0x1c],
]);

export const NtQueryVolumeInformationFile = systemService("NtQueryVolumeInformationFile", {
  support: partial("no quotas, no volume object identifiers"),
  params: {
    FileHandle: value(HANDLE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    FsInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    FsInformationClass: value(FS_INFORMATION_CLASS),
  },
  run(call, { FileHandle, IoStatusBlock, FsInformation, FsInformationClass }) {
    const minimum = minimumLengths.get(FsInformationClass);
    if (minimum === undefined) return ntstatus.STATUS_INVALID_INFO_CLASS;
    if (FsInformation.length < minimum) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
    const result = call.reference(FileHandle, FileObject, 0).queryVolumeInformation(FsInformationClass);
    if (typeof result === "number") return result;
    // Windows' GetDriveType knows a disk by either type, Wine's by its file system's only.
    const isDisk =
      FsInformationClass === FS_INFORMATION_CLASS.FileFsDeviceInformation && result[0] === FILE_DEVICE.DISK;
    if (isDisk && call.process.entries?.isWine === true) result[0] = FILE_DEVICE.DISK_FILE_SYSTEM;
    FsInformation.write(result.subarray(0, FsInformation.length));
    const status = result.length > FsInformation.length ? ntstatus.STATUS_BUFFER_OVERFLOW : ntstatus.STATUS_SUCCESS;
    IoStatusBlock.set({ Status: status, Information: Math.min(result.length, FsInformation.length) });
    return status;
  },
});

export const NtSetVolumeInformationFile = systemService("NtSetVolumeInformationFile", {
  support: partial("the label only"),
  params: {
    FileHandle: value(HANDLE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    FsInformation: inBuffer("Length"),
    Length: value(ULONG_LENGTH),
    FsInformationClass: value(FS_INFORMATION_CLASS),
  },
  run(call, { FileHandle, IoStatusBlock, FsInformation, FsInformationClass }) {
    const file = call.reference(FileHandle, FileObject, FileAccess.FILE_WRITE_DATA);
    const status = file.setVolumeInformation(FsInformationClass, FsInformation.bytes());
    if (status === ntstatus.STATUS_SUCCESS) IoStatusBlock.set({ Status: status, Information: 0 });
    return status;
  },
});
