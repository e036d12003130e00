import { SvelteMap, SvelteSet } from "svelte/reactivity";
import type { DirectoryEntry, FileChange } from "../../worker/interface.ts";
import { sentence } from "../format.ts";
import type { Connection } from "../session/connection.svelte.ts";

export interface TreeRow {
  readonly path: string;
  readonly entry: DirectoryEntry;
  readonly level: number;
  readonly expanded: boolean;
}

export interface OpenFile {
  readonly path: string;
  readonly bytes: Uint8Array | undefined;
  /** Why there are no bytes. */
  readonly failure: string | undefined;
}

export const root = "C:\\";

/** The guest's drive C:, listed folder by folder when somebody looks, and the file that is open. */
export class FileTree {
  changes = $state.raw<readonly FileChange[]>([]);
  onlyChanges = $state(false);
  selected = $state<string | undefined>();
  open = $state.raw<OpenFile | undefined>();
  /** Counts automatic openings, so that the page can show the file's arrival. */
  arrivals = $state(0);
  readonly #listings = new SvelteMap<string, readonly DirectoryEntry[]>();
  readonly #expanded = new SvelteSet<string>([root]);
  readonly #connection: Connection;
  readonly rows = $derived.by(() => this.#rowsBelow(root, 0));

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  clear(): void {
    this.changes = [];
    this.selected = undefined;
    this.open = undefined;
    this.#listings.clear();
    this.#expanded.clear();
    this.#expanded.add(root);
  }

  async list(path = root): Promise<void> {
    if (!this.#connection.holdsSession) return;
    try {
      const entries = await this.#connection.ask((sandbox) => sandbox.list(path));
      this.#listings.set(path, [...entries].sort(byKindAndName));
    } catch {
      this.#listings.delete(path);
    }
  }

  async toggle(path: string, expand = !this.#expanded.has(path)): Promise<void> {
    if (!expand) {
      this.#expanded.delete(path);
      return;
    }
    this.#expanded.add(path);
    if (!this.#listings.has(path)) await this.list(path);
  }

  /** Takes over what changed; the first file that the program creates opens by itself. */
  async update(changes: readonly FileChange[]): Promise<void> {
    const before = new Map(this.changes.map((change) => [change.path, change]));
    this.changes = changes;
    const stale = new Set([root]);
    for (const change of changes) {
      const known = before.get(change.path);
      if (known?.change !== change.change || known.size !== change.size) {
        for (const folder of ancestors(change.path)) stale.add(folder);
      }
    }
    const listed = [...stale].filter((folder) => folder === root || this.#listings.has(folder));
    await Promise.all(listed.map((folder) => this.list(folder)));
    const open = this.open;
    if (open === undefined) {
      const first = changes.find((change) => change.change === "created" && !change.directory);
      if (first !== undefined) {
        this.arrivals++;
        await this.reveal(first.path);
      }
    } else if (stale.has(parentOf(open.path)) && changes.some((change) => change.path === open.path)) {
      await this.#read(open.path);
    }
  }

  /** Reads the open file and the visible folders again. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#listings.keys()].map((folder) => this.list(folder)));
    if (this.open !== undefined) await this.#read(this.open.path);
  }

  /** Opens a file, or a folder, wherever it is, and shows it in the tree. */
  async reveal(path: string): Promise<void> {
    for (const folder of ancestors(path)) await this.toggle(folder, true);
    this.selected = path;
    if (this.#entryOf(path)?.directory === true) await this.toggle(path, true);
    else await this.#read(path);
  }

  close(): void {
    this.open = undefined;
  }

  async #read(path: string): Promise<void> {
    if (!this.#connection.holdsSession) {
      if (this.open?.path !== path) {
        this.open = {
          path,
          bytes: undefined,
          failure: "The engine that held this file is gone. Run the program again.",
        };
      }
      return;
    }
    if (this.changes.find((change) => change.path === path)?.change === "deleted") {
      this.open = { path, bytes: undefined, failure: "The program deleted this file." };
      return;
    }
    try {
      const bytes = await this.#connection.ask((sandbox) => sandbox.read(path));
      if (this.selected === path) this.open = { path, bytes, failure: undefined };
    } catch (error) {
      if (this.selected === path) this.open = { path, bytes: undefined, failure: sentence(error) };
    }
  }

  #entryOf(path: string): DirectoryEntry | undefined {
    const name = path.slice(path.lastIndexOf("\\") + 1).toLowerCase();
    return this.#listings.get(parentOf(path))?.find((entry) => entry.name.toLowerCase() === name);
  }

  #rowsBelow(folder: string, level: number): TreeRow[] {
    const rows: TreeRow[] = [];
    for (const entry of this.#withDeleted(folder)) {
      if (this.onlyChanges && entry.change === undefined) continue;
      const path = join(folder, entry.name);
      const expanded = entry.directory && this.#expanded.has(path);
      rows.push({ path, entry, level, expanded });
      if (expanded) rows.push(...this.#rowsBelow(path, level + 1));
    }
    return rows;
  }

  /** A deleted file stays in view, whether or not the listing still has it. */
  #withDeleted(folder: string): readonly DirectoryEntry[] {
    const listing = this.#listings.get(folder) ?? [];
    const names = new Set(listing.map((entry) => entry.name.toLowerCase()));
    const missing = this.changes
      .filter((change) => change.change === "deleted" && parentOf(change.path) === folder)
      .map((change): DirectoryEntry => {
        const name = change.path.slice(change.path.lastIndexOf("\\") + 1);
        return { name, directory: change.directory, size: change.size, change: "deleted" };
      })
      .filter((entry) => !names.has(entry.name.toLowerCase()));
    return missing.length === 0 ? listing : [...listing, ...missing].sort(byKindAndName);
  }
}

function byKindAndName(a: DirectoryEntry, b: DirectoryEntry): number {
  if (a.directory !== b.directory) return a.directory ? -1 : 1;
  return a.name.localeCompare(b.name, "en", { sensitivity: "base", numeric: true });
}

function join(folder: string, name: string): string {
  return folder.endsWith("\\") ? folder + name : `${folder}\\${name}`;
}

export function parentOf(path: string): string {
  const cut = path.lastIndexOf("\\");
  return cut <= 2 ? path.slice(0, 3) : path.slice(0, cut);
}

/** From the root down to the parent. */
function ancestors(path: string): string[] {
  const folders: string[] = [];
  for (let folder = parentOf(path); ; folder = parentOf(folder)) {
    folders.unshift(folder);
    if (folder.length <= 3) return folders;
  }
}
