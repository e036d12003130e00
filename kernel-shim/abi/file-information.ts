/** The buffers of NtQueryInformationFile, NtSetInformationFile, NtQueryDirectoryFile and NtQueryVolumeInformationFile. @see [MS-FSCC] 2.4, 2.5 */
import { at, bytes, struct } from "./struct.ts";
import { BOOLEAN, HANDLE, LARGE_INTEGER, OPAQUE, u16, u32, u64, u8 } from "./type.ts";

const times = {
  CreationTime: at(0x0, LARGE_INTEGER),
  LastAccessTime: at(0x8, LARGE_INTEGER),
  LastWriteTime: at(0x10, LARGE_INTEGER),
  ChangeTime: at(0x18, LARGE_INTEGER),
};

export const FILE_BASIC_INFORMATION = struct("FILE_BASIC_INFORMATION", 0x28, {
  ...times,
  FileAttributes: at(0x20, u32),
});

export const FILE_STANDARD_INFORMATION = struct("FILE_STANDARD_INFORMATION", 0x18, {
  AllocationSize: at(0x0, LARGE_INTEGER),
  EndOfFile: at(0x8, LARGE_INTEGER),
  NumberOfLinks: at(0x10, u32),
  DeletePending: at(0x14, BOOLEAN),
  Directory: at(0x15, BOOLEAN),
});

export const FILE_INTERNAL_INFORMATION = struct("FILE_INTERNAL_INFORMATION", 0x8, { IndexNumber: at(0x0, u64) });
export const FILE_EA_INFORMATION = struct("FILE_EA_INFORMATION", 0x4, { EaSize: at(0x0, u32) });
export const FILE_ACCESS_INFORMATION = struct("FILE_ACCESS_INFORMATION", 0x4, { AccessFlags: at(0x0, u32) });
export const FILE_POSITION_INFORMATION = struct("FILE_POSITION_INFORMATION", 0x8, {
  CurrentByteOffset: at(0x0, LARGE_INTEGER),
});
export const FILE_MODE_INFORMATION = struct("FILE_MODE_INFORMATION", 0x4, { Mode: at(0x0, u32) });
export const FILE_ALIGNMENT_INFORMATION = struct("FILE_ALIGNMENT_INFORMATION", 0x4, {
  AlignmentRequirement: at(0x0, u32),
});
export const FILE_END_OF_FILE_INFORMATION = struct("FILE_END_OF_FILE_INFORMATION", 0x8, {
  EndOfFile: at(0x0, LARGE_INTEGER),
});
export const FILE_ALLOCATION_INFORMATION = struct("FILE_ALLOCATION_INFORMATION", 0x8, {
  AllocationSize: at(0x0, LARGE_INTEGER),
});
export const FILE_DISPOSITION_INFORMATION = struct("FILE_DISPOSITION_INFORMATION", 0x1, {
  DeleteFile: at(0x0, BOOLEAN),
});
export const FILE_DISPOSITION_INFORMATION_EX = struct("FILE_DISPOSITION_INFORMATION_EX", 0x4, { Flags: at(0x0, u32) });
export const FILE_COMPLETION_INFORMATION = struct("FILE_COMPLETION_INFORMATION", 0x10, {
  Port: at(0x0, HANDLE),
  Key: at(0x8, OPAQUE),
});
export const FILE_IO_COMPLETION_NOTIFICATION_INFORMATION = struct("FILE_IO_COMPLETION_NOTIFICATION_INFORMATION", 0x4, {
  Flags: at(0x0, u32),
});

export const FILE_NETWORK_OPEN_INFORMATION = struct("FILE_NETWORK_OPEN_INFORMATION", 0x38, {
  ...times,
  AllocationSize: at(0x20, LARGE_INTEGER),
  EndOfFile: at(0x28, LARGE_INTEGER),
  FileAttributes: at(0x30, u32),
});

export const FILE_ATTRIBUTE_TAG_INFORMATION = struct("FILE_ATTRIBUTE_TAG_INFORMATION", 0x8, {
  FileAttributes: at(0x0, u32),
  ReparseTag: at(0x4, u32),
});

export const FILE_ID_INFORMATION = struct("FILE_ID_INFORMATION", 0x18, {
  VolumeSerialNumber: at(0x0, u64),
  FileId: at(0x8, bytes(16)),
});

export const FILE_STAT_INFORMATION = struct("FILE_STAT_INFORMATION", 0x48, {
  FileId: at(0x0, u64),
  CreationTime: at(0x8, LARGE_INTEGER),
  LastAccessTime: at(0x10, LARGE_INTEGER),
  LastWriteTime: at(0x18, LARGE_INTEGER),
  ChangeTime: at(0x20, LARGE_INTEGER),
  AllocationSize: at(0x28, LARGE_INTEGER),
  EndOfFile: at(0x30, LARGE_INTEGER),
  FileAttributes: at(0x38, u32),
  ReparseTag: at(0x3c, u32),
  NumberOfLinks: at(0x40, u32),
  EffectiveAccess: at(0x44, u32),
});

/** Without the name, which begins before the padded end. FILE_LINK_INFORMATION has the same layout; of the classes that are not Ex only the first byte counts as a BOOLEAN. */
export const FILE_RENAME_INFORMATION = struct("FILE_RENAME_INFORMATION", 0x14, {
  Flags: at(0x0, u32),
  RootDirectory: at(0x8, HANDLE),
  FileNameLength: at(0x10, u32),
});
/** Followed by the name. */
export const FILE_STREAM_INFORMATION = struct("FILE_STREAM_INFORMATION", 0x18, {
  NextEntryOffset: at(0x0, u32),
  StreamNameLength: at(0x4, u32),
  StreamSize: at(0x8, LARGE_INTEGER),
  StreamAllocationSize: at(0x10, LARGE_INTEGER),
});

