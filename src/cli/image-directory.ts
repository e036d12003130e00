import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { EARLY_FILE, ImageLayer, earlyFiles } from "../../kernel-shim/boot/image.ts";
import type { ImageContent, ImageFile, ImageManifest } from "../../kernel-shim/boot/image.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { imageOfDirectory } from "../sandbox/image-directory.ts";
import { HostDirectory } from "./host-directory.ts";

/** The layer that a directory holds, for `--image DIR`: one built by `npm run image` (it has a manifest.json), or a folder of the user's. */
export function openImageDirectory(directory: string): Layer {
  if (!existsSync(directory)) throw new Error(`there is no image ${directory}`);
  if (existsSync(join(directory, "manifest.json"))) return openBuiltImage(directory);
  const image = imageOfDirectory(new HostDirectory(directory));
  if (image) return image;
  throw new Error(`${directory} is no image: it has neither a manifest.json nor a folder "windows" nor any DLL`);
}

/** An image as `npm run image` leaves it. */
export function openBuiltImage(directory: string): ImageLayer {
  const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as ImageManifest;
  const content = join(directory, manifest.content.file);
  if (statSync(content).size !== manifest.content.size)
    throw new Error(`image ${directory} is damaged: build it again with npm run image`);
  return new ImageLayer(manifest, hostContent(content, join(directory, EARLY_FILE), earlyFiles(manifest)));
}

/** Reads of the file of contents what is wanted, when it is wanted; the early files without inflating them, where a file has them. */
function hostContent(contents: string, early: string, files: readonly ImageFile[]): ImageContent {
  const offsets = new Map<string, number>();
  let size = 0;
  for (const file of files) {
    offsets.set(file.path, size);
    size += file.size;
  }
  const hasEarly = statSync(early, { throwIfNoEntry: false })?.size === size;
  return {
    read({ path, offset, length, size }: ImageFile): Uint8Array {
      const at = hasEarly ? offsets.get(path) : undefined;
      if (at !== undefined) return readPart(early, at, size);
      // One byte more, so that zlib sees the end without asking for a second chunk.
      const bytes = gunzipSync(readPart(contents, offset, length), { chunkSize: Math.max(64, size + 1) });
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
  };
}

function readPart(path: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(path, "r");
  try {
    for (let done = 0; done < length;) {
      const count = readSync(file, bytes, done, length - done, offset + done);
      if (count === 0) throw new Error(`${path} ends before byte ${offset + length}`);
      done += count;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}
