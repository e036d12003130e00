import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";

/**
 * The image that a folder of the user's is:
 * - a C: drive, where it has a folder `windows`;
 * - or the DLLs of a System32 as they are, seen at C:\windows\system32.
 *
 * Undefined where it is neither.
 */
export function imageOfDirectory(directory: Layer): Layer | undefined {
  const names = (directory.list("") ?? []).map(({ name }) => name.toLowerCase());
  if (names.includes("windows")) return directory;
  return names.some((name) => name.endsWith(".dll")) ? new MountedLayer("windows\\system32", directory) : undefined;
}
