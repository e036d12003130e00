import { stateClass } from "../executive/state.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { FILE_ATTRIBUTE, FILE_ACTION, FILE_NOTIFY_CHANGE } from "../abi/file.ts";
import { DataNode, DirectoryNode, type FileNode, Link } from "./file-node.ts";
import { joinPath, type LayerStack } from "./layer.ts";
import { isLegalComponent, MAXIMUM_COMPONENT_LENGTH, upcase } from "./name.ts";
import type { DirectoryWatch } from "./directory-watch.ts";

export interface VolumeLimits {
  /** Bytes that the run may write and keep. */
  readonly bytes: number;
  /** Files and directories that the run may create. */
  readonly files: number;
}

const DEFAULT_LIMITS: VolumeLimits = { bytes: 4 * 2 ** 30, files: 100_000 };

/**
 * A file system: a tree that begins as the union of read-only layers and is changed in the scratch layer above them. Directories are read from the layers
 * when somebody first looks into them; from then on the tree alone is the truth, so a deleted name needs no mark. What a run changed
 * follows from comparing the two (change-set.ts).
 */
export class Volume {
  readonly root: DirectoryNode;
  readonly rootLink: Link;
  label = "";
  serialNumber: number;
  creationTime: bigint;
  limits: VolumeLimits;
  /** What was refused because of them. */
  readonly limitsReached = new Set<keyof VolumeLimits>();
  usedBytes = 0;
  createdFiles = 0;
  nextId = 5n; // NTFS's root directory is file 5
  watches: DirectoryWatch[] = [];
  /** External: given again on restore. */
  layers: LayerStack;

  constructor(layers: LayerStack, time: bigint, serialNumber: number, limits: VolumeLimits = DEFAULT_LIMITS) {
    this.layers = layers;
    this.limits = limits;
    this.serialNumber = serialNumber;
    this.creationTime = time;
    this.root = new DirectoryNode(
      this.nextId++,
      FILE_ATTRIBUTE.DIRECTORY | FILE_ATTRIBUTE.HIDDEN | FILE_ATTRIBUTE.SYSTEM,
      time,
    );
    this.root.origin = { layer: 0, path: "" };
    this.rootLink = new Link("", null, this.root);
    this.root.links.push(this.rootLink);
  }

  /** The entries of a directory by upper-case name. */
  childrenOf(directory: DirectoryNode): Map<string, Link> {
    if (directory.children) return directory.children;
    const children = new Map<string, Link>();
    for (const { entry, location } of directory.origin ? this.layers.list(directory.origin.path) : []) {
      const time = entry.lastWriteTime || this.creationTime;
      const node = entry.directory
        ? new DirectoryNode(this.nextId++, entry.attributes | FILE_ATTRIBUTE.DIRECTORY, time)
        : new DataNode(this.nextId++, entry.attributes || FILE_ATTRIBUTE.NORMAL, time);
      node.origin = location;
      if (node instanceof DataNode) {
        node.content.base = location;
        node.content.size = node.content.baseSize = entry.size;
      }
      const link = new Link(entry.name, directory, node);
      node.links.push(link);
      children.set(upcase(entry.name), link);
    }
    directory.children = children;
    return children;
  }

  /** Upper-case names in the order in which NTFS keeps them. */
  orderOf(directory: DirectoryNode): readonly string[] {
    return (directory.order ??= [...this.childrenOf(directory).keys()].sort());
  }

  child(directory: DirectoryNode, name: string): Link | undefined {
    return this.childrenOf(directory).get(upcase(name));
  }

