import { BytesMemory } from "../abi/bytes-memory.ts";
import * as info from "../abi/file-information.ts";
import { CreateOptions, FILE_ATTRIBUTE, FILE_INFORMATION_CLASS as Class, FILE_NOTIFY_CHANGE } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { decodeUtf16 } from "../abi/structures.ts";
import { setMode } from "./file-mode.ts";
import type { LinkTarget } from "./create-request.ts";
import type { FindTarget } from "./file-object.ts";
import { DataNode, DirectoryNode, type Link } from "./file-node.ts";
import { isLegalComponent } from "./name.ts";
import type { VolumeFile } from "./volume-file.ts";

const SETTABLE_ATTRIBUTES = 0x31a7;

/** Flags of FileDispositionInformationEx. */
const Disposition = {
  DELETE: 1,
  POSIX_SEMANTICS: 2,
  FORCE_IMAGE_SECTION_CHECK: 4,
  ON_CLOSE: 8,
  IGNORE_READONLY_ATTRIBUTE: 16,
} as const;
/** Flags of FileRenameInformationEx and FileLinkInformationEx. */
const Rename = { REPLACE_IF_EXISTS: 1, POSIX_SEMANTICS: 2, IGNORE_READONLY_ATTRIBUTE: 0x40 } as const;

/** NtSetInformationFile for files of a volume. The service has checked the size of the fixed part and the handle's rights. */
export function setInformation(
  file: VolumeFile,
  informationClass: number,
  input: Uint8Array,
  findTarget: FindTarget,
): NtStatus {
  const memory = new BytesMemory(input);
  switch (informationClass) {
    case Class.FileBasicInformation:
      return setBasic(file, memory);
    case Class.FilePositionInformation:
      return setPosition(file, memory);
    case Class.FileEndOfFileInformation:
      return setEndOfFile(file, info.FILE_END_OF_FILE_INFORMATION.read(memory, 0).EndOfFile);
    case Class.FileAllocationInformation:
      return setAllocation(file, info.FILE_ALLOCATION_INFORMATION.read(memory, 0).AllocationSize);
    case Class.FileDispositionInformation: {
      const { DeleteFile } = info.FILE_DISPOSITION_INFORMATION.read(memory, 0);
      return setDisposition(file, DeleteFile ? Disposition.DELETE : 0);
    }
    case Class.FileDispositionInformationEx:
      return setDisposition(file, info.FILE_DISPOSITION_INFORMATION_EX.read(memory, 0).Flags);
    case Class.FileRenameInformation:
    case Class.FileRenameInformationEx:
    case Class.FileLinkInformation:
    case Class.FileLinkInformationEx: {
      const isEx =
        informationClass === Class.FileRenameInformationEx || informationClass === Class.FileLinkInformationEx;
      const isLink = informationClass === Class.FileLinkInformation || informationClass === Class.FileLinkInformationEx;
      return renameOrLink(file, input, isEx, isLink, findTarget);
    }
    case Class.FileModeInformation:
      return setMode(file, info.FILE_MODE_INFORMATION.read(memory, 0).Mode);
    case Class.FileIoPriorityHintInformation:
      return memory.readUint32(0) > 2 ? ntstatus.STATUS_INVALID_PARAMETER : ntstatus.STATUS_SUCCESS;
    case Class.FileValidDataLengthInformation:
      // All of a file is valid here: what was not written reads as zeros.
      return file.node.isDirectory || memory.readUint64(0) > BigInt(file.sectionSize())
        ? ntstatus.STATUS_INVALID_PARAMETER
        : ntstatus.STATUS_SUCCESS;
    case Class.FileShortNameInformation:
      return ntstatus.STATUS_SHORT_NAMES_NOT_ENABLED_ON_VOLUME;
    case Class.FilePipeInformation:
    case Class.FilePipeRemoteInformation:
    case Class.FileMailslotSetInformation:
      return ntstatus.STATUS_INVALID_PARAMETER;
    default:
      return ntstatus.STATUS_INVALID_INFO_CLASS;
  }
}

