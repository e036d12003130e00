import { DataNode, DirectoryNode } from "../../kernel-shim/io-manager/file-node.ts";
import { findFile } from "../sandbox/find-file.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { DirectoryEntry, FileChange } from "./interface.ts";

/** The run's changes as the page shows them: a renamed file is a deleted and a created one. */
export function fileChanges(sandbox: Sandbox): FileChange[] {
  return sandbox.changes().flatMap(({ path, change, size, directory, from }): FileChange[] => {
    if (change !== "renamed") return [{ path, change: change === "changed" ? "modified" : change, size, directory }];
    const created: FileChange = { path, change: "created", size, directory };
    return from === undefined ? [created] : [created, { path: from, change: "deleted", size: 0, directory }];
  });
}

export function listDirectory(sandbox: Sandbox, path: string): DirectoryEntry[] {
  const directory = findFile(sandbox.volume, path);
  if (!(directory instanceof DirectoryNode)) throw new Error(`There is no folder ${path}.`);
  const prefix = `${path.replace(/\\+$/, "")}\\`.toUpperCase();
  const below = fileChanges(sandbox).filter((change) => change.path.toUpperCase().startsWith(prefix));
  const changeOf = (name: string): DirectoryEntry["change"] => {
    const whole = prefix + name.toUpperCase();
    const own = below.find((change) => change.path.toUpperCase() === whole);
    return own?.change ?? (below.some((change) => change.path.toUpperCase().startsWith(`${whole}\\`)) ? "contains" : undefined); // prettier-ignore
  };
  const entries: DirectoryEntry[] = [...sandbox.volume.childrenOf(directory).values()].map(({ name, node }) => ({
    name,
    directory: node.isDirectory,
    size: node instanceof DataNode ? node.content.size : 0,
    change: changeOf(name),
  }));
  const present = new Set(entries.map(({ name }) => name.toUpperCase()));
  for (const change of below) {
    const name = change.path.slice(prefix.length);
    if (change.change !== "deleted" || name.includes("\\") || present.has(name.toUpperCase())) continue;
    entries.push({ name, directory: change.directory, size: 0, change: "deleted" });
  }
  return entries;
}

export function readFile(sandbox: Sandbox, path: string): Uint8Array {
  const node = findFile(sandbox.volume, path);
  if (!(node instanceof DataNode)) throw new Error(`There is no file ${path}.`);
  return node.content.readAll(sandbox.volume.layers).slice();
}
