import { expect, test } from "vitest";
import { FILE_ATTRIBUTE } from "../abi/file.ts";
import { isError, ntstatus } from "../abi/ntstatus.ts";
import { restoreState, saveState } from "../executive/state.ts";
import { changeSet } from "./change-set.ts";
import { DataNode, DirectoryNode, type Link } from "./file-node.ts";
import { LayerStack } from "./layer.ts";
import { MemoryLayer, MountedLayer } from "./memory-layer.ts";
import { Volume } from "./volume.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

const lower = new MemoryLayer("image", [
  ["Windows\\System32\\ntdll.dll", bytes("lower ntdll")],
  ["Windows\\win.ini", bytes("[fonts]")],
  ["docs\\a.txt", bytes("alpha")],
  ["docs\\deep\\b.txt", bytes("beta")],
]);
const upper = new MemoryLayer("mount", [["windows\\system32\\NTDLL.DLL", bytes("upper ntdll")]]);

function makeVolume(limits?: { bytes: number; files: number }): Volume {
  return new Volume(new LayerStack([upper, lower]), 1n, 0x1234, limits);
}
function find(volume: Volume, path: string): Link {
  const found = volume.lookup(volume.rootLink, path === "" ? [] : path.split("\\"));
  if (typeof found === "number" || !found.link) throw new Error(`no ${path}`);
  return found.link;
}
function dataOf(link: Link): DataNode {
  if (!(link.node instanceof DataNode)) throw new Error(`${link.path} is a directory`);
  return link.node;
}
function directoryOf(link: Link): DirectoryNode {
  if (!(link.node instanceof DirectoryNode)) throw new Error(`${link.path} is a file`);
  return link.node;
}
function read(volume: Volume, path: string): string {
  return text(dataOf(find(volume, path)).content.readAll(volume.layers));
}
function createFile(volume: Volume, directory: string, name: string, contents: string): Link {
  const link = volume.create(directoryOf(find(volume, directory)), name, FILE_ATTRIBUTE.ARCHIVE, 5n);
  if (typeof link === "number") throw new Error("not created");
  expect(volume.write(dataOf(link), 0, bytes(contents))).toBe(ntstatus.STATUS_SUCCESS);
  return link;
}
const changes = (volume: Volume) =>
  changeSet(volume).map(({ change, path, from }) => `${change} ${path}${from ? ` from ${from}` : ""}`);

test("upper layers hide lower ones, directories unite, case is kept and does not matter", () => {
  const volume = makeVolume();
  expect(read(volume, "WINDOWS\\System32\\ntdll.dll")).toBe("upper ntdll");
  expect(read(volume, "windows\\WIN.INI")).toBe("[fonts]");
  expect(find(volume, "WINDOWS\\WIN.INI").path).toBe("\\windows\\win.ini");
  expect(volume.orderOf(directoryOf(find(volume, "windows")))).toEqual(["SYSTEM32", "WIN.INI"]);
});

test("a missing directory and a missing name are told apart", () => {
  const volume = makeVolume();
  expect(volume.lookup(volume.rootLink, ["nowhere", "x"])).toBe(ntstatus.STATUS_OBJECT_PATH_NOT_FOUND);
  expect(volume.lookup(volume.rootLink, ["docs", "a.txt", "x"])).toBe(ntstatus.STATUS_OBJECT_PATH_NOT_FOUND);
  expect(volume.lookup(volume.rootLink, ["docs", "what?"])).toBe(ntstatus.STATUS_OBJECT_NAME_INVALID);
  expect(volume.lookup(volume.rootLink, ["docs", "new"])).toMatchObject({ link: undefined });
});

test("writing copies from the layer and leaves the layer alone", () => {
  const volume = makeVolume();
  const link = find(volume, "docs\\a.txt");
  expect(volume.write(dataOf(link), 1, bytes("LPH"))).toBe(ntstatus.STATUS_SUCCESS);
  expect(read(volume, "docs\\a.txt")).toBe("aLPHa");
  expect(text(lower.read("docs\\a.txt"))).toBe("alpha");
  expect(changes(volume)).toEqual(["changed C:\\docs\\a.txt"]);
});

test("what was cut off does not come back when a file grows again", () => {
  const volume = makeVolume();
  const node = dataOf(find(volume, "docs\\a.txt"));
  volume.setSize(node, 2);
  volume.setSize(node, 4);
  expect(text(node.content.readAll(volume.layers))).toBe("al\0\0");
  const other = dataOf(createFile(volume, "", "big.bin", "x".repeat(200_000)));
  volume.setSize(other, 70_000);
  volume.setSize(other, 150_000);
  const contents = other.content.readAll(volume.layers);
  expect([contents[69_999], contents[70_000], contents[140_000], contents.length]).toEqual([120, 0, 0, 150_000]);
});

test("an untouched volume has no changes, however much was looked at", () => {
  const volume = makeVolume();
  for (const path of ["windows\\system32\\ntdll.dll", "docs\\deep\\b.txt", "docs\\a.txt"]) read(volume, path);
  expect(changes(volume)).toEqual([]);
});

