import { upcase } from "./name.ts";

/** Read-only stacks of files from which a volume starts: an image, a host folder, files that the user gave. */

export interface LayerEntry {
  /** As spelled on the layer. */
  readonly name: string;
  readonly directory: boolean;
  /** In bytes; 0 for directories. */
  readonly size: number;
  /** FILE_ATTRIBUTE_*, without FILE_ATTRIBUTE_DIRECTORY. */
  readonly attributes: number;
  /** 100 ns units since 1601. */
  readonly lastWriteTime: bigint;
  /** SHA-256 in hexadecimal, where it is known without reading. */
  readonly sha256?: string;
}

/** Paths are relative to the volume's root, with backslashes and without one at either end (the root is ""); case does not matter. */
export interface Layer {
  readonly name: string;
  /** The entries of a directory; undefined where the layer has no such directory. */
  list(path: string): readonly LayerEntry[] | undefined;
  /** The contents of a file that `list` has named. Not changed by the caller. Throws ContentPending while they are still to be fetched. */
  read(path: string): Uint8Array;
}

/**
 * Thrown by `Layer.read` or `Layer.list` when the host has to fetch first. The whole machine, virtual time included, stands still at the start of the system
 * call until `arrival` is settled; then the call is made again.
 */
export class ContentPending extends Error {
  override readonly name = "ContentPending";
  readonly arrival: Promise<void>;
  constructor(path: string, arrival: Promise<void>) {
    super(`${path} is being fetched`);
    this.arrival = arrival;
  }
}

export interface StackedEntry {
  readonly entry: LayerEntry;
  readonly location: LayerLocation;
}

/** Where a node came from: the index of a layer in the stack, and the path there. */
export interface LayerLocation {
  readonly layer: number;
  readonly path: string;
}

const CACHE_LIMIT = 128 << 20;

/** The layers of a volume, the uppermost first. Configuration, not state: a restored machine is given its stack again. */
export class LayerStack {
  readonly layers: readonly Layer[];
  /** Contents last read, the most recent last. */
  #cache = new Map<string, Uint8Array>();
  #cachedBytes = 0;

  constructor(layers: readonly Layer[]) {
    this.layers = layers;
  }

  /** What all layers together have in the directory `path`: a name of an upper layer hides that name in those below. */
  list(path: string): readonly StackedEntry[] {
    const seen = new Map<string, StackedEntry>();
    this.layers.forEach((layer, index) => {
      for (const entry of layer.list(path) ?? []) {
        const key = upcase(entry.name);
        if (!seen.has(key)) seen.set(key, { entry, location: { layer: index, path: joinPath(path, entry.name) } });
      }
    });
    return [...seen.values()];
  }

  read(location: LayerLocation): Uint8Array {
    const key = `${location.layer}\0${location.path}`;
    const known = this.#cache.get(key);
    if (known) {
      this.#cache.delete(key);
      this.#cache.set(key, known);
      return known;
    }
    const bytes = this.layers[location.layer].read(location.path);
    this.#cache.set(key, bytes);
    this.#cachedBytes += bytes.length;
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_LIMIT || oldest === key) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= length;
    }
    return bytes;
  }
}

/** Joins a directory's path and a name. */
export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}\\${name}`;
}
