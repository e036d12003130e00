/**
 * An image's layer as `npm run image` builds it: a manifest and one file of contents, in which every file is a gzip member of its own.
 * So a page fetches it in one request, or a file at a time by range requests, and any web server can host it.
 */
import { gunzipSync } from "fflate";
import { ContentPending } from "../io-manager/layer.ts";
import type { Layer, LayerEntry } from "../io-manager/layer.ts";

export interface ImageManifest {
  readonly format: 1;
  readonly name: string;
  /** What it was made from, such as { name: "libwine", version: "8.0~repack-4" }. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  /** Hash of the builder's sources: an image built by other ones is stale. */
  readonly recipe: string;
  /** The file of contents, beside the manifest; `sha256` names this state of the image. */
  readonly content: { readonly file: string; readonly size: number; readonly sha256: string };
  readonly files: readonly ImageFile[];
}

export interface ImageFile {
  /** From the volume's root, with slashes: "windows/system32/ntdll.dll". */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Last write, in seconds since 1970. */
  readonly modified: number;
  /** Where its gzip member lies in the contents. */
  readonly offset: number;
  readonly length: number;
}

/** Where the files' contents come from. */
export interface ImageContent {
  /** What the file's gzip member inflates to. May throw ContentPending. */
  read(file: ImageFile): Uint8Array;
}

/** Beside the manifest, for hosts that read files themselves: the early files one after the other, as they are. */
export const EARLY_FILE = "early.bin";

const early: ReadonlySet<string> = new Set([
  ...["ntdll", "apisetschema", "kernel32", "kernelbase", "msvcrt", "ucrtbase"].map((name) => `windows/system32/${name}.dll`),
  ...["locale", "l_intl", "c_1252", "c_437", "c_20127", "normnfc"].map((name) => `windows/system32/${name}.nls`),
  "windows/globalization/sorting/sortdefault.nls",
]); // prettier-ignore

/** What nearly every program reads before its first own instruction, in the manifest's order. */
export function earlyFiles({ files }: ImageManifest): readonly ImageFile[] {
  return files.filter(({ path }) => early.has(path));
}

/** The file of contents, at hand. */
export function wholeContent(bytes: Uint8Array): ImageContent {
  return { read: (file) => inflate(bytes.subarray(file.offset, file.offset + file.length), file) };
}

function inflate(member: Uint8Array, { size }: ImageFile): Uint8Array {
  return gunzipSync(member, { out: new Uint8Array(size) });
}

/** Contents that are fetched a file at a time, when they are first read. */
export class FetchedContent implements ImageContent {
  readonly #fetch: (offset: number, length: number) => Promise<Uint8Array>;
  readonly #arrived = new Map<number, Uint8Array>();
  readonly #underWay = new Map<number, Promise<void>>();

  constructor(fetch: (offset: number, length: number) => Promise<Uint8Array>) {
    this.#fetch = fetch;
  }

  read(file: ImageFile): Uint8Array {
    const { offset, length } = file;
    const bytes = this.#arrived.get(offset);
    if (bytes) return inflate(bytes, file);
    let arrival = this.#underWay.get(offset);
    if (!arrival) {
      arrival = this.#fetch(offset, length)
        .then((fetched) => void this.#arrived.set(offset, fetched))
        .finally(() => this.#underWay.delete(offset));
      this.#underWay.set(offset, arrival);
    }
    throw new ContentPending(`${length} bytes of the image`, arrival);
  }
}

export class ImageLayer implements Layer {
  readonly name: string;
  readonly manifest: ImageManifest;
  readonly #content: ImageContent;
  readonly #files = new Map<string, ImageFile>();
  readonly #directories = new Map<string, Map<string, LayerEntry>>([["", new Map()]]);

  constructor(manifest: ImageManifest, content: ImageContent) {
    checkManifest(manifest);
    this.name = manifest.name;
    this.manifest = manifest;
    this.#content = content;
    for (const file of manifest.files) {
      const path = file.path.replaceAll("/", "\\");
      const { directory, name } = split(path);
      const { size, sha256 } = file;
      const lastWriteTime = fileTime(file.modified);
      const entry: LayerEntry = {
        name,
        directory: false,
        size,
        attributes: FILE_ATTRIBUTE_ARCHIVE,
        lastWriteTime,
        sha256,
      };
      this.#files.set(key(path), file);
      this.#directory(directory, lastWriteTime).set(key(name), entry);
    }
  }

  list(path: string): readonly LayerEntry[] | undefined {
    const directory = this.#directories.get(key(path));
    return directory && [...directory.values()];
  }

  read(path: string): Uint8Array {
    const file = this.#files.get(key(path));
    if (!file) throw new Error(`image ${this.name} has no file ${path}`);
    const bytes = this.#content.read(file);
    if (bytes.length !== file.size)
      throw new Error(`image ${this.name} is damaged: ${path} has ${bytes.length} bytes instead of ${file.size}`);
    return bytes;
  }

  #directory(path: string, lastWriteTime: bigint): Map<string, LayerEntry> {
    let entries = this.#directories.get(key(path));
    if (!entries) {
      this.#directories.set(key(path), (entries = new Map()));
      const { directory, name } = split(path);
      this.#directory(directory, lastWriteTime).set(key(name), {
        name,
        directory: true,
        size: 0,
        attributes: 0,
        lastWriteTime,
      });
    }
    return entries;
  }
}

/** Says what is wrong with a manifest from outside, before anything relies on it. */
function checkManifest(manifest: ImageManifest): void {
  if (manifest.format !== 1)
    throw new Error("this image was built for another version of Ring 3: build it again with npm run image");
  for (const { path, size, offset, length } of manifest.files) {
    const inside =
      [size, offset, length].every((n) => Number.isSafeInteger(n) && n >= 0) &&
      offset + length <= manifest.content.size;
    const plain = path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\\"));
    if (!inside || !plain || size > MAXIMUM_FILE_SIZE)
      throw new Error(`image ${manifest.name}: the manifest's entry for ${path} is damaged`);
  }
}

const FILE_ATTRIBUTE_ARCHIVE = 0x20;
const MAXIMUM_FILE_SIZE = 1 << 30;

/** Seconds since 1970 in Windows' 100 ns units since 1601. */
function fileTime(seconds: number): bigint {
  return (BigInt(Math.trunc(seconds)) + 11_644_473_600n) * 10_000_000n;
}

/** An image's own names are plain ASCII. */
function key(path: string): string {
  return path.toUpperCase();
}

function split(path: string): { directory: string; name: string } {
  const at = path.lastIndexOf("\\");
  return at < 0 ? { directory: "", name: path } : { directory: path.slice(0, at), name: path.slice(at + 1) };
}