  /**
   * Follows `components` from `start`. The last one need not exist: then `link` is undefined and `parent` the directory where it would be.
   */
  lookup(
    start: Link,
    components: readonly string[],
  ): { parent: DirectoryNode | null; link: Link | undefined } | NtStatus {
    let link: Link | undefined = start;
    let parent: DirectoryNode | null = start.parent;
    for (const name of components) {
      // A file in the middle is no directory to look into; NTFS says the path is not there.
      if (!link || !(link.node instanceof DirectoryNode)) return ntstatus.STATUS_OBJECT_PATH_NOT_FOUND;
      if (name.length > MAXIMUM_COMPONENT_LENGTH || !isLegalComponent(name)) return ntstatus.STATUS_OBJECT_NAME_INVALID;
      parent = link.node;
      link = this.child(parent, name);
    }
    return { parent, link };
  }

  create(parent: DirectoryNode, name: string, attributes: number, time: bigint): Link | NtStatus {
    if (this.createdFiles >= this.limits.files) return this.refuse("files");
    this.createdFiles++;
    const node =
      attributes & FILE_ATTRIBUTE.DIRECTORY
        ? new DirectoryNode(this.nextId++, attributes, time)
        : new DataNode(this.nextId++, attributes, time);
    if (node instanceof DirectoryNode) node.children = new Map();
    node.touched = true;
    const link = this.attach(parent, name, node, time);
    this.report(link, FILE_ACTION.ADDED, nameFilter(node));
    return link;
  }

  /** Another name for a file. */
  addLink(parent: DirectoryNode, name: string, node: FileNode, time: bigint): Link {
    const link = this.attach(parent, name, node, time);
    node.changeTime = time;
    this.report(link, FILE_ACTION.ADDED, nameFilter(node));
    return link;
  }

  /** Takes the name away; the node lives on under its other names and in its file objects. */
  remove(link: Link, time: bigint): void {
    if (link.removed || !link.parent) return;
    this.report(link, FILE_ACTION.REMOVED, nameFilter(link.node));
    this.detach(link, time);
    link.node.links = link.node.links.filter((other) => other !== link);
    link.removed = true;
    if (link.node.links.length === 0) this.releaseIfUnused(link.node);
  }

  /** Gives the space of a node without names back once nobody has it open. */
  releaseIfUnused(node: FileNode): void {
    if (node.links.length > 0 || node.shareAccess.openCount > 0 || !(node instanceof DataNode)) return;
    if (node.dataSections > 0 || node.imageSections > 0) return;
    this.usedBytes -= node.content.scratchBytes;
    node.content.clear();
  }

  /** Moves a name; whatever has the new name must be gone. */
  rename(link: Link, parent: DirectoryNode, name: string, time: bigint): void {
    const sameDirectory = parent === link.parent;
    this.report(link, sameDirectory ? FILE_ACTION.RENAMED_OLD_NAME : FILE_ACTION.REMOVED, nameFilter(link.node));
    this.detach(link, time);
    link.name = name;
    link.parent = parent;
    this.insert(parent, link, time);
    link.node.changeTime = time;
    this.report(link, sameDirectory ? FILE_ACTION.RENAMED_NEW_NAME : FILE_ACTION.ADDED, nameFilter(link.node));
  }

  /** What NTFS does to a file that is opened to be overwritten or superseded: it is empty and has the attributes of the open. */
  overwrite(node: DataNode, attributes: number, time: bigint): void {
    this.usedBytes -= node.content.scratchBytes;
    node.content.clear();
    this.usedBytes += node.content.scratchBytes;
    node.attributes = attributes;
    node.lastWriteTime = node.changeTime = time;
    node.touched = true;
    const { ATTRIBUTES, SIZE, LAST_WRITE } = FILE_NOTIFY_CHANGE;
    this.reportNode(node, ATTRIBUTES | SIZE | LAST_WRITE);
  }

  /** The name of a node that somebody has seen. */
  findById(id: bigint): Link | undefined {
    const pending: Link[] = [this.rootLink];
    for (let link = pending.pop(); link; link = pending.pop()) {
      if (link.node.id === id) return link;
      if (link.node instanceof DirectoryNode && link.node.children) pending.push(...link.node.children.values());
    }
    return undefined;
  }

