import { readFileSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import type { Layer, LayerEntry } from "../../kernel-shim/io-manager/layer.ts";

/**
 * A folder of the host, read when it is asked for. Nothing outside of it can be reached: links that lead out are not there.
 * Names that differ in case only are one name to the guest; the first of them is seen.
 */
export class HostDirectory implements Layer {
  readonly name: string;
  readonly #root: string;
  /** Host paths of the directories that were listed, by guest path in capitals. */
  readonly #listed = new Map<string, { entries: LayerEntry[]; paths: Map<string, string> } | undefined>();

  constructor(directory: string) {
    this.name = directory;
    this.#root = realpathSync(resolve(directory));
    if (!statSync(this.#root).isDirectory()) throw new Error(`${directory} is not a directory`);
  }

  list(path: string): readonly LayerEntry[] | undefined {
    return this.#directory(path)?.entries;
  }

  read(path: string): Uint8Array {
    const found = this.#hostPath(path);
    if (found === undefined) throw new Error(`${this.name} has no file ${path}`);
    return readFileSync(found);
  }

  #hostPath(path: string): string | undefined {
    if (path === "") return this.#root;
    const at = path.lastIndexOf("\\");
    return this.#directory(path.slice(0, Math.max(at, 0)))?.paths.get(path.slice(at + 1).toUpperCase());
  }

  /** Each directory is listed once, so that a run sees the folder as it was. */
  #directory(path: string) {
    const key = path.toUpperCase();
    if (!this.#listed.has(key)) this.#listed.set(key, this.#scan(this.#hostPath(path)));
    return this.#listed.get(key);
  }

  #scan(directory: string | undefined) {
    if (directory === undefined || !statSync(directory).isDirectory()) return undefined;
    const entries: LayerEntry[] = [];
    const paths = new Map<string, string>();
    for (const name of readdirSync(directory).sort()) {
      const file = this.#inside(join(directory, name));
      if (file === undefined || /[\\:*?"<>|]/.test(name) || paths.has(name.toUpperCase())) continue;
      const { size, mtimeMs } = statSync(file);
      const isDirectory = statSync(file).isDirectory();
      paths.set(name.toUpperCase(), file);
      entries.push({
        name,
        directory: isDirectory,
        size: isDirectory ? 0 : size,
        attributes: isDirectory ? 0 : FILE_ATTRIBUTE_ARCHIVE,
        lastWriteTime: (BigInt(Math.trunc(mtimeMs)) + MILLISECONDS_1601_TO_1970) * 10_000n,
      });
    }
    return { entries, paths };
  }

  /** Where a name really leads, if that is a file or directory of this folder. */
  #inside(path: string): string | undefined {
    try {
      const real = realpathSync(path);
      const stats = statSync(real);
      const reachable = real.startsWith(this.#root === sep ? sep : this.#root + sep);
      return reachable && (stats.isFile() || stats.isDirectory()) ? real : undefined;
    } catch {
      return undefined; // A link that leads nowhere, or a file that may not be looked at.
    }
  }
}

const FILE_ATTRIBUTE_ARCHIVE = 0x20;
const MILLISECONDS_1601_TO_1970 = 11_644_473_600_000n;
