/** What NtQueryInformationFile and NtSetInformationFile demand for each class: bytes of buffer and rights of the handle. */
import { FileAccess, StandardAccess } from "../abi/access.ts";
import { FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";

export interface InformationRule {
  /** Shorter buffers are STATUS_INFO_LENGTH_MISMATCH. */
  readonly minimum: number;
  readonly access: number;
}

const { FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA } = FileAccess;
const { DELETE } = StandardAccess;

export const queryRules = new Map<number, InformationRule>([
  [Class.FileBasicInformation, { minimum: 0x28, access: FILE_READ_ATTRIBUTES }],
  [Class.FileStandardInformation, { minimum: 0x18, access: 0 }],
  [Class.FileInternalInformation, { minimum: 0x8, access: 0 }],
  [Class.FileEaInformation, { minimum: 0x4, access: 0 }],
  [Class.FileAccessInformation, { minimum: 0x4, access: 0 }],
  [Class.FileNameInformation, { minimum: 0x8, access: 0 }],
  [Class.FilePositionInformation, { minimum: 0x8, access: 0 }],
  [Class.FileModeInformation, { minimum: 0x4, access: 0 }],
  [Class.FileAlignmentInformation, { minimum: 0x4, access: 0 }],
  [Class.FileAllInformation, { minimum: 0x68, access: FILE_READ_ATTRIBUTES }],
  [Class.FileAlternateNameInformation, { minimum: 0x8, access: 0 }],
  [Class.FileStreamInformation, { minimum: 0x20, access: 0 }],
  [Class.FilePipeInformation, { minimum: 0x8, access: FILE_READ_ATTRIBUTES }],
  [Class.FilePipeLocalInformation, { minimum: 0x28, access: FILE_READ_ATTRIBUTES }],
  [Class.FilePipeRemoteInformation, { minimum: 0x10, access: FILE_READ_ATTRIBUTES }],
  [Class.FileMailslotQueryInformation, { minimum: 0x18, access: 0 }],
  [Class.FileCompressionInformation, { minimum: 0x10, access: 0 }],
  [Class.FileObjectIdInformation, { minimum: 0x48, access: 0 }],
  [Class.FileQuotaInformation, { minimum: 0x28, access: 0 }],
  [Class.FileReparsePointInformation, { minimum: 0x10, access: 0 }],
  [Class.FileNetworkOpenInformation, { minimum: 0x38, access: FILE_READ_ATTRIBUTES }],
  [Class.FileAttributeTagInformation, { minimum: 0x8, access: FILE_READ_ATTRIBUTES }],
  [Class.FileIoCompletionNotificationInformation, { minimum: 0x4, access: 0 }],
  [Class.FileIoPriorityHintInformation, { minimum: 0x4, access: 0 }],
  [Class.FileHardLinkInformation, { minimum: 0x20, access: 0 }],
  [Class.FileNormalizedNameInformation, { minimum: 0x8, access: 0 }],
  [Class.FileIsRemoteDeviceInformation, { minimum: 0x1, access: 0 }],
  [Class.FileVolumeNameInformation, { minimum: 0x8, access: 0 }],
  [Class.FileIdInformation, { minimum: 0x18, access: 0 }],
  [Class.FileStatInformation, { minimum: 0x48, access: FILE_READ_ATTRIBUTES }],
  [Class.FileCaseSensitiveInformation, { minimum: 0x4, access: FILE_READ_ATTRIBUTES }],
]);

export const setRules = new Map<number, InformationRule>([
  [Class.FileBasicInformation, { minimum: 0x28, access: FILE_WRITE_ATTRIBUTES }],
  [Class.FileRenameInformation, { minimum: 0x18, access: DELETE }],
  [Class.FileLinkInformation, { minimum: 0x18, access: 0 }],
  [Class.FileDispositionInformation, { minimum: 0x1, access: DELETE }],
  [Class.FilePositionInformation, { minimum: 0x8, access: 0 }],
  [Class.FileModeInformation, { minimum: 0x4, access: 0 }],
  [Class.FileAllocationInformation, { minimum: 0x8, access: FILE_WRITE_DATA }],
  [Class.FileEndOfFileInformation, { minimum: 0x8, access: FILE_WRITE_DATA }],
  [Class.FilePipeInformation, { minimum: 0x8, access: FILE_WRITE_ATTRIBUTES }],
  [Class.FilePipeRemoteInformation, { minimum: 0x10, access: FILE_WRITE_ATTRIBUTES }],
  [Class.FileMailslotSetInformation, { minimum: 0x8, access: 0 }],
  [Class.FileCompletionInformation, { minimum: 0x10, access: 0 }],
  [Class.FileReplaceCompletionInformation, { minimum: 0x10, access: 0 }],
  [Class.FileIoCompletionNotificationInformation, { minimum: 0x4, access: 0 }],
  [Class.FileIoPriorityHintInformation, { minimum: 0x4, access: 0 }],
  [Class.FileValidDataLengthInformation, { minimum: 0x8, access: FILE_WRITE_DATA }],
  [Class.FileShortNameInformation, { minimum: 0x8, access: DELETE }],
  [Class.FileDispositionInformationEx, { minimum: 0x4, access: DELETE }],
  [Class.FileRenameInformationEx, { minimum: 0x18, access: DELETE }],
  [Class.FileLinkInformationEx, { minimum: 0x18, access: 0 }],
]);
