import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { measureKernel, type KernelDescription, type KernelMeasurement } from "../bench/kernel.ts";
import { readManifest } from "./bench.ts";

const root = join(import.meta.dirname, "..", "..");
const kernels = join(root, "tools", "bench", "kernels");

function kernel(name: string): KernelDescription {
  const found = readManifest(kernels).find((one) => one.name === name);
  if (!found) throw new Error(`there is no kernel ${name}`);
  return found;
}

test("ring3 bench runs a folder of kernels and writes what each took", () => {
  const folder = mkdtempSync(join(tmpdir(), "ring3-bench-"));
  try {
    const crc32 = kernel("crc32");
    cpSync(join(kernels, crc32.file), join(folder, "image"));
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ crc32: { ...crc32, file: "image" } }));
    const json = join(folder, "result.json");
    const args = ["bench", "--kernels", folder, "--run", "small", "--rounds", "1", "--json", json];
    const command = ["--import", "tsx", join(root, "src", "cli", "ring3.ts"), ...args];
    const { status, stdout } = spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
    expect(status).toBe(0);
    expect(stdout).toContain("crc32");
    const written = JSON.parse(readFileSync(json, "utf8")) as { readonly kernels: readonly KernelMeasurement[] };
    const { iterations, checksum, instructions } = crc32.runs.small;
    expect(written.kernels).toMatchObject([{ name: "crc32", iterations, checksum, instructions }]);
    expect(written.kernels[0].firstMs).toBeGreaterThan(0);
    expect(written.kernels[0].steadyMs).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a run that comes to something else than the manifest says is an error", () => {
  const sysc = kernel("sysc");
  const image = new Uint8Array(readFileSync(join(kernels, sysc.file)));
  const measure = (changes: Partial<KernelDescription["runs"]["small"]>) => {
    const runs = { ...sysc.runs, small: { ...sysc.runs.small, ...changes } };
    const createEngine = () => createCpu({ level: 3, translateAfter: Infinity, seed: 1 });
    return measureKernel(createEngine, { ...sysc, runs }, image, "small");
  };
  expect(measure({}).checksum).toBe(sysc.runs.small.checksum);
  expect(() => measure({ checksum: "0x0000000000000001" })).toThrow("instead of 0x0000000000000001");
  expect(() => measure({ instructions: 5 })).toThrow("instructions instead of 5");
});
