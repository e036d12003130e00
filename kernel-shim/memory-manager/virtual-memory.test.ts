import { beforeEach, describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { GuestFault, SLOW_ADDRESSES } from "../../emulator/cpu.ts";
import { AllocationType, FreeType, PageProtection } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { Machine } from "../machine.ts";
import { createAddressSpace } from "./address-space-state.ts";
import { findFreeRange } from "./address-search.ts";
import { Region } from "./region.ts";
import { VirtualMemory } from "./virtual-memory.ts";

const { MEM_COMMIT, MEM_RESERVE } = AllocationType;
const { MEM_DECOMMIT, MEM_RELEASE } = FreeType;
const { PAGE_READWRITE, PAGE_READONLY, PAGE_GUARD, PAGE_NOACCESS } = PageProtection;

const cpu = createCpu({ level: 1, translateAfter: Infinity, seed: 1 });
let machine: Machine;
let memory: VirtualMemory;
beforeEach(() => {
  machine = new Machine({ cpu, limits: { committedBytes: 0x10_0000 } });
  memory = new VirtualMemory(machine, createAddressSpace(cpu));
  return () => memory.dispose();
});
const status = (name: keyof typeof ntstatus): object => expect.objectContaining({ status: ntstatus[name] }) as object;

describe("allocation", () => {
  test("reserves in steps of 64 KiB and commits in pages", () => {
    const { base, size } = memory.allocate(0x2345_6789, 0x1800, MEM_RESERVE, PAGE_READWRITE);
    expect([base, size]).toEqual([0x2345_0000, 0x8000]);
    expect(() => memory.space.readUint8(base)).toThrow(GuestFault);
    expect(memory.allocate(base + 0x1234, 1, MEM_COMMIT, PAGE_READWRITE)).toEqual({
      base: base + 0x1000,
      size: 0x1000,
    });
    memory.space.writeUint8(base + 0x1fff, 7);
    expect(memory.query(base + 0x1000)).toMatchObject({
      AllocationBase: base,
      RegionSize: 0x1000,
      State: 0x1000,
      Protect: PAGE_READWRITE,
    });
    expect(memory.query(base)).toMatchObject({ RegionSize: 0x1000, State: 0x2000, Protect: 0 });
  });
  test("committing again keeps contents and changes protection", () => {
    const { base } = memory.allocate(0, 0x2000, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    memory.space.writeUint32(base, 42);
    memory.allocate(base, 0x2000, MEM_COMMIT, PAGE_READONLY);
    expect(memory.space.readUint32(base)).toBe(42);
    expect(() => memory.space.writeUint32(base, 1)).toThrow(GuestFault);
  });
  test("refuses what overlaps, what is not reserved, and more than the limit", () => {
    const { base } = memory.allocate(0, 0x1000, MEM_RESERVE, PAGE_READWRITE);
    expect(() => memory.allocate(base, 0x1000, MEM_RESERVE, PAGE_READWRITE)).toThrow(
      status("STATUS_CONFLICTING_ADDRESSES"),
    );
    expect(() => memory.allocate(base + 0x10_0000, 0x1000, MEM_COMMIT, PAGE_READWRITE)).toThrow(
      status("STATUS_CONFLICTING_ADDRESSES"),
    );
    expect(() => memory.allocate(0, 0x10_1000, MEM_COMMIT, PAGE_READWRITE)).toThrow(status("STATUS_COMMITMENT_LIMIT"));
    expect(() => memory.allocate(0, 0x1000, MEM_COMMIT, PAGE_NOACCESS | PAGE_GUARD)).toThrow(
      status("STATUS_INVALID_PAGE_PROTECTION"),
    );
  });
});

test("a terabyte of reservation costs nothing that is committed", () => {
  memory.allocate(0, 2 ** 40, MEM_RESERVE, PAGE_READWRITE);
  expect([memory.committed, memory.reserved]).toEqual([0, 2 ** 40]);
});

test("release from the middle splits, decommit zeroes", () => {
  const { base } = memory.allocate(0, 0x4000, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
  memory.free(base + 0x1000, 0x1000, MEM_RELEASE);
  expect(memory.query(base + 0x1000)).toMatchObject({ State: 0x1_0000, RegionSize: 0x1000 });
  expect(memory.query(base + 0x2000)).toMatchObject({ AllocationBase: base + 0x2000, RegionSize: 0x2000 });
  memory.space.writeUint8(base, 9);
  memory.free(base, 0, MEM_DECOMMIT);
  memory.allocate(base, 0x1000, MEM_COMMIT, PAGE_READWRITE);
  expect(memory.space.readUint8(base)).toBe(0);
  expect(() => memory.free(base + 0x3000, 0, MEM_RELEASE)).toThrow(status("STATUS_FREE_VM_NOT_AT_BASE"));
  expect(machine.committedBytes).toBe(memory.committed);
});

test("a guard page reports its first touch only", () => {
  const { base } = memory.allocate(0, 0x1000, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
  expect(() => memory.space.readUint8(base)).toThrow(GuestFault);
  expect(memory.takeGuard(base + 5)).toBe(true);
  expect(memory.takeGuard(base + 5)).toBe(false);
  expect(memory.space.readUint8(base)).toBe(0);
});

test("hundreds of megabytes stay clear of the addresses that are slow", () => {
  const regions: Region[] = [];
  for (let i = 0; i < 40; i++) {
    const start = findFreeRange(regions, 0x100_0000) as number;
    const region = new Region(start, start + 0x100_0000, 0x2_0000, 0x04);
    expect(SLOW_ADDRESSES.some((slow) => slow.start < region.end && slow.end > region.start)).toBe(false);
    regions.push(region);
    regions.sort((a, b) => a.start - b.start);
  }
});

test("addresses avoid the slots of what is mapped above 4 GiB", () => {
  // Its low 32 bits are the first address that would be chosen.
  const image = new Region(0x1_1000_0000, 0x1_1010_0000, 0x100_0000, 0x80);
  expect(findFreeRange([image], 0x1_0000)).toBe(0x1010_0000);
  expect(findFreeRange([image], 0x1_0000, { topDown: true })).toBe(0xfffe_0000);
  expect(findFreeRange([image], 0x8_0000_0000)).toBeGreaterThanOrEqual(2 ** 32);
  expect(findFreeRange([image], 0x1_0000, { lowest: 0x3000_1000, highest: 0x4fff_ffff, alignment: 0x100_0000 })).toBe(
    0x3100_0000,
  );
});
