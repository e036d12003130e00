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
  /** The contents of a file that `list` has named; the same at every call, and not changed by the caller. Throws ContentPending while they are still to be fetched. */
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

/** Contents last read of a layer. All stacks over the layer have it in common, so that a second run does not fetch or inflate again. */
class ContentCache {
  /** The most recent last. */
  readonly #contents = new Map<string, Uint8Array>();
  #bytes = 0;
  /** Whoever reads a file asks for it many times in a row. */
  #last = { path: "", contents: undefined as Uint8Array | undefined };

  get(path: string): Uint8Array | undefined {
    if (path === this.#last.path) return this.#last.contents;
    const contents = this.#contents.get(path);
    if (!contents) return undefined;
    this.#contents.delete(path);
    this.#contents.set(path, contents);
    this.#last = { path, contents };
    return contents;
  }
  add(path: string, contents: Uint8Array): void {
    this.#contents.set(path, contents);
    this.#last = { path, contents };
    this.#bytes += contents.length;
    for (const [oldest, { length }] of this.#contents) {
      if (this.#bytes <= CACHE_LIMIT || oldest === path) break;
      this.#contents.delete(oldest);
      this.#bytes -= length;
    }
  }
}

const caches = new WeakMap<Layer, ContentCache>();

function cacheOf(layer: Layer): ContentCache {
  let cache = caches.get(layer);
  if (!cache) caches.set(layer, (cache = new ContentCache()));
  return cache;
}

/** The layers of a volume, the uppermost first. Configuration, not state: a restored machine is given its stack again. */
export class LayerStack {
  readonly layers: readonly Layer[];

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

  read({ layer: index, path }: LayerLocation): Uint8Array {
    const layer = this.layers[index];
    const cache = cacheOf(layer);
    const known = cache.get(path);
    if (known) return known;
    const contents = layer.read(path);
    cache.add(path, contents);
    return contents;
  }
}

/** Joins a directory's path and a name. */
export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}\\${name}`;
}