  /** As they are now; not to be changed by the caller. */
  readContent(node: DataNode, offset: number, length: number): Uint8Array {
    return node.content.view(this.layers, offset, length);
  }

  write(node: DataNode, offset: number, bytes: Uint8Array): NtStatus {
    if (bytes.length === 0) return ntstatus.STATUS_SUCCESS;
    const before = node.content.scratchBytes;
    if (this.usedBytes + node.content.growthOfWrite(offset, bytes.length) > this.limits.bytes)
      return this.refuse("bytes");
    const sizeBefore = node.content.size;
    node.content.write(this.layers, offset, bytes);
    this.usedBytes += node.content.scratchBytes - before;
    node.touched = true;
    this.reportNode(
      node,
      FILE_NOTIFY_CHANGE.LAST_WRITE | (node.content.size !== sizeBefore ? FILE_NOTIFY_CHANGE.SIZE : 0),
    );
    return ntstatus.STATUS_SUCCESS;
  }

  setSize(node: DataNode, size: number): NtStatus {
    const { content } = node;
    if (size === content.size) return ntstatus.STATUS_SUCCESS;
    // Growth is a promise of space, though zeros that nobody wrote take none.
    if (size > content.size && this.usedBytes + (size - content.size) > this.limits.bytes) return this.refuse("bytes");
    const before = content.scratchBytes;
    content.setSize(size);
    this.usedBytes += content.scratchBytes - before;
    node.touched = true;
    this.reportNode(node, FILE_NOTIFY_CHANGE.SIZE | FILE_NOTIFY_CHANGE.LAST_WRITE);
    return ntstatus.STATUS_SUCCESS;
  }

  /** The status of what would go beyond a limit. */
  refuse(limit: keyof VolumeLimits): NtStatus {
    this.limitsReached.add(limit);
    return ntstatus.STATUS_DISK_FULL;
  }

  get freeBytes(): number {
    return Math.max(0, this.limits.bytes - this.usedBytes);
  }

  /** Tells the watches of directories above `link` what happened. */
  report(link: Link, action: number, filter: number): void {
    if (this.watches.length === 0) return;
    let relative = link.name;
    for (let directory = link.parent, depth = 0; directory; depth++) {
      for (const watch of this.watches) {
        if (watch.directory === directory && watch.filter & filter && (depth === 0 || watch.subtree))
          watch.add(action, relative);
      }
      const above: Link | undefined = directory.links[0];
      if (!above?.parent) break;
      relative = joinPath(above.name, relative);
      directory = above.parent;
    }
  }

  /** The directory is being deleted: whoever watches it is told so. */
  endWatches(directory: DirectoryNode): void {
    for (const watch of this.watches) if (watch.directory === directory) watch.directoryDeleted = true;
  }

  reportNode(node: FileNode, filter: number): void {
    if (this.watches.length === 0) return;
    for (const link of node.links) this.report(link, FILE_ACTION.MODIFIED, filter);
  }

  private attach(parent: DirectoryNode, name: string, node: FileNode, time: bigint): Link {
    const link = new Link(name, parent, node);
    node.links.push(link);
    this.insert(parent, link, time);
    return link;
  }

  private insert(parent: DirectoryNode, link: Link, time: bigint): void {
    this.childrenOf(parent).set(upcase(link.name), link);
    changed(parent, time);
  }

  private detach(link: Link, time: bigint): void {
    if (!link.parent) return;
    this.childrenOf(link.parent).delete(upcase(link.name));
    changed(link.parent, time);
  }
}

function changed(directory: DirectoryNode, time: bigint): void {
  directory.order = null;
  directory.lastWriteTime = directory.changeTime = time;
}

function nameFilter(node: FileNode): number {
  return node.isDirectory ? FILE_NOTIFY_CHANGE.DIR_NAME : FILE_NOTIFY_CHANGE.FILE_NAME;
}

stateClass("Volume", Volume);
