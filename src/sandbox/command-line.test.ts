import { expect, test } from "vitest";
import { joinCommandLine } from "./command-line.ts";

test.each([
  [["a.exe", "plain"], "a.exe plain"],
  [["C:\\Program Files\\a.exe", ""], '"C:\\Program Files\\a.exe" ""'],
  [["a", 'say "hi"'], 'a "say \\"hi\\""'],
  [["a", "ends in \\"], 'a "ends in \\\\"'],
  [["a", 'back\\"slash'], 'a "back\\\\\\"slash"'],
  [["a", "C:\\dir\\"], "a C:\\dir\\"],
])("%j → %s", (args, line) => expect(joinCommandLine(args)).toBe(line));
