import { BytesMemory } from "../abi/bytes-memory.ts";
import * as info from "../abi/file-information.ts";
import { FS_INFORMATION_CLASS as Class } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { decodeUtf16, encodeUtf16 } from "../abi/structures.ts";
import { encode } from "./encode.ts";
import { MAXIMUM_COMPONENT_LENGTH } from "./name.ts";
import type { VolumeDevice } from "./volume-device.ts";
import type { Volume } from "./volume.ts";

const SECTOR = 512;
const SECTORS_PER_CLUSTER = 8;
const CLUSTER = SECTOR * SECTORS_PER_CLUSTER;

/** FILE_CASE_PRESERVED_NAMES, FILE_UNICODE_ON_DISK, FILE_SUPPORTS_HARD_LINKS, FILE_SUPPORTS_OPEN_BY_FILE_ID, FILE_SUPPORTS_POSIX_UNLINK_RENAME. */
const ATTRIBUTES = 0x2 | 0x4 | 0x400000 | 0x1000000 | 0x2000000;
const FILE_SYSTEM_NAME = "NTFS";

/** NtQueryVolumeInformationFile for a volume. */
export function queryVolumeInformation(device: VolumeDevice, informationClass: number): Uint8Array | NtStatus {
  const { volume } = device;
  const total = BigInt(Math.floor(volume.limits.bytes / CLUSTER));
  const free = BigInt(Math.floor(volume.freeBytes / CLUSTER));
  switch (informationClass) {
    case Class.FileFsVolumeInformation: {
      const label = encodeUtf16(volume.label);
      const memory = new BytesMemory(info.FILE_FS_VOLUME_INFORMATION.size + label.length);
      info.FILE_FS_VOLUME_INFORMATION.set(memory, 0, {
        VolumeCreationTime: volume.creationTime,
        VolumeSerialNumber: volume.serialNumber,
        VolumeLabelLength: label.length,
        SupportsObjects: true,
      });
      memory.write(info.FILE_FS_VOLUME_INFORMATION.size, label);
      return memory.bytes;
    }
    case Class.FileFsSizeInformation:
      return encode(info.FILE_FS_SIZE_INFORMATION, {
        TotalAllocationUnits: total,
        AvailableAllocationUnits: free,
        SectorsPerAllocationUnit: SECTORS_PER_CLUSTER,
        BytesPerSector: SECTOR,
      });
    case Class.FileFsFullSizeInformation:
      return encode(info.FILE_FS_FULL_SIZE_INFORMATION, {
        TotalAllocationUnits: total,
        CallerAvailableAllocationUnits: free,
        ActualAvailableAllocationUnits: free,
        SectorsPerAllocationUnit: SECTORS_PER_CLUSTER,
        BytesPerSector: SECTOR,
      });
    case Class.FileFsDeviceInformation:
      return encode(info.FILE_FS_DEVICE_INFORMATION, {
        DeviceType: device.deviceType,
        Characteristics: device.characteristics,
      });
    case Class.FileFsAttributeInformation: {
      const name = encodeUtf16(FILE_SYSTEM_NAME);
      const memory = new BytesMemory(info.FILE_FS_ATTRIBUTE_INFORMATION.size + name.length);
      info.FILE_FS_ATTRIBUTE_INFORMATION.set(memory, 0, {
        FileSystemAttributes: ATTRIBUTES,
        MaximumComponentNameLength: MAXIMUM_COMPONENT_LENGTH,
        FileSystemNameLength: name.length,
      });
      memory.write(info.FILE_FS_ATTRIBUTE_INFORMATION.size, name);
      return memory.bytes;
    }
    case Class.FileFsSectorSizeInformation:
      return encode(info.FILE_FS_SECTOR_SIZE_INFORMATION, {
        LogicalBytesPerSector: SECTOR,
        PhysicalBytesPerSectorForAtomicity: SECTOR,
        PhysicalBytesPerSectorForPerformance: SECTOR,
        FileSystemEffectivePhysicalBytesPerSectorForAtomicity: SECTOR,
        Flags: 0x3, // SSINFO_FLAGS_ALIGNED_DEVICE, SSINFO_FLAGS_PARTITION_ALIGNED_ON_DEVICE
      });
    case Class.FileFsObjectIdInformation:
      return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    case Class.FileFsVolumeFlagsInformation:
    case Class.FileFsControlInformation:
    case Class.FileFsDriverPathInformation:
      return ntstatus.STATUS_INVALID_DEVICE_REQUEST;
    default:
      return ntstatus.STATUS_INVALID_INFO_CLASS;
  }
}

/** NtSetVolumeInformationFile. Only the label can be set. */
export function setVolumeInformation(volume: Volume, informationClass: number, input: Uint8Array): NtStatus {
  if (informationClass !== Class.FileFsLabelInformation) return ntstatus.STATUS_INVALID_INFO_CLASS;
  if (input.length < 4) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
  const memory = new BytesMemory(input);
  const length = memory.readUint32(0);
  if (length % 2 !== 0 || 4 + length > input.length || length > 64) return ntstatus.STATUS_INVALID_PARAMETER;
  volume.label = decodeUtf16(memory.read(4, length));
  return ntstatus.STATUS_SUCCESS;
}
