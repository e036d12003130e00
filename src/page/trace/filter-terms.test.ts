import { expect, test } from "vitest";
import { toggleTerm, valuesOf, withTerm } from "./filter-terms.ts";

test("a facet is added to what is typed, joined to its key's term, and taken out again", () => {
  const one = toggleTerm("hello", "family", "File");
  expect(one).toBe("hello family:File");
  const two = toggleTerm(one, "family", "Registry");
  expect(two).toBe("hello family:File,Registry");
  expect(valuesOf(two, "family")).toEqual(["File", "Registry"]);
  expect(toggleTerm(toggleTerm(two, "family", "file"), "family", "Registry")).toBe("hello");
});

test("values with spaces are quoted", () => {
  expect(withTerm("", "path", ["C:\\a b.txt"])).toBe('path:"C:\\a b.txt"');
  expect(valuesOf('path:"C:\\a b.txt" x', "path")).toEqual(["C:\\a b.txt"]);
});

test("a negated term is another term", () => {
  expect(toggleTerm("-family:File", "family", "File")).toBe("-family:File family:File");
});
