/** Makes one measurement in a process that has done nothing else: standard input is a NodeJob as JSON, the output its result. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { MemoryLayer, MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { measureColdCode, type CodeBlocks } from "../../src/bench/cold-code.ts";
import { measureKernel, type KernelDescription, type RunSize } from "../../src/bench/kernel.ts";
import { measureStartUp } from "../../src/bench/start-up.ts";
import { measureWork } from "../../src/bench/work.ts";
import { createEngine } from "../../src/cli/cpu.ts";
import { HostDirectory } from "../../src/cli/host-directory.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { imagesDirectory } from "../../src/cli/paths.ts";
import { workDirectory } from "../../src/sandbox/options.ts";
import type { StartUp } from "./programs.ts";
import type { RealWork } from "./real-work.ts";
import { seededText } from "./seeded-text.ts";

export type NodeJob =
  | {
      readonly kind: "kernel";
      readonly kernel: KernelDescription;
      readonly file: string;
      readonly size: RunSize;
      readonly cpu: "translator" | "interpreter";
    }
  | { readonly kind: "start-up"; readonly startUp: StartUp; readonly cpu: "translator" | "libunicorn" }
  | { readonly kind: "cold-code"; readonly sources: readonly CodeBlocks[] }
  | { readonly kind: "real-work"; readonly work: RealWork; readonly cpu: "translator" | "libunicorn" };

/** What two CPUs must agree on, as one hash of the output and of every file that was written. */
export interface RealWorkResult {
  readonly milliseconds: number;
  readonly instructions: number;
  readonly systemCalls: number;
  readonly output: string;
}

/** Without counting, as fast as libunicorn can be: virtual time then advances by system calls. */
const createCpu = (cpu: "translator" | "libunicorn") =>
  cpu === "libunicorn" ? createLibunicornCpu({ countInstructions: false }) : createEngine({ cpu });

const wineImage = () => openBuiltImage(join(imagesDirectory, "wine"));

function realWork(job: NodeJob & { readonly kind: "real-work" }): RealWorkResult {
  const { directory, program, args, inputBytes } = job.work;
  const work = workDirectory.slice(3);
  const input = inputBytes > 0 ? [[`${work}\\input.txt`, seededText(inputBytes)] as const] : [];
  const { milliseconds, instructions, systemCalls, stdout, files } = measureWork({
    createCpu: () => createCpu(job.cpu),
    layers: [new MemoryLayer("input", input), new MountedLayer("program", new HostDirectory(directory)), wineImage()],
    program: `C:\\program\\${program}`,
    args,
  });
  const hash = createHash("sha256").update(stdout);
  for (const { path, bytes } of files) hash.update(path).update(bytes);
  return { milliseconds, instructions, systemCalls, output: hash.digest("hex") };
}

function work(job: NodeJob) {
  switch (job.kind) {
    case "kernel": {
      const { kernel, file, size, cpu } = job;
      return measureKernel(() => createEngine({ cpu }), kernel, new Uint8Array(readFileSync(file)), size);
    }
    case "start-up": {
      const { file, image, until } = job.startUp;
      return measureStartUp({
        createCpu: () => createCpu(job.cpu),
        program: new Uint8Array(readFileSync(file)),
        image: image === "wine" ? wineImage() : undefined,
        until,
      });
    }
    case "cold-code":
      return measureColdCode(() => createEngine({ cpu: "translator" }), wineImage(), job.sources);
    case "real-work":
      return realWork(job);
  }
}

console.log(JSON.stringify(work(JSON.parse(readFileSync(0, "utf8")) as NodeJob)));
