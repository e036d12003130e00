import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleBytes, samples, type Sample, type SampleFile } from "../../samples/index.ts";
import { deleteBuild, ring3, root } from "../support/ring3.ts";

/** A sample that never ends is cut off after so many instructions. */
const INSTRUCTIONS = 50_000_000;

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "ring3-samples-"))));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  deleteBuild();
});

async function run({ id, file, image, arguments: args, stdin, given, expected }: Sample) {
  const drive = join(directory, id);
  for (const one of given) {
    const host = join(drive, "C", ...one.path.slice(3).split("\\"));
    mkdirSync(dirname(host), { recursive: true });
    writeFileSync(host, sampleBytes(one));
  }
  mkdirSync(drive, { recursive: true });
  writeFileSync(join(drive, "stdin"), stdin);
  const { report, messages } = await ring3(
    [
      ...["--image", image, "--stdin", join(drive, "stdin")],
      ...(given.length > 0 ? ["--mount", `C:\\=${join(drive, "C")}`] : []),
      ...(expected.end === "never" ? ["--max-instructions", String(INSTRUCTIONS)] : []),
      ...[join(root, "samples", "bin", file), ...args],
    ],
    { from: "sources" },
  );
  if (!report) throw new Error(`${id} did not run: ${messages}`);
  return { report, messages };
}

const left = (files: readonly SampleFile[]) =>
  Object.fromEntries(files.map((file) => [file.path, createHash("sha256").update(sampleBytes(file)).digest("hex")]));

describe.each(samples)("$id", (sample) => {
  const { expected } = sample;

  test("does what its manifest says", async () => {
    const { report, messages } = await run(sample);
    expect(report.stdout).toBe(expected.stdout);
    if (expected.end === "never") {
      expect(report.exit.reason).not.toBe("exited");
      expect(report.instructions).toBe(INSTRUCTIONS);
    } else {
      expect({ reason: report.exit.reason, status: report.exit.status }).toEqual({
        reason: expected.end === "exit" ? "exited" : "fault",
        status: expected.status,
      });
    }
    if (expected.end === "fault") expect(messages).toMatch(/ACCESS_VIOLATION[^]*dead0000/i);
    const files = report.files.filter((file) => file.directory !== true && file.change !== "deleted");
    expect(Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]))).toEqual(left(expected.files));
  });
});
