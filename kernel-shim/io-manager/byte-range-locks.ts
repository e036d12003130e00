/** A lock on a range of bytes of a file, held by one process through one file object under a key. */
export interface ByteRangeLock {
  readonly offset: bigint;
  readonly length: bigint;
  readonly exclusive: boolean;
  readonly key: number;
  /** Identifiers, not references: a lock outlives neither. */
  readonly fileId: number;
  readonly processId: number;
}

export type LockOwner = Pick<ByteRangeLock, "key" | "fileId" | "processId">;

/** NT's rule: ranges of length 0 conflict only strictly inside another range. */
function overlaps(a: { offset: bigint; length: bigint }, b: { offset: bigint; length: bigint }): boolean {
  if (a.length === 0n && b.length === 0n) return false;
  if (a.length === 0n) return b.offset < a.offset && a.offset < b.offset + b.length;
  if (b.length === 0n) return a.offset < b.offset && b.offset < a.offset + a.length;
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

function sameOwner(a: LockOwner, b: LockOwner): boolean {
  return a.fileId === b.fileId && a.processId === b.processId && a.key === b.key;
}

/** Whether `wanted` may be added. An exclusive lock excludes even its own owner's further locks. */
export function lockIsFree(locks: readonly ByteRangeLock[], wanted: ByteRangeLock): boolean {
  return !locks.some((lock) => (lock.exclusive || wanted.exclusive) && overlaps(lock, wanted));
}

/** Whether an access is permitted: shared locks admit reads of all, exclusive locks admit their owner's accesses. */
export function locksPermit(
  locks: readonly ByteRangeLock[],
  owner: LockOwner,
  offset: number,
  length: number,
  write: boolean,
): boolean {
  if (locks.length === 0 || length === 0) return true;
  const range = { offset: BigInt(offset), length: BigInt(length) };
  return !locks.some((lock) => overlaps(lock, range) && (lock.exclusive ? !sameOwner(lock, owner) : write));
}

/** Removes the one lock with exactly this range and owner; false when there is none. Exclusive ones go first. */
export function unlock(locks: ByteRangeLock[], owner: LockOwner, offset: bigint, length: bigint): boolean {
  const matches = (lock: ByteRangeLock) => lock.offset === offset && lock.length === length && sameOwner(lock, owner);
  let index = locks.findIndex((lock) => lock.exclusive && matches(lock));
  if (index < 0) index = locks.findIndex(matches);
  if (index < 0) return false;
  locks.splice(index, 1);
  return true;
}
