import { stateClass } from "../executive/state.ts";
import { FileContent } from "./file-content.ts";
import type { LayerLocation } from "./layer.ts";
import type { ByteRangeLock } from "./byte-range-locks.ts";
import type { VolumeFile } from "./volume-file.ts";
import { ShareAccess } from "./share-access.ts";

/** What stands on a volume under one or more names: a file or a directory. */
export class FileNode {
  /** FileInternalInformation.IndexNumber. */
  readonly id: bigint;
  /** FILE_ATTRIBUTE_*, with FILE_ATTRIBUTE_DIRECTORY where it is one. */
  attributes: number;
  /** 100 ns units since 1601, like all times here. */
  creationTime: bigint;
  lastAccessTime: bigint;
  lastWriteTime: bigint;
  changeTime: bigint;
  /** The names of this node. */
  links: Link[] = [];
  /** Where the node was before the run; null for what the run created. */
  origin: LayerLocation | null = null;
  /** Whether anything but the name was changed since. */
  touched = false;
  shareAccess = new ShareAccess();
  locks: ByteRangeLock[] = [];
  /** File objects with requests that wait for a lock, each once a request. */
  lockWaiters: VolumeFile[] = [];
  /** Sections over this file: a writable or readable view forbids truncation, an image section forbids deletion and writing. */
  dataSections = 0;
  imageSections = 0;
  /** Security descriptor, self-relative; null until one is set. */
  securityDescriptor: Uint8Array | null = null;
  /** REPARSE_DATA_BUFFER; null unless the node is a reparse point. */
  reparseData: Uint8Array | null = null;
  /** The object identifier that FSCTL_CREATE_OR_GET_OBJECT_ID gave it. */
  objectId: Uint8Array | null = null;

  constructor(id: bigint, attributes: number, time: bigint) {
    this.id = id;
    this.attributes = attributes;
    this.creationTime = this.lastAccessTime = this.lastWriteTime = this.changeTime = time;
  }

  get isDirectory(): boolean {
    return false;
  }
}

export class DataNode extends FileNode {
  content = new FileContent();
}

export class DirectoryNode extends FileNode {
  /** Upper-case name → link. Null while nobody has looked and the layers alone know. */
  children: Map<string, Link> | null = null;
  /** The keys of `children` in NTFS's order; null when it has to be made anew. */
  order: string[] | null = null;

  override get isDirectory(): boolean {
    return true;
  }
}

/** A name of a node in a directory. The root has a link without a directory. */
export class Link {
  name: string;
  parent: DirectoryNode | null;
  readonly node: FileNode;
  /** Open file objects that were opened through this name. */
  opens = 0;
  /** The name vanishes when the last of them is closed; until then nobody opens it. */
  deletePending = false;
  /** The name is gone from its directory; file objects may still use the node. */
  removed = false;

  constructor(name: string, parent: DirectoryNode | null, node: FileNode) {
    this.name = name;
    this.parent = parent;
    this.node = node;
  }

  /** From the volume's root: `\Windows\win.ini`, `\` for the root. */
  get path(): string {
    if (this.parent === null) return "\\";
    const above = this.parent.links[0]?.path ?? "\\";
    return above === "\\" ? `\\${this.name}` : `${above}\\${this.name}`;
  }
}

stateClass("DataNode", DataNode);
stateClass("DirectoryNode", DirectoryNode);
stateClass("Link", Link);
