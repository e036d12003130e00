import { expect, test } from "vitest";
import { type ByteRangeLock, lockIsFree, locksPermit, unlock } from "./byte-range-locks.ts";

const lock = (offset: bigint, length: bigint, exclusive: boolean, fileId = 1, key = 0): ByteRangeLock => ({
  offset,
  length,
  exclusive,
  key,
  fileId,
  processId: 8,
});
const owner = { fileId: 1, processId: 8, key: 0 };
const other = { ...owner, fileId: 2 };

test("exclusive locks conflict with everything that overlaps, shared ones with exclusive ones", () => {
  expect(lockIsFree([lock(0n, 10n, true)], lock(9n, 1n, false, 2))).toBe(false);
  expect(lockIsFree([lock(0n, 10n, true)], lock(10n, 1n, true, 2))).toBe(true);
  expect(lockIsFree([lock(0n, 10n, false)], lock(0n, 10n, false, 2))).toBe(true);
  expect(lockIsFree([lock(0n, 10n, false)], lock(5n, 1n, true, 2))).toBe(false);
});

test("a shared lock refuses writes to everyone, its owner included; an exclusive one admits its owner", () => {
  const shared = [lock(0n, 10n, false)];
  expect([locksPermit(shared, owner, 0, 4, true), locksPermit(shared, other, 0, 4, false)]).toEqual([false, true]);
  const exclusive = [lock(0n, 10n, true)];
  expect([locksPermit(exclusive, owner, 0, 4, true), locksPermit(exclusive, other, 0, 4, false)]).toEqual([
    true,
    false,
  ]);
});

test("unlock needs the exact range and owner", () => {
  const locks = [lock(0n, 10n, true)];
  expect([
    unlock(locks, other, 0n, 10n),
    unlock(locks, owner, 0n, 9n),
    unlock(locks, owner, 0n, 10n),
    locks.length,
  ]).toEqual([false, false, true, 0]);
});
