import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sampleBytes, samples } from "./index.ts";

const here = import.meta.dirname;

test("every sample has its own id and program", () => {
  for (const property of ["id", "file", "title", "shows"] as const)
    expect(new Set(samples.map((sample) => sample[property])).size).toBe(samples.length);
});

test("every hello program leaves another greeting in the same file", () => {
  const ladder = samples.filter(({ ladder }) => ladder !== undefined);
  const greetings = ladder.map(({ expected }) => expected.files.map(({ path, text }) => `${path} ${text}`).join());
  expect(greetings.every((greeting) => greeting.startsWith("C:\\testfile.txt Hello"))).toBe(true);
  expect(new Set(greetings).size).toBe(ladder.length);
});

describe.each(samples)("$id", ({ file, source, imports, image, expected }) => {
  const program = readFileSync(join(here, "bin", file));
  const text = program.toString("latin1");

  test("is a program for x86-64 Windows, built from a source that is here", () => {
    const pe = program.readUInt32LE(0x3c);
    expect(text.slice(0, 2) + text.slice(pe, pe + 4)).toBe("MZPE\0\0");
    expect(program.readUInt16LE(pe + 4)).toBe(0x8664);
    expect(existsSync(join(here, source))).toBe(true);
  });

  test("imports what the manifest says", () => {
    const importDirectory = program.readUInt32LE(program.readUInt32LE(0x3c) + 24 + 120);
    expect(importDirectory !== 0).toBe(imports.length > 0);
    expect(image === "scratch").toBe(imports.length === 0);
    const named = new Set(
      Array.from(text.matchAll(/([\w-]+\.dll)\0/gi), ([, name]) =>
        name.toLowerCase().replace(/^(api-ms-win-crt)-.*/, "$1-*.dll"),
      ),
    );
    expect([...named].sort()).toEqual([...imports].sort());
  });

  test("holds the greeting it writes", () => {
    for (const file of expected.files.filter(({ path }) => path === "C:\\testfile.txt"))
      expect(program.includes(Buffer.from(sampleBytes(file)))).toBe(true);
  });
});
