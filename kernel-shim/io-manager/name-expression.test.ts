import { expect, test } from "vitest";
import { expressionOfWin32Mask, isNameInExpression } from "./name-expression.ts";

test.each([
  ["*", "ANYTHING", true],
  ["*", "", true],
  ["*.*", "NODOT", false],
  ["*.*", "A.B", true],
  ["A?C", "ABC", true],
  ["A?C", "AC", false],
  ["*.TXT", "A.B.TXT", true],
  ["*.TXT", "A.TXT.B", false],
  ["<.TXT", "A.B.TXT", true],
  ["<", "A.B", false],
  ["<", "AB", true],
  ['<"*', "NODOT", true],
  ['<"*', "A.B", true],
  ['*"', "NODOT", true],
  [">>>", "A", true],
  [">>>", "ABCD", false],
  [">>>.>", "A.B", true],
  [">>>.>", "A.BC", false],
  ['>>"', "A", true],
  ["ABC", "ABC", true],
  ["ABC", "ABCD", false],
  ["*A*A*A*A*B", "A".repeat(200), false],
])("%s on %s: %s", (expression, name, matches) => {
  expect(isNameInExpression(expression, name)).toBe(matches);
});

test.each([
  ["*.*", "*"],
  ["*.*.", "*"],
  ["a*.*", 'a<"*'],
  [".*.*", '"<"*'],
  ["*.", "<"],
  ["*.a", "<.a"],
  ["a?.b", "a>.b"],
  ["..", ".."],
  ["file.txt", "file.txt"],
])("FindFirstFile asks for %s as %s", (mask, expression) => {
  expect(expressionOfWin32Mask(mask)).toBe(expression);
});
