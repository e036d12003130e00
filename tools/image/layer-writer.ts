import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { EARLY_FILE, earlyFiles, type ImageFile, type ImageManifest } from "../../kernel-shim/boot/image.ts";

const CONTENT_FILE = "content.bin";

/** Collects an image's files and writes its directory: manifest, contents, licences. The same files give the same bytes. */
export class LayerWriter {
  readonly #files = new Map<string, { bytes: Uint8Array; modified: number }>();
  readonly #texts = new Map<string, Uint8Array>();

  /** `path` from the volume's root, with slashes; `modified` in seconds since 1970. */
  add(path: string, bytes: Uint8Array, modified: number): void {
    if (this.#files.has(path)) throw new Error(`${path} is twice in the image`);
    this.#files.set(path, { bytes, modified });
  }

  /** A text that lies beside the contents, such as a licence. */
  addText(name: string, bytes: Uint8Array): void {
    this.#texts.set(name, bytes);
  }

  /** Replaces the directory as a whole, so that an interrupted build leaves the old image or none. */
  write(directory: string, identity: Pick<ImageManifest, "name" | "packages" | "recipe">): ImageManifest {
    let offset = 0;
    const members: Uint8Array[] = [];
    const files: ImageFile[] = [];
    for (const [path, { bytes, modified }] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const member = gzipSync(bytes, { level: 9 });
      member[9] = 255; // The header's operating system: unknown, wherever this was built.
      members.push(member);
      files.push({ path, size: bytes.length, sha256: sha256(bytes), modified, offset, length: member.length });
      offset += member.length;
    }
    const content = Buffer.concat(members);
    const manifest: ImageManifest = {
      format: 1,
      ...identity,
      content: { file: CONTENT_FILE, size: content.length, sha256: sha256(content) },
      files,
    };
    const temporary = `${directory}.new`;
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
    writeFileSync(join(temporary, CONTENT_FILE), content);
    const early = earlyFiles(manifest).map(({ path }) => this.#files.get(path)!.bytes);
    writeFileSync(join(temporary, EARLY_FILE), Buffer.concat(early));
    for (const [name, bytes] of this.#texts) writeFileSync(join(temporary, name), bytes);
    writeFileSync(join(temporary, "manifest.json"), `${JSON.stringify(manifest, undefined, 1)}\n`);
    rmSync(directory, { recursive: true, force: true });
    renameSync(temporary, directory);
    return manifest;
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
