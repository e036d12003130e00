import { stateClass } from "../executive/state.ts";
import type { DirectoryNode } from "./file-node.ts";
import type { VolumeFile } from "./volume-file.ts";

export interface ChangeRecord {
  /** FILE_ACTION_*. */
  readonly action: number;
  /** Relative to the watched directory. */
  readonly name: string;
}

/** Beyond this many records that nobody has read, only the fact that something changed is kept. */
const RECORD_LIMIT = 4096;

/** What NtNotifyChangeDirectoryFile has set going for a file object: changes are recorded from the first call on, whether a request is waiting or not. */
export class DirectoryWatch {
  readonly directory: DirectoryNode;
  /** FILE_NOTIFY_CHANGE_*. */
  readonly filter: number;
  readonly subtree: boolean;
  /** False where the first request had no buffer: then only the fact that something changed is told, also to later ones. */
  readonly keepsRecords: boolean;
  /** Whose requests the records complete. */
  file: VolumeFile | undefined = undefined;
  records: ChangeRecord[] = [];
  overflowed = false;
  directoryDeleted = false;

  constructor(directory: DirectoryNode, filter: number, subtree: boolean, keepsRecords: boolean) {
    this.directory = directory;
    this.filter = filter;
    this.subtree = subtree;
    this.keepsRecords = keepsRecords;
  }

  add(action: number, name: string): void {
    const last = this.records.at(-1);
    // NTFS reports consecutive modifications of one file once.
    if (last && last.action === action && last.name === name) return;
    if (!this.keepsRecords || this.records.length >= RECORD_LIMIT) {
      this.records = [];
      this.overflowed = true;
    }
    if (!this.overflowed) this.records.push({ action, name });
  }

  get hasNews(): boolean {
    return this.directoryDeleted || this.overflowed || this.records.length > 0;
  }
}

stateClass("DirectoryWatch", DirectoryWatch);
