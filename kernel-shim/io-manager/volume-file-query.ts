import { BytesMemory } from "../abi/bytes-memory.ts";
import * as info from "../abi/file-information.ts";
import { FILE_ATTRIBUTE, FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { encodeUtf16 } from "../abi/structures.ts";
import { DataNode, type FileNode } from "./file-node.ts";
import { encode, encodeName } from "./encode.ts";
import { modeOf } from "./file-mode.ts";
import type { VolumeFile } from "./volume-file.ts";

const CLUSTER = 0x1000;

/** NtQueryInformationFile for files of a volume: the whole structure, its variable part included; undefined for what is not the file system's. */
export function queryInformation(
  file: VolumeFile,
  informationClass: number,
  grantedAccess: number,
): Uint8Array | NtStatus | undefined {
  const { node } = file;
  switch (informationClass) {
    case Class.FileBasicInformation:
      return encode(info.FILE_BASIC_INFORMATION, basic(node));
    case Class.FileStandardInformation:
      return encode(info.FILE_STANDARD_INFORMATION, standard(file));
    case Class.FileInternalInformation:
      return encode(info.FILE_INTERNAL_INFORMATION, { IndexNumber: node.id });
    case Class.FileEaInformation:
      return encode(info.FILE_EA_INFORMATION, { EaSize: 0 });
    case Class.FilePositionInformation:
      return encode(info.FILE_POSITION_INFORMATION, { CurrentByteOffset: BigInt(file.position) });
    case Class.FileNameInformation:
    case Class.FileNormalizedNameInformation:
      return encodeName(file.fileName);
    case Class.FileVolumeNameInformation:
      return encodeName(file.device.path);
    case Class.FileAllInformation:
      return all(file, grantedAccess);
    case Class.FileNetworkOpenInformation:
      return networkOpenInformation(node);
    case Class.FileAttributeTagInformation:
      return encode(info.FILE_ATTRIBUTE_TAG_INFORMATION, {
        FileAttributes: node.attributes,
        ReparseTag: reparseTagOf(node),
      });
    case Class.FileIdInformation:
      return encode(info.FILE_ID_INFORMATION, {
        VolumeSerialNumber: BigInt(file.volume.serialNumber),
        FileId: id128(node),
      });
    case Class.FileStatInformation:
      return encode(info.FILE_STAT_INFORMATION, {
        ...times(node),
        FileId: node.id,
        AllocationSize: BigInt(allocationSizeOf(node)),
        EndOfFile: BigInt(sizeOf(node)),
        FileAttributes: node.attributes,
        ReparseTag: reparseTagOf(node),
        NumberOfLinks: node.links.length,
        EffectiveAccess: grantedAccess,
      });
    case Class.FileStreamInformation:
      return streams(node);
    case Class.FileCompressionInformation:
      return encode(info.FILE_COMPRESSION_INFORMATION, { CompressedFileSize: BigInt(sizeOf(node)) });
    case Class.FileIsRemoteDeviceInformation:
      return new Uint8Array(1);
    case Class.FileHardLinkInformation:
      return hardLinks(file);
    case Class.FileIoPriorityHintInformation:
      return new Uint8Array([2, 0, 0, 0]); // IoPriorityNormal
    case Class.FileCaseSensitiveInformation:
      return new Uint8Array(4);
    case Class.FileAlternateNameInformation:
      // There are no 8.3 names.
      return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    default:
      return undefined;
  }
}

function times(node: FileNode) {
  return {
    CreationTime: node.creationTime,
    LastAccessTime: node.lastAccessTime,
    LastWriteTime: node.lastWriteTime,
    ChangeTime: node.changeTime,
  };
}

export function basic(node: FileNode) {
  return { ...times(node), FileAttributes: attributesOf(node) };
}

export function networkOpenInformation(node: FileNode): Uint8Array {
  return encode(info.FILE_NETWORK_OPEN_INFORMATION, {
    ...basic(node),
    AllocationSize: BigInt(allocationSizeOf(node)),
    EndOfFile: BigInt(sizeOf(node)),
  });
}

function standard(file: VolumeFile) {
  const { node, link } = file;
  return {
    AllocationSize: BigInt(allocationSizeOf(node)),
    EndOfFile: BigInt(sizeOf(node)),
    // A name that is about to go is not counted any more.
    NumberOfLinks: node.links.filter((one) => !one.deletePending).length,
    DeletePending: link.deletePending || link.removed,
    Directory: node.isDirectory,
  };
}

function all(file: VolumeFile, grantedAccess: number): Uint8Array {
  const { node } = file;
  const name = encodeUtf16(file.fileName);
  const offset = info.ALL_INFORMATION;
  const memory = new BytesMemory(offset.Name + 4 + name.length);
  info.FILE_BASIC_INFORMATION.write(memory, offset.Basic, basic(node));
  info.FILE_STANDARD_INFORMATION.write(memory, offset.Standard, standard(file));
  memory.writeUint64(offset.Internal, node.id);
  memory.writeUint32(offset.Access, grantedAccess);
  memory.writeUint64(offset.Position, BigInt(file.position));
  memory.writeUint32(offset.Mode, modeOf(file));
  memory.writeUint32(offset.Name, name.length);
  memory.write(offset.Name + 4, name);
  return memory.bytes;
}

function streams(node: FileNode): Uint8Array {
  if (!(node instanceof DataNode)) return new Uint8Array(0);
  const name = encodeUtf16("::$DATA");
  const memory = new BytesMemory(info.FILE_STREAM_INFORMATION.size + name.length);
  info.FILE_STREAM_INFORMATION.write(memory, 0, {
    NextEntryOffset: 0,
    StreamNameLength: name.length,
    StreamSize: BigInt(node.content.size),
    StreamAllocationSize: BigInt(allocationSizeOf(node)),
  });
  memory.write(info.FILE_STREAM_INFORMATION.size, name);
  return memory.bytes;
}

/** FILE_LINKS_INFORMATION: BytesNeeded, EntriesReturned, then FILE_LINK_ENTRY_INFORMATIONs of 0x18 bytes and a name at 0x14. */
function hardLinks(file: VolumeFile): Uint8Array {
  const entries = file.node.links.map((link) => ({
    parent: link.parent?.id ?? 0n,
    name: encodeUtf16(link.name),
    units: link.name.length,
  }));
  const sizes = entries.map(({ name }) => Math.ceil((0x14 + name.length) / 8) * 8);
  const memory = new BytesMemory(8 + sizes.reduce((sum, size) => sum + size, 0));
  memory.writeUint32(0, memory.bytes.length);
  memory.writeUint32(4, entries.length);
  let at = 8;
  entries.forEach(({ parent, name, units }, i) => {
    memory.writeUint32(at, i + 1 < entries.length ? sizes[i] : 0);
    memory.writeUint64(at + 8, parent);
    memory.writeUint32(at + 0x10, units);
    memory.write(at + 0x14, name);
    at += sizes[i];
  });
  return memory.bytes;
}

function sizeOf(node: FileNode): number {
  return node instanceof DataNode ? node.content.size : 0;
}
export function allocationSizeOf(node: FileNode): number {
  return Math.ceil(sizeOf(node) / CLUSTER) * CLUSTER;
}
export function reparseTagOf(node: FileNode): number {
  const data = node.reparseData;
  return data ? new DataView(data.buffer, data.byteOffset).getUint32(0, true) : 0;
}
/** A file without any attribute says so by one. */
export function attributesOf(node: FileNode): number {
  return node.attributes === 0 ? FILE_ATTRIBUTE.NORMAL : node.attributes;
}
function id128(node: FileNode): Uint8Array {
  const memory = new BytesMemory(16);
  memory.writeUint64(0, node.id);
  return memory.bytes;
}
