/** Programs that are in no repository: compiled here and now, with values that only this run knows. */
import { createHash, randomInt } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compilerVersion } from "../../tools/guest-programs.ts";
import { deleteBuild, ring3 } from "../support/ring3.ts";

const c = String.raw`
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

int main(int argc, char **argv) {
  unsigned state = strtoul(argv[1], 0, 10);
  qsort(argv + 2, argc - 2, sizeof *argv, ascending);
  for (int i = 2; i < argc; i++) printf("%s%s", argv[i], i + 1 < argc ? "," : "\n");
  FILE *file = fopen("C:\\numbers.csv", "w");
  if (!file) return 1;
  double sum = 0;
  for (int i = 0; i < 100; i++) {
    state = state * 1664525u + 1013904223u;
    fprintf(file, "%d;%u\n", i, state);
    sum += state / 4294967296.0;
  }
  fclose(file);
  printf("%.12f\n", sum);
  return state % 200;
}
`;

const cpp = String.raw`
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Counter { virtual ~Counter() = default; virtual void add(const std::string &word) = 0; };
struct MapCounter : Counter {
  std::map<std::string, int> counts;
  void add(const std::string &word) override {
    if (word == "forbidden") throw std::invalid_argument("a word that is " + word);
    ++counts[word];
  }
};

int main(int argc, char **argv) {
  auto counter = std::make_unique<MapCounter>();
  std::vector<std::string> refused;
  for (std::string word; std::cin >> word;) {
    try { counter->add(word); } catch (const std::exception &error) { refused.push_back(error.what()); }
  }
  std::ofstream file(argv[1]);
  for (const auto &[word, count] : counter->counts) file << word << " " << count << "\n";
  file.close();
  std::ostringstream text;
  for (const auto &one : refused) text << "refused " << one << "\n";
  std::cout << text.str() << counter->counts.size() << " words" << std::endl;
  return argc;
}
`;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const lines = (all: readonly string[]) => all.map((line) => `${line}\r\n`).join("");

describe.skipIf(compilerVersion() === undefined)("compiled by MinGW-w64, which must be there", () => {
  let directory: string;
  beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "ring3-compiled-"))));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
    deleteBuild();
  });

  function compile(name: string, text: string, options: readonly string[]): string {
    const [source, program] = [join(directory, name), join(directory, `${name}.exe`)];
    writeFileSync(source, text);
    const compiler = `x86_64-w64-mingw32-${name.endsWith(".cpp") ? "g++" : "gcc"}`;
    const { status, stderr } = spawnSync(compiler, [...options, "-o", program, source], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    return program;
  }

  test.each([["-O0"], ["-O3"]])("C, %s: sorts, computes and writes a file", { timeout: 120_000 }, async (level) => {
    const program = compile(`sort${level}.c`, c, [level]);
    const seed = randomInt(2 ** 32);
    const words = ["quince", "apple", "medlar", String(randomInt(1e9))];
    let state = seed;
    let sum = 0;
    const rows = Array.from({ length: 100 }, (_, index) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
      return `${index};${state}`;
    });
    const { report, messages } = await ring3([program, String(seed), ...words], { from: "sources" });
    expect(messages).toBe("");
    expect(report?.exit).toEqual({ reason: "exited", status: state % 200, statusName: null });
    expect(report?.stdout).toBe(lines([[...words].sort().join(","), sum.toFixed(12)]));
    const csv = lines(rows);
    expect(report?.files).toEqual([
      { path: "C:\\numbers.csv", change: "created", size: csv.length, sha256: sha256(csv) },
    ]);
  });

  test(
    "YMM registers outlast a continued exception, and are seen and set from another thread",
    { timeout: 120_000 },
    async () => {
      const text = readFileSync(new URL("extended-state.c", import.meta.url), "utf8");
      const program = compile("extended-state.c", text, ["-O2", "-mavx2"]);
      const { report, messages } = await ring3([program, String(randomInt(2 ** 32))], { from: "sources" });
      expect(messages).toBe("");
      expect(report?.stdout).toBe(
        lines(["XSAVE 1, AVX 1, AVX2 1, features 7", "flags 10005f, mask 7, 256 bytes", "other thread: seen 1, set 1"]),
      );
    },
  );

  test(
    "hardware breakpoints of a program's own: on an instruction that is hot, and on stores",
    { timeout: 120_000 },
    async () => {
      const text = readFileSync(new URL("hardware-breakpoints.c", import.meta.url), "utf8");
      const { report, messages } = await ring3([compile("breakpoints.c", text, ["-O1"])], { from: "sources" });
      expect(messages).toBe("");
      // Calls, of them trapped, stores trapped, and what the calls returned.
      expect(report?.stdout).toBe(lines(["20100 50 50 599977350"]));
    },
  );

  test("code that a program generates and rewrites, in each way that Windows has", { timeout: 120_000 }, async () => {
    const text = readFileSync(new URL("generated-code.c", import.meta.url), "utf8");
    const { report, messages } = await ring3([compile("generated-code.c", text, ["-O1"])], { from: "sources" });
    expect(messages).toBe("");
    // 1 + … + 8, each 6000 times
    const sum = String(36 * 6000);
    expect(report?.stdout).toBe(
      lines(["direct", "protected", "other view", "WriteProcessMemory", "thread", "allocated anew"].map((how) => `${how} ${sum}`)), // prettier-ignore
    );
  });

  test("C++: streams, containers, exceptions and virtual functions", { timeout: 120_000 }, async () => {
    const program = compile("count.cpp", cpp, ["-O2", "-std=c++17", "-static"]);
    const word = `w${randomInt(1e9)}`;
    const input = join(directory, "words");
    writeFileSync(input, `b ${word} a forbidden b\n${word} b`);
    const { report, messages } = await ring3(["--stdin", input, program, "C:\\counts.txt"], { from: "sources" });
    expect(messages).toBe("");
    expect(report?.exit).toEqual({ reason: "exited", status: 2, statusName: null });
    expect(report?.stdout).toBe(lines(["refused a word that is forbidden", "3 words"]));
    const counts = lines(["a 1", "b 3", `${word} 2`]);
    expect(report?.files).toEqual([
      { path: "C:\\counts.txt", change: "created", size: counts.length, sha256: sha256(counts) },
    ]);
  });
});
