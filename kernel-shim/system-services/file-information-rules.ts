/** What NtQueryInformationFile and NtSetInformationFile demand for each class. */
import { FileAccess, StandardAccess } from "../abi/access.ts";
import { FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";

export interface InformationRule {
  /** Shorter buffers are STATUS_INFO_LENGTH_MISMATCH. */
  readonly minimum: number;
  readonly access: number;
}

const { FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA } = FileAccess;
const { DELETE } = StandardAccess;

/**
 * Bytes that each class needs. NT also asks for FILE_READ_ATTRIBUTES for some; Wine's kernelbase queries attributes through handles that it opened without,
 * and whoever may see a file's name may read them anyway: so it is not asked for here.
 */
export const queryMinimums = new Map<number, number>([
  [Class.FileBasicInformation, 0x28],
  [Class.FileStandardInformation, 0x18],
  [Class.FileInternalInformation, 0x8],
  [Class.FileEaInformation, 0x4],
  [Class.FileAccessInformation, 0x4],
  [Class.FileNameInformation, 0x8],
  [Class.FilePositionInformation, 0x8],
  [Class.FileModeInformation, 0x4],
  [Class.FileAlignmentInformation, 0x4],
  [Class.FileAllInformation, 0x68],
  [Class.FileAlternateNameInformation, 0x8],
  [Class.FileStreamInformation, 0x20],
  [Class.FilePipeInformation, 0x8],
  [Class.FilePipeLocalInformation, 0x28],
  [Class.FilePipeRemoteInformation, 0x10],
  [Class.FileMailslotQueryInformation, 0x18],
  [Class.FileCompressionInformation, 0x10],
  [Class.FileObjectIdInformation, 0x48],
  [Class.FileQuotaInformation, 0x28],
  [Class.FileReparsePointInformation, 0x10],
  [Class.FileNetworkOpenInformation, 0x38],
  [Class.FileAttributeTagInformation, 0x8],
  [Class.FileIoCompletionNotificationInformation, 0x4],
  [Class.FileIoPriorityHintInformation, 0x4],
  [Class.FileHardLinkInformation, 0x20],
  [Class.FileNormalizedNameInformation, 0x8],
  [Class.FileIsRemoteDeviceInformation, 0x1],
  [Class.FileVolumeNameInformation, 0x8],
  [Class.FileIdInformation, 0x18],
  [Class.FileStatInformation, 0x48],
  [Class.FileCaseSensitiveInformation, 0x4],
]);

export const setRules = new Map<number, InformationRule>([
  // NT asks for FILE_WRITE_ATTRIBUTES; Wine's SetFileAttributesW opens without it.
  [Class.FileBasicInformation, { minimum: 0x28, access: 0 }],
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