function setBasic(file: VolumeFile, memory: BytesMemory): NtStatus {
  const { CreationTime, LastAccessTime, LastWriteTime, ChangeTime, FileAttributes } = info.FILE_BASIC_INFORMATION.read(
    memory,
    0,
  );
  // 0 leaves a time, -1 keeps this handle from updating it, -2 undoes that.
  if ([CreationTime, LastAccessTime, LastWriteTime, ChangeTime].some((time) => time < -2n))
    return ntstatus.STATUS_INVALID_PARAMETER;
  const { node } = file;
  if (FileAttributes & FILE_ATTRIBUTE.DIRECTORY && !node.isDirectory) return ntstatus.STATUS_INVALID_PARAMETER;
  if (FileAttributes & FILE_ATTRIBUTE.TEMPORARY && node.isDirectory) return ntstatus.STATUS_INVALID_PARAMETER;
  let filter = 0;
  if (FileAttributes !== 0) {
    const fixed = node.attributes & ~SETTABLE_ATTRIBUTES;
    node.attributes = fixed | (FileAttributes & SETTABLE_ATTRIBUTES & ~FILE_ATTRIBUTE.NORMAL);
    filter |= FILE_NOTIFY_CHANGE.ATTRIBUTES;
  }
  if (CreationTime > 0n) node.creationTime = CreationTime;
  if (LastAccessTime > 0n) node.lastAccessTime = LastAccessTime;
  if (LastWriteTime > 0n) node.lastWriteTime = LastWriteTime;
  if (CreationTime > 0n) filter |= FILE_NOTIFY_CHANGE.CREATION;
  if (LastAccessTime > 0n) filter |= FILE_NOTIFY_CHANGE.LAST_ACCESS;
  if (LastWriteTime > 0n) filter |= FILE_NOTIFY_CHANGE.LAST_WRITE;
  if (LastWriteTime !== 0n) file.keepLastWriteTime = LastWriteTime !== -2n;
  if (ChangeTime !== 0n) file.keepChangeTime = ChangeTime !== -2n;
  if (ChangeTime > 0n) node.changeTime = ChangeTime;
  else if (!file.keepChangeTime) node.changeTime = file.now;
  node.touched = true;
  if (filter) file.volume.reportNode(node, filter);
  return ntstatus.STATUS_SUCCESS;
}

function setPosition(file: VolumeFile, memory: BytesMemory): NtStatus {
  const { CurrentByteOffset } = info.FILE_POSITION_INFORMATION.read(memory, 0);
  if (CurrentByteOffset < 0n) return ntstatus.STATUS_INVALID_PARAMETER;
  if (file.options & CreateOptions.FILE_NO_INTERMEDIATE_BUFFERING && CurrentByteOffset % 512n !== 0n)
    return ntstatus.STATUS_INVALID_PARAMETER;
  file.position = Number(CurrentByteOffset);
  return ntstatus.STATUS_SUCCESS;
}

function setEndOfFile(file: VolumeFile, size: bigint): NtStatus {
  const { node } = file;
  if (!(node instanceof DataNode) || size < 0n) return ntstatus.STATUS_INVALID_PARAMETER;
  if (size < node.content.size && (node.dataSections > 0 || node.imageSections > 0))
    return ntstatus.STATUS_USER_MAPPED_FILE;
  if (size > 2n ** 44n) return ntstatus.STATUS_DISK_FULL;
  const status = file.volume.setSize(node, Number(size));
  if (status === ntstatus.STATUS_SUCCESS) file.noteWrite();
  return status;
}

/** Allocation is a hint here; what it cuts off is cut off. */
function setAllocation(file: VolumeFile, size: bigint): NtStatus {
  const { node, volume } = file;
  if (!(node instanceof DataNode) || size < 0n) return ntstatus.STATUS_INVALID_PARAMETER;
  if (size < BigInt(node.content.size)) return setEndOfFile(file, size);
  return size - BigInt(node.content.size) > BigInt(volume.freeBytes) ? volume.refuse("bytes") : ntstatus.STATUS_SUCCESS;
}

function setDisposition(file: VolumeFile, flags: number): NtStatus {
  const { link, volume } = file;
  if (flags & Disposition.ON_CLOSE) {
    // Changes what FILE_DELETE_ON_CLOSE of the open said, and only that.
    if (!(file.options & CreateOptions.FILE_DELETE_ON_CLOSE)) return ntstatus.STATUS_NOT_SUPPORTED;
    file.deleteOnClose = (flags & Disposition.DELETE) !== 0;
    return ntstatus.STATUS_SUCCESS;
  }
  if (!(flags & Disposition.DELETE)) {
    link.deletePending = false;
    return ntstatus.STATUS_SUCCESS;
  }
  const status = file.isDeletable((flags & Disposition.IGNORE_READONLY_ATTRIBUTE) !== 0);
  if (status !== ntstatus.STATUS_SUCCESS) return status;
  // A mapped file keeps its name, unless the caller can do with a name that goes before the file does.
  if (link.node.dataSections > 0 && !(flags & Disposition.POSIX_SEMANTICS)) return ntstatus.STATUS_CANNOT_DELETE;
  link.deletePending = true;
  // The name goes at once with the handle that asked, whoever else has the file open.
  if (flags & Disposition.POSIX_SEMANTICS) file.posixDelete = true;
  if (link.node instanceof DirectoryNode) volume.endWatches(link.node);
  return ntstatus.STATUS_SUCCESS;
}

