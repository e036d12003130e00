/** Work of programs that nobody wrote to be measured, on inputs made from a seed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { corpusDirectory, fetchFolder } from "../../tests/corpus/programs.ts";
import { root } from "./programs.ts";

export interface RealWork {
  readonly name: string;
  readonly title: string;
  /** Host folder with the program and its DLLs. */
  readonly directory: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Bytes of seeded text in C:\w\input.txt. */
  readonly inputBytes: number;
}

/** A work, and what it needs beside a compiler or the corpus. */
type Plan = RealWork & { readonly prepare: () => void };

const built = join(root, ".cache", "bench-programs");
const MEGABYTE = 1_000_000;

const corpus = (name: string): Pick<Plan, "directory" | "prepare"> => ({
  directory: join(corpusDirectory, name),
  prepare: () => fetchFolder(name),
});

const plans: readonly Plan[] = [
  {
    name: "7za-compress",
    title: "7za compresses 10 MB",
    ...corpus("7za"),
    program: "7za.exe",
    args: ["a", "-mmt=1", "out.7z", "input.txt"],
    inputBytes: 10 * MEGABYTE,
  },
  {
    name: "7za-hash",
    title: "7za hashes 50 MB",
    ...corpus("7za"),
    program: "7za.exe",
    args: ["h", "-mmt=1", "-scrcSHA256", "input.txt"],
    inputBytes: 50 * MEGABYTE,
  },
  {
    name: "hmac256",
    title: "hmac256 over 20 MB",
    ...corpus("gnupg"),
    program: "hmac256.exe",
    args: ["key", "input.txt"],
    inputBytes: 20 * MEGABYTE,
  },
  {
    name: "sort-strings",
    title: "C++ sorts two million strings",
    directory: built,
    prepare: compileSort,
    program: "sort-strings.exe",
    args: ["2000000"],
    inputBytes: 0,
  },
];

function compileSort(): void {
  mkdirSync(built, { recursive: true });
  const source = join(import.meta.dirname, "sort-strings.cpp");
  const output = join(built, "sort-strings.exe");
  execFileSync("x86_64-w64-mingw32-g++", ["-O2", "-s", "-static", "-o", output, source], { stdio: "pipe" });
}

/** Those that can run here; `missing` is told what the others lack. */
export function prepareRealWork(missing: (work: RealWork, reason: string) => void): RealWork[] {
  return plans.flatMap(({ prepare, ...work }) => {
    try {
      prepare();
      if (!existsSync(join(work.directory, work.program))) throw new Error(`there is no ${work.program}`);
      return [work];
    } catch (error) {
      missing(work, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}
