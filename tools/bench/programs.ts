import { join } from "node:path";
import type { StartUpOptions } from "../../src/bench/start-up.ts";

export const root = join(import.meta.dirname, "..", "..");
export const kernelsDirectory = join(import.meta.dirname, "kernels");

export interface StartUp extends Pick<StartUpOptions, "until"> {
  readonly name: string;
  readonly title: string;
  readonly file: string;
  readonly image: "scratch" | "wine";
}

/** The starts that are measured. */
export const startUps: readonly StartUp[] = [
  {
    name: "hello-kernel",
    title: "hello-kernel to its first system call",
    file: join(root, "samples", "bin", "hello-kernel.exe"),
    image: "scratch",
    until: "system call",
  },
  {
    name: "hello",
    title: "hello on the wine image to main",
    file: join(import.meta.dirname, "hello.exe"),
    image: "wine",
    until: { function: "main" },
  },
];