test("the change set names what was created, deleted and renamed", () => {
  const volume = makeVolume();
  createFile(volume, "", "testfile.txt", "hello");
  volume.remove(find(volume, "docs\\a.txt"), 6n);
  volume.rename(find(volume, "docs\\deep"), volume.root, "Deeper", 7n);
  volume.rename(find(volume, "windows\\win.ini"), directoryOf(find(volume, "windows")), "WIN.INI", 7n);
  expect(changes(volume)).toEqual([
    "renamed C:\\Deeper from C:\\docs\\deep",
    "renamed C:\\Deeper\\b.txt from C:\\docs\\deep\\b.txt",
    "deleted C:\\docs\\a.txt",
    "created C:\\testfile.txt",
    "renamed C:\\windows\\WIN.INI from C:\\windows\\win.ini",
  ]);
  const created = changeSet(volume).find(({ change }) => change === "created");
  expect(created?.read && text(created.read())).toBe("hello");
});

test("a deleted directory counts with everything that was in it; a file that was moved out of it does not", () => {
  const volume = makeVolume();
  volume.rename(find(volume, "docs\\deep\\b.txt"), volume.root, "b.txt", 7n);
  volume.remove(find(volume, "docs\\deep"), 7n);
  volume.remove(find(volume, "docs"), 7n);
  expect(changes(volume)).toEqual([
    "renamed C:\\b.txt from C:\\docs\\deep\\b.txt",
    "deleted C:\\docs",
    "deleted C:\\docs\\a.txt",
    "deleted C:\\docs\\deep",
  ]);
});

test("a file that was deleted and created again is a changed one", () => {
  const volume = makeVolume();
  volume.remove(find(volume, "docs\\a.txt"), 6n);
  createFile(volume, "docs", "a.txt", "new");
  expect(changes(volume)).toEqual(["changed C:\\docs\\a.txt"]);
});

test("a hard link is a second name of the same bytes", () => {
  const volume = makeVolume();
  const link = find(volume, "docs\\a.txt");
  volume.addLink(volume.root, "again.txt", link.node, 9n);
  volume.write(dataOf(link), 0, bytes("A"));
  expect(read(volume, "again.txt")).toBe("Alpha");
  volume.remove(link, 9n);
  expect(read(volume, "again.txt")).toBe("Alpha");
  expect(changes(volume)).toEqual(["renamed C:\\again.txt from C:\\docs\\a.txt"]);
});

test("space and number of files have limits, and deleting gives space back", () => {
  const volume = makeVolume({ bytes: 1024, files: 3 });
  const link = createFile(volume, "", "one", "x".repeat(600));
  expect(volume.write(dataOf(createFile(volume, "", "two", "")), 0, bytes("x".repeat(600)))).toBe(
    ntstatus.STATUS_DISK_FULL,
  );
  volume.remove(link, 3n);
  expect(volume.usedBytes).toBe(0);
  expect(volume.write(dataOf(find(volume, "two")), 0, bytes("x".repeat(600)))).toBe(ntstatus.STATUS_SUCCESS);
  createFile(volume, "", "three", "");
  expect(volume.create(volume.root, "four", 0, 1n)).toBe(ntstatus.STATUS_DISK_FULL);
});

test("appending a byte at a time keeps allocation in proportion", () => {
  const volume = makeVolume();
  const node = dataOf(createFile(volume, "", "log", ""));
  for (let i = 0; i < 100_000; i++) expect(isError(volume.write(node, i, new Uint8Array([i])))).toBe(false);
  expect(node.content.readAll(volume.layers)[99_999]).toBe(99_999 & 0xff);
  expect(volume.usedBytes).toBeLessThan(200_000);
});

test("a mount is seen at its folder and its parents exist", () => {
  const mount = new MountedLayer("tools\\bin", new MemoryLayer("host", [["x.exe", bytes("MZ")]]));
  const volume = new Volume(new LayerStack([mount, lower]), 1n, 1);
  expect(read(volume, "TOOLS\\bin\\X.EXE")).toBe("MZ");
  expect(read(volume, "docs\\a.txt")).toBe("alpha");
});

test("a volume is state: saved, restored, and the two go separate ways", () => {
  const volume = makeVolume();
  createFile(volume, "", "new.txt", "one");
  const externals = new Map<string, object>([["layers", volume.layers]]);
  const restored = restoreState(saveState(volume, externals), externals) as Volume;
  volume.write(dataOf(find(volume, "new.txt")), 0, bytes("TWO"));
  expect(read(restored, "new.txt")).toBe("one");
  expect(restored.write(dataOf(find(restored, "docs\\deep\\b.txt")), 4, bytes("!"))).toBe(ntstatus.STATUS_SUCCESS);
  expect(read(restored, "docs\\deep\\b.txt")).toBe("beta!");
  expect(changes(restored)).toEqual(["changed C:\\docs\\deep\\b.txt", "created C:\\new.txt"]);
});
