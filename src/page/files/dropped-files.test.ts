import { expect, test } from "vitest";
import { folderOf, guestPath } from "./dropped-files.ts";

test.each([
  ["app.exe", "input.txt", "C:\\w\\input.txt"],
  ["game/game.exe", "game/data/one.map", "C:\\w\\data\\one.map"],
  ["game/game.exe", "letter.txt", "C:\\letter.txt"],
  ["game/bin/game.exe", "game/bin/engine.dll", "C:\\w\\engine.dll"],
  ["game/bin/game.exe", "game/data/one.map", "C:\\data\\one.map"],
])("with %s, %s is %s", (program, path, seen) => {
  expect(guestPath(path, folderOf(program))).toBe(seen);
});
