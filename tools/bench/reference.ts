/** What the engine is compared with: this processor, and libunicorn; runners in C, compiled on the spot. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KernelDescription, RunSize } from "../../src/bench/kernel.ts";
import { kernelsDirectory } from "./programs.ts";

export class ReferenceRunner {
  readonly #runner: string;
  readonly #file: (kernel: KernelDescription) => string;

  private constructor(runner: string, file: (kernel: KernelDescription) => string) {
    this.#runner = runner;
    this.#file = file;
  }

  /** Throws where it cannot be compiled. */
  static compile(name: "native" | "libunicorn"): ReferenceRunner {
    const folder = mkdtempSync(join(tmpdir(), "ring3-bench-"));
    process.once("exit", () => rmSync(folder, { recursive: true }));
    const runner = join(folder, name);
    const libraries = name === "libunicorn" ? ["-lunicorn"] : [];
    const source = join(import.meta.dirname, "reference", `${name}.c`);
    execFileSync("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", runner, source, ...libraries], { stdio: "pipe" });
    return new ReferenceRunner(
      runner,
      name === "native" ? ({ file }) => file.replace(/\.bin$/, ".ret.bin") : ({ file }) => file,
    );
  }

  /** Milliseconds. */
  run(kernel: KernelDescription, size: RunSize): number {
    const { iterations, checksum } = kernel.runs[size];
    const command = [join(kernelsDirectory, this.#file(kernel)), String(iterations)];
    const [found, milliseconds] = execFileSync(this.#runner, command, { encoding: "utf8" }).split(" ");
    if (found !== checksum) throw new Error(`${kernel.name}: ${found} instead of ${checksum} from ${this.#runner}`);
    return Number(milliseconds);
  }
}
