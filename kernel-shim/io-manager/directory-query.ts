import { BytesMemory } from "../abi/bytes-memory.ts";
import { FILE_DIRECTORY_INFORMATION } from "../abi/file-information.ts";
import { FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { encodeUtf16 } from "../abi/structures.ts";
import { firstIndex } from "../sorted.ts";
import type { DirectoryQuery } from "./file-object.ts";
import { DataNode, DirectoryNode, type FileNode } from "./file-node.ts";
import type { Irp } from "./irp.ts";
import { isNameInExpression } from "./name-expression.ts";
import { upcase } from "./name.ts";
import { allocationSizeOf, reparseTagOf } from "./volume-file-query.ts";
import type { VolumeFile } from "./volume-file.ts";

/** Where an enumeration stands. The pattern of the first query holds until the handle is closed. */
export interface DirectoryCursor {
  /** In upper case; undefined matches everything. */
  readonly pattern: string | undefined;
  /** The number of the dot entries given so far, and the last name after them, in upper case. */
  dots: number;
  last: string | undefined;
  /** Something was returned; from then on the end is STATUS_NO_MORE_FILES. */
  matched: boolean;
}

/** How a class of entries continues after what all of them share. Offsets from the entry's start; the name comes last. */
interface EntryLayout {
  readonly name: number;
  readonly eaSize?: number;
  readonly fileId?: number;
  readonly fileId128?: number;
  readonly reparseTag?: number;
  /** FileNamesInformation has neither times nor sizes. */
  readonly nameLengthOnly?: boolean;
}

const layouts = new Map<number, EntryLayout>([
  [Class.FileDirectoryInformation, { name: 0x40 }],
  [Class.FileFullDirectoryInformation, { name: 0x44, eaSize: 0x40 }],
  [Class.FileBothDirectoryInformation, { name: 0x5e, eaSize: 0x40 }],
  [Class.FileNamesInformation, { name: 0xc, nameLengthOnly: true }],
  [Class.FileIdBothDirectoryInformation, { name: 0x68, eaSize: 0x40, fileId: 0x60 }],
  [Class.FileIdFullDirectoryInformation, { name: 0x50, eaSize: 0x40, fileId: 0x48 }],
  [Class.FileIdExtdDirectoryInformation, { name: 0x58, eaSize: 0x40, reparseTag: 0x44, fileId128: 0x48 }],
  [Class.FileIdExtdBothDirectoryInformation, { name: 0x72, eaSize: 0x40, reparseTag: 0x44, fileId128: 0x48 }],
]);

/** Fills the request's buffer with as many entries as fit, continuing after those of the last query. */
export function queryDirectory(file: VolumeFile, irp: Irp, query: DirectoryQuery): void {
  const layout = layouts.get(query.informationClass);
  if (!layout) return irp.complete(ntstatus.STATUS_INVALID_INFO_CLASS);
  const { node } = file;
  if (!(node instanceof DirectoryNode)) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
  // Sizes count whole structures, whose end is padded to the alignment of their largest member.
  if (irp.length < alignUp(layout.name + 2, layout.nameLengthOnly ? 4 : 8))
    return irp.complete(ntstatus.STATUS_INFO_LENGTH_MISMATCH);
  if (file.link.deletePending && file.link.removed) return irp.complete(ntstatus.STATUS_DELETE_PENDING);

  const pattern = query.pattern === undefined || query.pattern === "" ? undefined : upcase(query.pattern);
  if (!file.cursor) file.cursor = { pattern, dots: 0, last: undefined, matched: false };
  else if (query.restart)
    file.cursor = { pattern: pattern ?? file.cursor.pattern, dots: 0, last: undefined, matched: false };
  const { cursor } = file;

  const parts: Uint8Array[] = [];
  let end = 0;
  let lastStart = 0;
  for (const entry of entriesAfter(file, node, cursor)) {
    const start = alignUp(end, 8);
    const room = irp.length - start;
    const nameLength = entry.name.length * 2;
    if (layout.name + nameLength > room) {
      if (parts.length > 0) break;
      // Not even the first name fits: it is cut, and the query can be repeated.
      const bytes = encodeEntry(layout, entry.name, entry.node).subarray(0, irp.length);
      return irp.complete(ntstatus.STATUS_BUFFER_OVERFLOW, bytes.length, bytes);
    }
    if (parts.length > 0) {
      parts.push(new Uint8Array(start - end));
      new DataView(parts[parts.length - 2].buffer).setUint32(0, start - lastStart, true);
    }
    parts.push(encodeEntry(layout, entry.name, entry.node));
    lastStart = start;
    end = start + layout.name + nameLength;
    entry.take();
    if (query.returnSingleEntry) break;
  }
  if (parts.length === 0)
    return irp.complete(cursor.matched ? ntstatus.STATUS_NO_MORE_FILES : ntstatus.STATUS_NO_SUCH_FILE);
  cursor.matched = true;
  const output = new Uint8Array(end);
  let at = 0;
  for (const part of parts) {
    output.set(part, at);
    at += part.length;
  }
  irp.complete(ntstatus.STATUS_SUCCESS, end, output);
}

interface Entry {
  readonly name: string;
  readonly node: FileNode;
  /** Moves the cursor behind this entry. */
  take(): void;
}

/** The entries that match and were not given yet, in NTFS's order: dots, then names. A volume's root has no dots. */
function* entriesAfter(file: VolumeFile, directory: DirectoryNode, cursor: DirectoryCursor): Generator<Entry> {
  const { volume } = file;
  const matches = (key: string) =>
    cursor.pattern === undefined || cursor.pattern === "*" || isNameInExpression(cursor.pattern, key);
  const { parent } = file.link;
  if (parent) {
    for (let index = cursor.dots; index < 2; index++) {
      const name = index === 0 ? "." : "..";
      const take = () => void (cursor.dots = index + 1);
      // To a pattern both look like names without anything before the dot.
      if (matches(name)) yield { name, node: index === 0 ? directory : parent, take };
      else take();
    }
  }
  const order = volume.orderOf(directory);
  const children = volume.childrenOf(directory);
  const { last } = cursor;
  for (let index = last === undefined ? 0 : firstIndex(order, (name) => name > last); index < order.length; index++) {
    const key = order[index];
    const link = children.get(key);
    if (link && matches(key)) yield { name: link.name, node: link.node, take: () => void (cursor.last = key) };
  }
}

function encodeEntry(layout: EntryLayout, name: string, node: FileNode): Uint8Array {
  const text = encodeUtf16(name);
  const memory = new BytesMemory(layout.name + text.length);
  memory.write(layout.name, text);
  if (layout.nameLengthOnly) {
    memory.writeUint32(0x8, text.length);
    return memory.bytes;
  }
  FILE_DIRECTORY_INFORMATION.write(memory, 0, {
    NextEntryOffset: 0,
    FileIndex: 0,
    CreationTime: node.creationTime,
    LastAccessTime: node.lastAccessTime,
    LastWriteTime: node.lastWriteTime,
    ChangeTime: node.changeTime,
    EndOfFile: BigInt(node instanceof DataNode ? node.content.size : 0),
    AllocationSize: BigInt(allocationSizeOf(node)),
    FileAttributes: node.attributes,
    FileNameLength: text.length,
  });
  // Of a reparse point the size of its extended attributes is not told, but its tag.
  if (layout.eaSize !== undefined && layout.reparseTag === undefined)
    memory.writeUint32(layout.eaSize, reparseTagOf(node));
  if (layout.reparseTag !== undefined) memory.writeUint32(layout.reparseTag, reparseTagOf(node));
  if (layout.fileId !== undefined) memory.writeUint64(layout.fileId, node.id);
  if (layout.fileId128 !== undefined) memory.writeUint64(layout.fileId128, node.id);
  return memory.bytes;
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
