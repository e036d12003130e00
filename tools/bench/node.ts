/** Measurements in Node, each in a process of its own. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { build } from "vite";
import { nodeBuild, warmingRun } from "../../vite.cli.config.ts";
import type { CodeBlocks, ColdCodeMeasurement } from "../../src/bench/cold-code.ts";
import type { KernelDescription, KernelMeasurement, RunSize } from "../../src/bench/kernel.ts";
import type { StartUpMeasurement } from "../../src/bench/start-up.ts";
import type { NodeJob, RealWorkResult } from "./in-node.ts";
import { kernelsDirectory, root, startUps, type StartUp } from "./programs.ts";
import type { RealWork } from "./real-work.ts";

/** What the build of the command line runs as well. */
function warmingJob(): NodeJob {
  const { image, file } = warmingRun;
  const [kernelStart] = startUps;
  if (image === "scratch") return { kind: "start-up", startUp: kernelStart, cpu: "translator" };
  const directory = join(root, "samples", "bin");
  const work = { name: "hello", title: "hello", directory, program: file, args: [], inputBytes: 0 };
  return { kind: "real-work", work, cpu: "translator" };
}

export class NodeBench {
  readonly #script: string;

  private constructor(script: string) {
    this.#script = script;
  }

  /** Builds what the processes run, as the command line is built. */
  static async start(): Promise<NodeBench> {
    const outDir = join(root, ".cache", "bench-node");
    const config = nodeBuild(join(import.meta.dirname, "in-node.ts"), {
      args: [],
      input: JSON.stringify(warmingJob()),
    });
    await build({ ...config, root, configFile: false, logLevel: "error", build: { ...config.build, outDir } });
    return new NodeBench(join(outDir, "ring3.js"));
  }

  kernel(kernel: KernelDescription, size: RunSize, cpu: "translator" | "interpreter"): Promise<KernelMeasurement> {
    const file = join(kernelsDirectory, kernel.file);
    return this.#run<KernelMeasurement>({ kind: "kernel", kernel, file, size, cpu });
  }
  startUp(startUp: StartUp, cpu: "translator" | "libunicorn"): Promise<StartUpMeasurement> {
    return this.#run<StartUpMeasurement>({ kind: "start-up", startUp, cpu });
  }
  coldCode(sources: readonly CodeBlocks[]): Promise<ColdCodeMeasurement> {
    return this.#run<ColdCodeMeasurement>({ kind: "cold-code", sources });
  }
  realWork(work: RealWork, cpu: "translator" | "libunicorn"): Promise<RealWorkResult> {
    return this.#run<RealWorkResult>({ kind: "real-work", work, cpu });
  }

  async #run<T>(job: NodeJob): Promise<T> {
    const child = spawn(process.execPath, [this.#script], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(JSON.stringify(job));
    const output = await text(child.stdout);
    if (output === "") throw new Error(`the measurement of ${job.kind} failed`);
    return JSON.parse(output) as T;
  }
}
