import { expect, test } from "vitest";
import { ntstatus } from "../abi/ntstatus.ts";
import { Event } from "../executive/event.ts";
import { HandleTable } from "./handle-table.ts";
import { ObjectNamespace } from "./namespace.ts";

const request = { context: undefined, attributes: 0, desiredAccess: 0 };

test("names are found whatever their case, through links", () => {
  const namespace = new ObjectNamespace();
  const event = new Event(true);
  namespace.insert("\\BaseNamedObjects\\Ready", event);
  expect(namespace.lookup("\\Sessions\\1\\BASENAMEDOBJECTS\\Global\\ready", undefined, request)).toEqual({
    object: event,
  });
  expect(event.path).toBe("\\BaseNamedObjects\\Ready");
});

test("names that differ in case are two where case counts", () => {
  const { root } = new ObjectNamespace();
  const [lower, upper] = [new Event(true), new Event(true)];
  root.insert("name", lower);
  expect(root.get("NAME", true)).toBeUndefined();
  root.insert("NAME", upper);
  expect([root.get("NAME", true), root.get("Name")]).toEqual([upper, upper]);
  root.remove(upper);
  expect([root.get("NAME", true), root.get("NAME")]).toEqual([undefined, lower]);
});

test("a missing last component is told from a missing path", () => {
  const namespace = new ObjectNamespace();
  expect(namespace.lookup("\\BaseNamedObjects\\New", undefined, request)).toMatchObject({ missing: "New" });
  expect(namespace.lookup("\\Nowhere\\New", undefined, request)).toEqual({
    status: ntstatus.STATUS_OBJECT_PATH_NOT_FOUND,
  });
  expect(namespace.lookup("NoBackslash", undefined, request)).toEqual({
    status: ntstatus.STATUS_OBJECT_PATH_SYNTAX_BAD,
  });
});

test("a circle of links ends", () => {
  const namespace = new ObjectNamespace();
  namespace.link("\\A", "\\B");
  namespace.link("\\B", "\\A");
  expect(namespace.lookup("\\A\\x", undefined, request)).toEqual({ status: ntstatus.STATUS_OBJECT_PATH_INVALID });
});

test("handles are multiples of 4, reused, and found whatever their two low bits", () => {
  const table = new HandleTable();
  const event = new Event(false);
  const first = table.insert(event, 3);
  const second = table.insert(event, 3);
  expect([first, second, event.handleCount]).toEqual([4, 8, 2]);
  expect(table.get(first + 3)?.object).toBe(event);
  table.remove(first);
  expect(table.get(first)).toBeUndefined();
  expect(table.insert(event, 1)).toBe(first);
  expect(table.get(-1)).toBeUndefined();
  expect(table.get(0x7fff_fffc)).toBeUndefined();
});
