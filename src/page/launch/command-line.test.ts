import { expect, test } from "vitest";
import { commandLine } from "./command-line.ts";

test("plain arguments stay as they are", () => {
  expect(commandLine(["C:\\poem.txt", "x"])).toBe("C:\\poem.txt x");
});

test("spaces, quotes and backslashes before quotes", () => {
  expect(commandLine(["two words", "", 'say "hi"', "C:\\a b\\", 'x\\"y'])).toBe(
    '"two words" "" "say \\"hi\\"" "C:\\a b\\\\" "x\\\\\\"y"',
  );
});
