/** The file system's part of the kernel interface: access masks, options, attributes, information classes. @see [MS-FSCC], ntifs.h */
import { enumeration, flags } from "./type.ts";

export const ShareMode = flags("FILE_SHARE", { FILE_SHARE_READ: 1, FILE_SHARE_WRITE: 2, FILE_SHARE_DELETE: 4 });

export const CreateDisposition = enumeration("FILE_CREATE_DISPOSITION", {
  FILE_SUPERSEDE: 0,
  FILE_OPEN: 1,
  FILE_CREATE: 2,
  FILE_OPEN_IF: 3,
  FILE_OVERWRITE: 4,
  FILE_OVERWRITE_IF: 5,
});

export const CreateOptions = flags("FILE_CREATE_OPTIONS", {
  FILE_DIRECTORY_FILE: 0x1,
  FILE_WRITE_THROUGH: 0x2,
  FILE_SEQUENTIAL_ONLY: 0x4,
  FILE_NO_INTERMEDIATE_BUFFERING: 0x8,
  FILE_SYNCHRONOUS_IO_ALERT: 0x10,
  FILE_SYNCHRONOUS_IO_NONALERT: 0x20,
  FILE_NON_DIRECTORY_FILE: 0x40,
  FILE_CREATE_TREE_CONNECTION: 0x80,
  FILE_COMPLETE_IF_OPLOCKED: 0x100,
  FILE_NO_EA_KNOWLEDGE: 0x200,
  FILE_OPEN_REMOTE_INSTANCE: 0x400,
  FILE_RANDOM_ACCESS: 0x800,
  FILE_DELETE_ON_CLOSE: 0x1000,
  FILE_OPEN_BY_FILE_ID: 0x2000,
  FILE_OPEN_FOR_BACKUP_INTENT: 0x4000,
  FILE_NO_COMPRESSION: 0x8000,
  FILE_OPEN_REQUIRING_OPLOCK: 0x10000,
  FILE_DISALLOW_EXCLUSIVE: 0x20000,
  FILE_RESERVE_OPFILTER: 0x100000,
  FILE_OPEN_REPARSE_POINT: 0x200000,
  FILE_OPEN_NO_RECALL: 0x400000,
  FILE_OPEN_FOR_FREE_SPACE_QUERY: 0x800000,
});

/** IO_STATUS_BLOCK.Information of an open. */
export const CreateResult = {
  SUPERSEDED: 0,
  OPENED: 1,
  CREATED: 2,
  OVERWRITTEN: 3,
  EXISTS: 4,
  DOES_NOT_EXIST: 5,
} as const;

export const FILE_ATTRIBUTE = {
  READONLY: 0x1,
  HIDDEN: 0x2,
  SYSTEM: 0x4,
  DIRECTORY: 0x10,
  ARCHIVE: 0x20,
  DEVICE: 0x40,
  NORMAL: 0x80,
  TEMPORARY: 0x100,
  SPARSE_FILE: 0x200,
  REPARSE_POINT: 0x400,
  COMPRESSED: 0x800,
  OFFLINE: 0x1000,
  NOT_CONTENT_INDEXED: 0x2000,
  ENCRYPTED: 0x4000,
} as const;

export const FileAttributes = flags(
  "FILE_ATTRIBUTES",
  Object.fromEntries(Object.entries(FILE_ATTRIBUTE).map(([name, bit]) => [`FILE_ATTRIBUTE_${name}`, bit])),
);

export const FILE_ACTION = { ADDED: 1, REMOVED: 2, MODIFIED: 3, RENAMED_OLD_NAME: 4, RENAMED_NEW_NAME: 5 } as const;

export const FILE_NOTIFY_CHANGE = {
  FILE_NAME: 0x1,
  DIR_NAME: 0x2,
  ATTRIBUTES: 0x4,
  SIZE: 0x8,
  LAST_WRITE: 0x10,
  LAST_ACCESS: 0x20,
  CREATION: 0x40,
  EA: 0x80,
  SECURITY: 0x100,
} as const;

export const CompletionFilter = flags(
  "FILE_NOTIFY_CHANGE",
  Object.fromEntries(Object.entries(FILE_NOTIFY_CHANGE).map(([name, bit]) => [`FILE_NOTIFY_CHANGE_${name}`, bit])),
);

