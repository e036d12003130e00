import { DataNode, DirectoryNode, type Link } from "./file-node.ts";
import { joinPath } from "./layer.ts";
import { upcase } from "./name.ts";
import type { Volume } from "./volume.ts";

export type FileChange = "created" | "changed" | "deleted" | "renamed";

export interface ChangedFile {
  /** With the drive: `C:\testfile.txt`. */
  readonly path: string;
  readonly change: FileChange;
  readonly directory: boolean;
  /** Where a renamed file was before the run. */
  readonly from?: string;
  /** Whether a renamed file's contents were changed as well. */
  readonly contentChanged: boolean;
  /** In bytes; 0 for directories and deleted files. */
  readonly size: number;
  /** The contents; undefined for directories and deleted files. Copied when called. */
  readonly read?: () => Uint8Array;
}

/** How the volume differs from its layers, ordered by path. Nothing is recorded for it: it follows from the two trees. */
export function changeSet(volume: Volume, drive = "C:"): ChangedFile[] {
  const changes: ChangedFile[] = [];
  /** Upper-case paths on the layers whose nodes are still on the volume, at whatever place. */
  const survivors = new Set<string>();
  /** Paths on the layers of the directories that were looked into: only there can something be missing. */
  const visited: string[] = [];

  /** Upper-case paths at which something stands now. */
  const occupied = new Set<string>();

  visit(volume.root, "");
  for (const path of visited) collectReplaced(path);
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));

  function visit(directory: DirectoryNode, path: string): void {
    const origin = directory.origin?.path;
    if (!directory.children && origin === path) return;
    if (origin !== undefined && directory.children) visited.push(origin);
    for (const link of volume.childrenOf(directory).values()) {
      const at = joinPath(path, link.name);
      occupied.add(upcase(at));
      const change = classify(link, at);
      if (change) changes.push(change);
      if (link.node instanceof DirectoryNode) visit(link.node, at);
    }
  }

  function classify(link: Link, at: string): ChangedFile | undefined {
    const { node } = link;
    const origin = node.origin?.path;
    if (origin !== undefined) survivors.add(upcase(origin));
    const contentChanged = node instanceof DataNode && node.content.isWritten;
    let change: FileChange | undefined;
    if (origin === undefined || (origin !== at && isAlsoAt(link, origin))) change = "created";
    else if (origin !== at) change = "renamed";
    else if (contentChanged) change = "changed";
    if (!change) return undefined;
    return {
      path: `${drive}\\${at}`,
      change,
      directory: node.isDirectory,
      ...(change === "renamed" ? { from: `${drive}\\${origin}` } : {}),
      contentChanged,
      size: node instanceof DataNode ? node.content.size : 0,
      ...(node instanceof DataNode ? { read: () => node.content.readAll(volume.layers) } : {}),
    };
  }

  /** Finds what the layers have in a directory and the volume has no more, or has anew under the same name. */
  function collectReplaced(directory: string): void {
    for (const { entry, location } of volume.layers.list(directory)) {
      const key = upcase(location.path);
      if (survivors.has(key)) continue;
      if (entry.directory) collectReplaced(location.path);
      if (!occupied.has(key)) {
        const path = `${drive}\\${location.path}`;
        changes.push({ path, change: "deleted", directory: entry.directory, contentChanged: false, size: 0 });
      } else if (!entry.directory) {
        const at = changes.findIndex(
          (one) =>
            one.change === "created" && !one.directory && upcase(one.path) === upcase(`${drive}\\${location.path}`),
        );
        if (at >= 0) changes[at] = { ...changes[at], change: "changed", contentChanged: true };
      }
    }
  }
}

/** Whether another hard link of the node is still where the node was before the run; then this name is new. */
function isAlsoAt(link: Link, origin: string): boolean {
  return link.node.links.some((other) => other !== link && upcase(other.path.slice(1)) === upcase(origin));
}
