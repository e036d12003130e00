import { stateClass } from "../executive/state.ts";

export const FILE_SHARE_READ = 1;
export const FILE_SHARE_WRITE = 2;
export const FILE_SHARE_DELETE = 4;

const READS = 0x1 | 0x20; // FILE_READ_DATA, FILE_EXECUTE
const WRITES = 0x2 | 0x4; // FILE_WRITE_DATA, FILE_APPEND_DATA
const DELETES = 0x10000; // DELETE

/** NT's SHARE_ACCESS: who has a file open for what, and what each of them lets others do. */
export class ShareAccess {
  openCount = 0;
  readers = 0;
  writers = 0;
  deleters = 0;
  sharedRead = 0;
  sharedWrite = 0;
  sharedDelete = 0;

  /** Whether an open with `access` that shares `share` is compatible with those that are there. An open for attributes only always is. */
  permits(access: number, share: number): boolean {
    if (!concerns(access)) return true;
    const { openCount } = this;
    return !(
      (access & READS && this.sharedRead < openCount) ||
      (access & WRITES && this.sharedWrite < openCount) ||
      (access & DELETES && this.sharedDelete < openCount) ||
      (this.readers && !(share & FILE_SHARE_READ)) ||
      (this.writers && !(share & FILE_SHARE_WRITE)) ||
      (this.deleters && !(share & FILE_SHARE_DELETE))
    );
  }

  add(access: number, share: number): void {
    this.count(access, share, 1);
  }
  remove(access: number, share: number): void {
    this.count(access, share, -1);
  }

  private count(access: number, share: number, by: number): void {
    if (!concerns(access)) return;
    this.openCount += by;
    if (access & READS) this.readers += by;
    if (access & WRITES) this.writers += by;
    if (access & DELETES) this.deleters += by;
    if (share & FILE_SHARE_READ) this.sharedRead += by;
    if (share & FILE_SHARE_WRITE) this.sharedWrite += by;
    if (share & FILE_SHARE_DELETE) this.sharedDelete += by;
  }
}

function concerns(access: number): boolean {
  return (access & (READS | WRITES | DELETES)) !== 0;
}

stateClass("ShareAccess", ShareAccess);
