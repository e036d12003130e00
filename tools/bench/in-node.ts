/** Makes one measurement in a process that has done nothing else: the argument is a NodeJob as JSON, the output its result. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { measureKernel, type KernelDescription, type RunSize } from "../../src/bench/kernel.ts";
import { measureStartUp } from "../../src/bench/start-up.ts";
import { createEngine } from "../../src/cli/cpu.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { imagesDirectory } from "../../src/cli/paths.ts";
import type { StartUp } from "./programs.ts";

export type NodeJob =
  | {
      readonly kind: "kernel";
      readonly kernel: KernelDescription;
      readonly file: string;
      readonly size: RunSize;
      readonly cpu: "translator" | "interpreter";
    }
  | { readonly kind: "start-up"; readonly startUp: StartUp; readonly cpu: "translator" | "libunicorn" };

function work(job: NodeJob) {
  switch (job.kind) {
    case "kernel": {
      const { kernel, file, size, cpu } = job;
      return measureKernel(() => createEngine({ cpu }), kernel, new Uint8Array(readFileSync(file)), size);
    }
    case "start-up": {
      const { file, image, until } = job.startUp;
      return measureStartUp({
        // Without counting, as fast as libunicorn can be: virtual time then advances by system calls.
        createCpu: () =>
          job.cpu === "libunicorn"
            ? createLibunicornCpu({ countInstructions: false })
            : createEngine({ cpu: "translator" }),
        program: new Uint8Array(readFileSync(file)),
        image: image === "wine" ? openBuiltImage(join(imagesDirectory, "wine")) : undefined,
        until,
      });
    }
  }
}

console.log(JSON.stringify(work(JSON.parse(process.argv[2]) as NodeJob)));
