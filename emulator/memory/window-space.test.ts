import { expect, test } from "vitest";
import { GuestFault, PAGE_SIZE, Protection } from "../cpu.ts";
import { WindowSpace } from "./window-space.ts";

const RW = Protection.Read | Protection.Write;

test("pages whose low 32 bits are equal, or reserved, keep their own bytes", () => {
  const space = new WindowSpace();
  const addresses = [0x1_4000_0000, 0x7ff_4000_0000, 0x1000, 0x7fff_f800_0000, 0x2_ffff_f000];
  addresses.forEach((address, index) => {
    space.map(address, PAGE_SIZE, RW);
    expect(space.readUint64(address)).toBe(0n);
    space.writeUint64(address + 8, BigInt(index) + 0x1122_3344_0000_0000n);
  });
  addresses.forEach((address, index) => {
    expect(space.readUint64(address + 8)).toBe(BigInt(index) + 0x1122_3344_0000_0000n);
  });
});

test("a write that would fault in its second page writes nothing", () => {
  const space = new WindowSpace();
  space.map(0x40_0000, PAGE_SIZE, RW);
  space.map(0x40_1000, PAGE_SIZE, Protection.Read);
  expect(() => space.writeUint64(0x40_0ffc, 0xffff_ffff_ffff_ffffn)).toThrow(new GuestFault(0x40_1000, "write"));
  expect(space.readUint32(0x40_0ffc)).toBe(0);
  expect(space.readUint64(0x40_0ffc)).toBe(0n);
});

test("what is mapped again is zero", () => {
  const space = new WindowSpace();
  space.map(0x50_0000, 0x10000, RW);
  space.writeUint32(0x50_8000, 7);
  space.unmap(0x50_0000, 0x10000);
  expect(() => space.readUint8(0x50_8000)).toThrow(GuestFault);
  expect(space.protectionAt(0x50_8000)).toBeUndefined();
  space.map(0x50_0000, 0x10000, RW);
  expect(space.readUint32(0x50_8000)).toBe(0);
});

test("protection governs read and write, not peek and poke", () => {
  const space = new WindowSpace();
  space.map(0x60_0000, PAGE_SIZE, RW);
  space.writeUint8(0x60_0000, 1);
  space.protect(0x60_0000, PAGE_SIZE, Protection.None);
  expect(() => space.readUint8(0x60_0000)).toThrow(GuestFault);
  space.poke(0x60_0001, Uint8Array.of(2));
  expect([...space.peek(0x60_0000, 2)]).toEqual([1, 2]);
  space.protect(0x60_0000, PAGE_SIZE, Protection.Read);
  expect(space.readUint16(0x60_0000)).toBe(0x201);
  expect(() => space.writeUint8(0x60_0000, 1)).toThrow(GuestFault);
});

test("views of shared pages see each other's stores, across spaces too", () => {
  const pages = { bytes: new Uint8Array(0x4000) };
  const first = new WindowSpace();
  const second = new WindowSpace();
  first.mapShared(0x1_0000, 0x4000, RW, pages, 0);
  first.mapShared(0x9_0000, 0x1000, RW, pages, 0x2000);
  second.mapShared(0x7fff_0000_0000, 0x2000, RW, pages, 0x2000);
  first.writeUint32(0x1_2ffe, 0x1234_5678);
  expect(first.readUint16(0x9_0ffe)).toBe(0x5678);
  expect(second.readUint32(0x7fff_0000_0ffe)).toBe(0x1234_5678);
});

test("a saved space is restored with contents, protections, shared identity and untouched gigabytes", () => {
  const pages = { bytes: new Uint8Array(0x2000) };
  const space = new WindowSpace();
  space.map(0x10_0000_0000, 0x4000_0000, RW);
  space.writeUint32(0x10_1234_5000, 42);
  space.map(0x40_0000, PAGE_SIZE, Protection.Read | Protection.Execute);
  space.mapShared(0x50_0000, 0x2000, RW, pages, 0);
  const image = space.save();
  expect(image.runs.reduce((sum, { pages = [] }) => sum + pages.length, 0)).toBe(1);
  const copy = new WindowSpace(image);
  expect(copy.readUint32(0x10_1234_5000)).toBe(42);
  expect(copy.readUint32(0x10_3fff_f000)).toBe(0);
  expect(copy.protectionAt(0x40_0000)).toBe(Protection.Read | Protection.Execute);
  copy.writeUint8(0x50_1000, 9);
  expect(space.readUint8(0x50_1000)).toBe(9);
  copy.writeUint32(0x10_1234_5000, 43);
  expect(space.readUint32(0x10_1234_5000)).toBe(42);
});

test("a snapshot keeps what was, whoever changes a page and however", () => {
  const space = new WindowSpace();
  space.map(0x40_0000, 0x6000, RW);
  for (let page = 0; page < 6; page++) space.writeUint32(0x40_0000 + page * PAGE_SIZE, page + 1);
  const before = new WindowSpace(space.save());
  space.writeUint32(0x40_0000, 100);
  space.poke(0x40_1000, Uint8Array.of(100));
  space.unmap(0x40_2000, PAGE_SIZE);
  space.map(0x40_3000, PAGE_SIZE, RW);
  const after = new WindowSpace(space.save());
  space.writeUint32(0x40_0000, 200);
  space.dispose();
  const firsts = (of: WindowSpace) =>
    Array.from({ length: 6 }, (_, page) =>
      of.protectionAt(0x40_0000 + page * PAGE_SIZE) === undefined
        ? undefined
        : of.readUint32(0x40_0000 + page * PAGE_SIZE),
    );
  expect(firsts(before)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(firsts(after)).toEqual([100, 100, undefined, 0, 5, 6]);
});

test("pages that did not change are one in all snapshots", () => {
  const space = new WindowSpace();
  space.map(0x40_0000, 0x3000, RW);
  for (let page = 0; page < 3; page++) space.writeUint8(0x40_0000 + page * PAGE_SIZE, 1);
  const [first] = space.save().runs;
  space.writeUint8(0x40_1000, 2);
  const [second] = space.save().runs;
  expect(first.pages?.map((page, index) => page === second.pages?.[index])).toEqual([true, false, true]);
});

test("addresses that are no user-mode addresses fault, however large", () => {
  const space = new WindowSpace();
  for (const address of [2 ** 47, 2 ** 53, 2 ** 63 + 2 ** 20, 2 ** 64 - 4096, 2 ** 64]) {
    expect(() => space.read(address, 2)).toThrow(GuestFault);
    expect(() => space.readUint16(address)).toThrow(GuestFault);
    expect(() => space.writeUint64(address, 1n)).toThrow(GuestFault);
  }
});

test("initial contents are there at the first access, kept by snapshots, and gone with their pages", () => {
  const space = new WindowSpace();
  const contents = Uint8Array.from({ length: 0x2800 }, (_, index) => (index >> 8) + 1);
  space.map(0x70_0000, 0x4000, RW, contents);
  expect(space.readUint8(0x70_1000)).toBe(0x11);
  expect([...space.read(0x70_27ff, 2)]).toEqual([0x28, 0]);
  space.writeUint8(0x70_0000, 0xff);
  expect(contents[0]).toBe(1);
  const copy = new WindowSpace(space.save());
  expect(copy.readUint8(0x70_0000)).toBe(0xff);
  expect(copy.readUint8(0x70_2000)).toBe(0x21);
  expect(copy.readUint8(0x70_3000)).toBe(0);
  space.unmap(0x70_0000, 0x4000);
  space.map(0x70_0000, 0x4000, RW);
  expect(space.readUint8(0x70_2000)).toBe(0);
});
