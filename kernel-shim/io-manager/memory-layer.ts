import type { Layer, LayerEntry } from "./layer.ts";
import { upcase } from "./name.ts";

const FILE_ATTRIBUTE_ARCHIVE = 0x20;

/** Contents that are fetched when they are wanted. */
export interface DeferredContents {
  readonly length: number;
  read(): Uint8Array;
}

interface MemoryDirectory {
  readonly entries: Map<string, LayerEntry>;
}

/** A layer of files that are at hand: what the user dropped or a test made up. */
export class MemoryLayer implements Layer {
  readonly name: string;
  #directories = new Map<string, MemoryDirectory>([["", { entries: new Map() }]]);
  #contents = new Map<string, Uint8Array | DeferredContents>();

  constructor(
    name: string,
    files: Iterable<readonly [path: string, contents: Uint8Array | DeferredContents]> = [],
    lastWriteTime = 0n,
  ) {
    this.name = name;
    for (const [path, contents] of files) this.addFile(path, contents, lastWriteTime);
  }

  addFile(
    path: string,
    contents: Uint8Array | DeferredContents,
    lastWriteTime = 0n,
    attributes = FILE_ATTRIBUTE_ARCHIVE,
  ): void {
    const { directory, name } = split(path);
    const entry: LayerEntry = { name, directory: false, size: contents.length, attributes, lastWriteTime };
    this.#directory(directory, lastWriteTime).entries.set(upcase(name), entry);
    this.#contents.set(upcase(path), contents);
  }

  addDirectory(path: string, lastWriteTime = 0n): void {
    this.#directory(path, lastWriteTime);
  }

  list(path: string): readonly LayerEntry[] | undefined {
    const directory = this.#directories.get(upcase(path));
    return directory && [...directory.entries.values()];
  }

  read(path: string): Uint8Array {
    const contents = this.#contents.get(upcase(path));
    if (!contents) throw new Error(`layer ${this.name} has no file ${path}`);
    return contents instanceof Uint8Array ? contents : contents.read();
  }

  #directory(path: string, lastWriteTime: bigint): MemoryDirectory {
    const key = upcase(path);
    let found = this.#directories.get(key);
    if (!found) {
      this.#directories.set(key, (found = { entries: new Map() }));
      const { directory, name } = split(path);
      const entry: LayerEntry = { name, directory: true, size: 0, attributes: 0, lastWriteTime };
      this.#directory(directory, lastWriteTime).entries.set(upcase(name), entry);
    }
    return found;
  }
}

/** A layer seen at a folder: `list("tools\\bin")` of a layer mounted at `tools` asks the layer for `bin`. */
export class MountedLayer implements Layer {
  readonly name: string;
  readonly #at: readonly string[];
  readonly #layer: Layer;

  constructor(at: string, layer: Layer) {
    this.name = layer.name;
    this.#at = at.split("\\").filter((part) => part !== "");
    this.#layer = layer;
  }

  list(path: string): readonly LayerEntry[] | undefined {
    const inside = this.#inside(path);
    if (inside !== undefined) return this.#layer.list(inside);
    const parts = path === "" ? [] : path.split("\\");
    if (!parts.every((part, i) => upcase(part) === upcase(this.#at[i]))) return undefined;
    return [{ name: this.#at[parts.length], directory: true, size: 0, attributes: 0, lastWriteTime: 0n }];
  }

  read(path: string): Uint8Array {
    const inside = this.#inside(path);
    if (inside === undefined) throw new Error(`layer ${this.name} has no file ${path}`);
    return this.#layer.read(inside);
  }

  #inside(path: string): string | undefined {
    const parts = path === "" ? [] : path.split("\\");
    if (parts.length < this.#at.length) return undefined;
    if (!this.#at.every((part, i) => upcase(part) === upcase(parts[i]))) return undefined;
    return parts.slice(this.#at.length).join("\\");
  }
}

function split(path: string): { directory: string; name: string } {
  const at = path.lastIndexOf("\\");
  return at < 0 ? { directory: "", name: path } : { directory: path.slice(0, at), name: path.slice(at + 1) };
}
