import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { imageOfDirectory } from "../sandbox/image-directory.ts";
import type { ImageFolder } from "./interface.ts";

/** The layer of a folder that the user chose. Throws where it is no image. */
export function folderImage({ name, files }: ImageFolder): Layer {
  const directory = new MemoryLayer(
    "folder",
    files.map(({ path, file }) => [
      path.replaceAll("/", "\\"),
      { length: file.size, read: () => new Uint8Array(new FileReaderSync().readAsArrayBuffer(file)) },
    ]),
  );
  const image = imageOfDirectory(directory);
  if (!image)
    throw new Error(
      `The folder ${name} is no image: there is no DLL in it, and no folder “windows”. Choose a copy of C:\\Windows\\System32.`,
    );
  return image;
}