export const FILE_INFORMATION_CLASS = enumeration("FILE_INFORMATION_CLASS", {
  FileDirectoryInformation: 1,
  FileFullDirectoryInformation: 2,
  FileBothDirectoryInformation: 3,
  FileBasicInformation: 4,
  FileStandardInformation: 5,
  FileInternalInformation: 6,
  FileEaInformation: 7,
  FileAccessInformation: 8,
  FileNameInformation: 9,
  FileRenameInformation: 10,
  FileLinkInformation: 11,
  FileNamesInformation: 12,
  FileDispositionInformation: 13,
  FilePositionInformation: 14,
  FileFullEaInformation: 15,
  FileModeInformation: 16,
  FileAlignmentInformation: 17,
  FileAllInformation: 18,
  FileAllocationInformation: 19,
  FileEndOfFileInformation: 20,
  FileAlternateNameInformation: 21,
  FileStreamInformation: 22,
  FilePipeInformation: 23,
  FilePipeLocalInformation: 24,
  FilePipeRemoteInformation: 25,
  FileMailslotQueryInformation: 26,
  FileMailslotSetInformation: 27,
  FileCompressionInformation: 28,
  FileObjectIdInformation: 29,
  FileCompletionInformation: 30,
  FileMoveClusterInformation: 31,
  FileQuotaInformation: 32,
  FileReparsePointInformation: 33,
  FileNetworkOpenInformation: 34,
  FileAttributeTagInformation: 35,
  FileTrackingInformation: 36,
  FileIdBothDirectoryInformation: 37,
  FileIdFullDirectoryInformation: 38,
  FileValidDataLengthInformation: 39,
  FileShortNameInformation: 40,
  FileIoCompletionNotificationInformation: 41,
  FileIoStatusBlockRangeInformation: 42,
  FileIoPriorityHintInformation: 43,
  FileSfioReserveInformation: 44,
  FileSfioVolumeInformation: 45,
  FileHardLinkInformation: 46,
  FileProcessIdsUsingFileInformation: 47,
  FileNormalizedNameInformation: 48,
  FileNetworkPhysicalNameInformation: 49,
  FileIdGlobalTxDirectoryInformation: 50,
  FileIsRemoteDeviceInformation: 51,
  FileUnusedInformation: 52,
  FileNumaNodeInformation: 53,
  FileStandardLinkInformation: 54,
  FileRemoteProtocolInformation: 55,
  FileRenameInformationBypassAccessCheck: 56,
  FileLinkInformationBypassAccessCheck: 57,
  FileVolumeNameInformation: 58,
  FileIdInformation: 59,
  FileIdExtdDirectoryInformation: 60,
  FileReplaceCompletionInformation: 61,
  FileHardLinkFullIdInformation: 62,
  FileIdExtdBothDirectoryInformation: 63,
  FileDispositionInformationEx: 64,
  FileRenameInformationEx: 65,
  FileRenameInformationExBypassAccessCheck: 66,
  FileDesiredStorageClassInformation: 67,
  FileStatInformation: 68,
  FileMemoryPartitionInformation: 69,
  FileStatLxInformation: 70,
  FileCaseSensitiveInformation: 71,
  FileLinkInformationEx: 72,
});

export const FS_INFORMATION_CLASS = enumeration("FS_INFORMATION_CLASS", {
  FileFsVolumeInformation: 1,
  FileFsLabelInformation: 2,
  FileFsSizeInformation: 3,
  FileFsDeviceInformation: 4,
  FileFsAttributeInformation: 5,
  FileFsControlInformation: 6,
  FileFsFullSizeInformation: 7,
  FileFsObjectIdInformation: 8,
  FileFsDriverPathInformation: 9,
  FileFsVolumeFlagsInformation: 10,
  FileFsSectorSizeInformation: 11,
});

export const FILE_DEVICE = {
  DISK: 0x7,
  DISK_FILE_SYSTEM: 0x8,
  NAMED_PIPE: 0x11,
  NETWORK: 0x12,
  NULL: 0x15,
  UNKNOWN: 0x22,
  KSEC: 0x39,
  CONSOLE: 0x50,
} as const;
