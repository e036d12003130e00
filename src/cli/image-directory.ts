import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ImageLayer, wholeContent } from "../../kernel-shim/boot/image.ts";
import type { ImageManifest } from "../../kernel-shim/boot/image.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { HostDirectory } from "./host-directory.ts";

/**
 * The layer that a directory holds, for `--image DIR`:
 * - one built by `npm run image` (it has a manifest.json);
 * - a C: drive (it has a folder `windows`);
 * - or the DLLs of a System32 as they are, seen at C:\windows\system32.
 */
export function openImageDirectory(directory: string): Layer {
  if (!existsSync(directory)) throw new Error(`there is no image ${directory}`);
  if (existsSync(join(directory, "manifest.json"))) return openBuiltImage(directory);
  const names = readdirSync(directory).map((name) => name.toLowerCase());
  const host = new HostDirectory(directory);
  if (names.includes("windows")) return host;
  if (names.some((name) => name.endsWith(".dll"))) return new MountedLayer("windows\\system32", host);
  throw new Error(`${directory} is no image: it has neither a manifest.json nor a folder "windows" nor any DLL`);
}

/** An image as `npm run image` leaves it. */
export function openBuiltImage(directory: string): ImageLayer {
  const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as ImageManifest;
  const content = readFileSync(join(directory, manifest.content.file));
  if (content.length !== manifest.content.size)
    throw new Error(`image ${directory} is damaged: build it again with npm run image`);
  return new ImageLayer(manifest, wholeContent(content));
}
