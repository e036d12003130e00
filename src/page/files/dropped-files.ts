/** Files that the user dropped or chose, folders taken apart. */

export interface NamedFile {
  /** From what was dropped on, with the name of a dropped folder: `game/data/map.bin`. */
  readonly path: string;
  readonly file: File;
}

export const named = (files: Iterable<File>): NamedFile[] => Array.from(files, (file) => ({ path: file.name, file }));

/** Must be called while the drop is being dispatched: afterwards the transfer is empty. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<NamedFile[]> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const plain = named(files);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  return (await Promise.all(entries.map((entry) => filesOf(entry)))).flat();
}

async function filesOf(entry: FileSystemEntry): Promise<NamedFile[]> {
  if (!isDirectory(entry)) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path: entry.fullPath.slice(1), file }];
  }
  const reader = entry.createReader();
  const found: NamedFile[] = [];
  for (;;) {
    // Some at a time, until there are none.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    for (const inner of entries) found.push(...(await filesOf(inner)));
  }
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** The folder that a path is in, with its last slash; empty for none. */
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);

/** Where the guest sees a file: what is in the program's folder, or deeper, in `C:\w`, all else as it lies beside that folder. */
export function guestPath(path: string, programFolder: string): string {
  const relative = path.startsWith(programFolder)
    ? `w/${path.slice(programFolder.length)}`
    : path.slice(path.startsWith(root(programFolder)) ? root(programFolder).length : 0);
  return `C:\\${relative.replaceAll("/", "\\")}`;
}
const root = (folder: string): string => folder.slice(0, folder.indexOf("/") + 1);
