import { DataNode, DirectoryNode } from "../../kernel-shim/io-manager/file-node.ts";
import type { Volume } from "../../kernel-shim/io-manager/volume.ts";

/** The file or directory of a guest path such as `C:\folder\file.txt`, as the run left it. */
export function findFile(volume: Volume, path: string): DirectoryNode | DataNode | undefined {
  let node: DirectoryNode | DataNode = volume.root;
  const names = path.replace(/^[A-Za-z]:/, "").split("\\");
  for (const name of names.filter((part) => part !== "")) {
    if (!(node instanceof DirectoryNode)) return undefined;
    const next: unknown = volume.child(node, name)?.node;
    if (!(next instanceof DirectoryNode || next instanceof DataNode)) return undefined;
    node = next;
  }
  return node;
}