export const FILE_COMPRESSION_INFORMATION = struct("FILE_COMPRESSION_INFORMATION", 0x10, {
  CompressedFileSize: at(0x0, LARGE_INTEGER),
  CompressionFormat: at(0x8, u16),
  CompressionUnitShift: at(0xa, u8),
  ChunkShift: at(0xb, u8),
  ClusterShift: at(0xc, u8),
});

export const FILE_PIPE_INFORMATION = struct("FILE_PIPE_INFORMATION", 0x8, {
  ReadMode: at(0x0, u32),
  CompletionMode: at(0x4, u32),
});

export const FILE_PIPE_LOCAL_INFORMATION = struct("FILE_PIPE_LOCAL_INFORMATION", 0x28, {
  NamedPipeType: at(0x0, u32),
  NamedPipeConfiguration: at(0x4, u32),
  MaximumInstances: at(0x8, u32),
  CurrentInstances: at(0xc, u32),
  InboundQuota: at(0x10, u32),
  ReadDataAvailable: at(0x14, u32),
  OutboundQuota: at(0x18, u32),
  WriteQuotaAvailable: at(0x1c, u32),
  NamedPipeState: at(0x20, u32),
  NamedPipeEnd: at(0x24, u32),
});

/** The fixed parts of FILE_ALL_INFORMATION, each the structure of its own class; the name follows at 0x64 (its length is at 0x60). */
export const ALL_INFORMATION = { Basic: 0x0, Standard: 0x28, Internal: 0x40, Ea: 0x48, Access: 0x4c, Position: 0x50, Mode: 0x58, Alignment: 0x5c, Name: 0x60 } as const; // prettier-ignore

/** What every class of directory entry but FileNamesInformation begins with. */
export const FILE_DIRECTORY_INFORMATION = struct("FILE_DIRECTORY_INFORMATION", 0x40, {
  NextEntryOffset: at(0x0, u32),
  FileIndex: at(0x4, u32),
  CreationTime: at(0x8, LARGE_INTEGER),
  LastAccessTime: at(0x10, LARGE_INTEGER),
  LastWriteTime: at(0x18, LARGE_INTEGER),
  ChangeTime: at(0x20, LARGE_INTEGER),
  EndOfFile: at(0x28, LARGE_INTEGER),
  AllocationSize: at(0x30, LARGE_INTEGER),
  FileAttributes: at(0x38, u32),
  FileNameLength: at(0x3c, u32),
});

/** Without the label, which begins before the padded end. */
export const FILE_FS_VOLUME_INFORMATION = struct("FILE_FS_VOLUME_INFORMATION", 0x12, {
  VolumeCreationTime: at(0x0, LARGE_INTEGER),
  VolumeSerialNumber: at(0x8, u32),
  VolumeLabelLength: at(0xc, u32),
  SupportsObjects: at(0x10, BOOLEAN),
});
export const FILE_FS_SIZE_INFORMATION = struct("FILE_FS_SIZE_INFORMATION", 0x18, {
  TotalAllocationUnits: at(0x0, LARGE_INTEGER),
  AvailableAllocationUnits: at(0x8, LARGE_INTEGER),
  SectorsPerAllocationUnit: at(0x10, u32),
  BytesPerSector: at(0x14, u32),
});
export const FILE_FS_FULL_SIZE_INFORMATION = struct("FILE_FS_FULL_SIZE_INFORMATION", 0x20, {
  TotalAllocationUnits: at(0x0, LARGE_INTEGER),
  CallerAvailableAllocationUnits: at(0x8, LARGE_INTEGER),
  ActualAvailableAllocationUnits: at(0x10, LARGE_INTEGER),
  SectorsPerAllocationUnit: at(0x18, u32),
  BytesPerSector: at(0x1c, u32),
});
export const FILE_FS_DEVICE_INFORMATION = struct("FILE_FS_DEVICE_INFORMATION", 0x8, {
  DeviceType: at(0x0, u32),
  Characteristics: at(0x4, u32),
});
/** Followed by the name. */
export const FILE_FS_ATTRIBUTE_INFORMATION = struct("FILE_FS_ATTRIBUTE_INFORMATION", 0xc, {
  FileSystemAttributes: at(0x0, u32),
  MaximumComponentNameLength: at(0x4, u32),
  FileSystemNameLength: at(0x8, u32),
});
export const FILE_FS_OBJECTID_INFORMATION = struct("FILE_FS_OBJECTID_INFORMATION", 0x40, {
  ObjectId: at(0x0, bytes(16)),
  ExtendedInfo: at(0x10, bytes(48)),
});
export const FILE_FS_SECTOR_SIZE_INFORMATION = struct("FILE_FS_SECTOR_SIZE_INFORMATION", 0x1c, {
  LogicalBytesPerSector: at(0x0, u32),
  PhysicalBytesPerSectorForAtomicity: at(0x4, u32),
  PhysicalBytesPerSectorForPerformance: at(0x8, u32),
  FileSystemEffectivePhysicalBytesPerSectorForAtomicity: at(0xc, u32),
  Flags: at(0x10, u32),
  ByteOffsetForSectorAlignment: at(0x14, u32),
  ByteOffsetForPartitionAlignment: at(0x18, u32),
});