function renameOrLink(
  file: VolumeFile,
  input: Uint8Array,
  isEx: boolean,
  isLink: boolean,
  findTarget: FindTarget,
): NtStatus {
  const memory = new BytesMemory(input);
  const rootDirectory = info.FILE_RENAME_INFORMATION.get(memory, 0, "RootDirectory");
  const length = info.FILE_RENAME_INFORMATION.get(memory, 0, "FileNameLength");
  const allFlags = info.FILE_RENAME_INFORMATION.get(memory, 0, "Flags");
  const flags = isEx ? allFlags : allFlags & 0xff ? Rename.REPLACE_IF_EXISTS : 0;
  if (length === 0 || length % 2 !== 0 || info.FILE_RENAME_INFORMATION.size + length > input.length)
    return ntstatus.STATUS_INVALID_PARAMETER;
  const name = decodeUtf16(memory.read(info.FILE_RENAME_INFORMATION.size, length));
  const { link, node, volume } = file;
  if (link.removed || link.deletePending) return ntstatus.STATUS_ACCESS_DENIED;
  if (isLink && node.isDirectory) return ntstatus.STATUS_FILE_IS_A_DIRECTORY;

  const target = findPlace(file, rootDirectory, name, findTarget);
  if (typeof target === "number") return target;
  if (target.device.volume !== volume) return ntstatus.STATUS_NOT_SAME_DEVICE;
  const { parent } = target;
  if (!parent || !link.parent) return ntstatus.STATUS_ACCESS_DENIED;
  if (!isLegalComponent(target.name) || target.name === "." || target.name === "..")
    return ntstatus.STATUS_OBJECT_NAME_INVALID;
  if (!isLink && node instanceof DirectoryNode) {
    if (contains(node, parent)) return ntstatus.STATUS_ACCESS_DENIED;
    if (hasOpenChildren(node)) return ntstatus.STATUS_ACCESS_DENIED;
  }
  if (target.link === link) {
    // A link to the name that the file has already; at most its case changes.
    if (isLink && !(flags & Rename.REPLACE_IF_EXISTS)) return ntstatus.STATUS_OBJECT_NAME_COLLISION;
  } else if (target.link) {
    const status = replace(file, target.link, flags);
    if (status !== ntstatus.STATUS_SUCCESS) return status;
  }
  if (isLink && target.link !== link) volume.addLink(parent, target.name, node, file.now);
  else volume.rename(link, parent, target.name, file.now);
  return ntstatus.STATUS_SUCCESS;
}

/** A bare name stays in the file's own directory; everything else goes through the namespace. */
function findPlace(
  file: VolumeFile,
  rootDirectory: number,
  name: string,
  findTarget: FindTarget,
): LinkTarget | NtStatus {
  if (rootDirectory !== 0 || name.startsWith("\\")) return findTarget(rootDirectory, name);
  const { parent } = file.link;
  if (!parent || !isLegalComponent(name)) return ntstatus.STATUS_OBJECT_NAME_INVALID;
  return { device: file.device, parent, name, link: file.volume.child(parent, name) };
}

/** Takes away what has the name that a rename or link wants, if it may. */
function replace(file: VolumeFile, existing: Link, flags: number): NtStatus {
  if (!(flags & Rename.REPLACE_IF_EXISTS)) return ntstatus.STATUS_OBJECT_NAME_COLLISION;
  const { node } = existing;
  const readOnly = node.attributes & FILE_ATTRIBUTE.READONLY && !(flags & Rename.IGNORE_READONLY_ATTRIBUTE);
  if (node.isDirectory || node.imageSections > 0 || readOnly) return ntstatus.STATUS_ACCESS_DENIED;
  if (existing.opens > 0 && !(flags & Rename.POSIX_SEMANTICS)) return ntstatus.STATUS_ACCESS_DENIED;
  file.volume.remove(existing, file.now);
  return ntstatus.STATUS_SUCCESS;
}

function contains(directory: DirectoryNode, inner: DirectoryNode): boolean {
  for (let at: DirectoryNode | null = inner; at; at = at.links[0]?.parent ?? null) if (at === directory) return true;
  return false;
}

/** NTFS does not rename a directory below which something is open. */
function hasOpenChildren(directory: DirectoryNode): boolean {
  for (const link of directory.children?.values() ?? []) {
    if (link.opens > 0 || (link.node instanceof DirectoryNode && hasOpenChildren(link.node))) return true;
  }
  return false;
}
