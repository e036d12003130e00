/** Measurements in Node, each in a process of its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "vite";
import type { KernelDescription, KernelMeasurement, RunSize } from "../../src/bench/kernel.ts";
import type { StartUpMeasurement } from "../../src/bench/start-up.ts";
import type { NodeJob } from "./in-node.ts";
import { kernelsDirectory, root, type StartUp } from "./programs.ts";

export class NodeBench {
  readonly #script: string;

  private constructor(script: string) {
    this.#script = script;
  }

  /** Builds what the processes run, as the command line is built. */
  static async start(): Promise<NodeBench> {
    const outDir = join(root, ".cache", "bench-node");
    await build({
      root,
      configFile: join(root, "vite.cli.config.ts"),
      logLevel: "error",
      build: { outDir, ssr: join(import.meta.dirname, "in-node.ts") },
    });
    return new NodeBench(join(outDir, "ring3.js"));
  }

  kernel(kernel: KernelDescription, size: RunSize, cpu: "translator" | "interpreter"): Promise<KernelMeasurement> {
    const file = join(kernelsDirectory, kernel.file);
    return this.#run<KernelMeasurement>({ kind: "kernel", kernel, file, size, cpu });
  }
  startUp(startUp: StartUp, cpu: "translator" | "libunicorn"): Promise<StartUpMeasurement> {
    return this.#run<StartUpMeasurement>({ kind: "start-up", startUp, cpu });
  }

  async #run<T>(job: NodeJob): Promise<T> {
    const { stdout } = await promisify(execFile)(process.execPath, [this.#script, JSON.stringify(job)], { cwd: root });
    return JSON.parse(stdout) as T;
  }
}
