/** Programs that try to hang us, to exhaust us or to make us fail: each ends, and says how. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCpu } from "../../../emulator/engine.ts";
import { samples } from "../../../samples/index.ts";
import type { SandboxLimits } from "../../../src/sandbox/options.ts";
import { Sandbox } from "../../../src/sandbox/sandbox.ts";
import { compilerVersion } from "../../../tools/guest-programs.ts";
import { sampleOptions, tiers } from "../../support/sample-run.ts";

describe.skipIf(compilerVersion() === undefined)("compiled by MinGW-w64, which must be there", () => {
  let program: Uint8Array;
  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), "ring3-hostile-"));
    try {
      const output = join(directory, "hostile.exe");
      const source = join(import.meta.dirname, "hostile.c");
      const { stderr } = spawnSync("x86_64-w64-mingw32-gcc", ["-O1", "-o", output, source], { encoding: "utf8" });
      expect(stderr).toBe("");
      program = readFileSync(output);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
  let sandbox: Sandbox | undefined;
  afterAll(() => sandbox?.dispose());

  function run(name: string, limits: Partial<SandboxLimits> = {}) {
    sandbox?.dispose();
    const sample = samples.find(({ image }) => image === "wine");
    if (!sample) throw new Error("no sample runs on the wine image");
    const cpu = createCpu({ level: 3, translateAfter: tiers.default, seed: 1 });
    const options = sampleOptions({ ...sample, arguments: [name], given: [] }, cpu, program);
    sandbox = new Sandbox({
      ...options,
      limits: { instructions: 3e8, memory: 2 ** 28, events: 10_000, fileBytes: 2 ** 24, ...limits },
    });
    while (sandbox.run(10_000_000).reason !== "ended");
    const text = new TextDecoder();
    const output = sandbox.takeOutput().map(({ bytes }) => text.decode(bytes));
    return { exit: sandbox.exit, output: output.join("").trim(), messages: sandbox.limitMessages() };
  }

  test.each([
    ["exception-recursion", /STATUS_(STACK_OVERFLOW|ACCESS_VIOLATION)/],
    ["stack-overflow", /STATUS_STACK_OVERFLOW/],
    ["stack-without-teb", /STATUS_(GUARD_PAGE_VIOLATION|ACCESS_VIOLATION|STACK_OVERFLOW)/],
    ["stack-without-memory", /STATUS_STACK_OVERFLOW/],
    ["no-stack", /STATUS_ACCESS_VIOLATION/],
    ["no-stack-exception", /STATUS_BREAKPOINT/],
    ["kernel-stack", /STATUS_ACCESS_VIOLATION/],
    ["syscall-without-stack", /STATUS_ILLEGAL_INSTRUCTION/],
  ])("%s ends in a fault", { timeout: 120_000 }, (name, status) => {
    const { exit } = run(name);
    expect(exit?.reason).toBe("fault");
    expect(exit?.statusName).toMatch(status);
  });

  test.each(["endless-fault", "output"])("%s ends at the limit", { timeout: 120_000 }, (name) => {
    expect(run(name, { instructions: 1e7 }).exit?.reason).toBe("limit");
  });

  test(
    "a load by RBP from where no address can be is a stack fault, by RCX a general protection fault",
    { timeout: 120_000 },
    () => {
      expect(run("nowhere").output.split(/\s*\n/)).toEqual(["c0000005 2 3 0", "c0000005 2 0 ffffffffffffffff"]);
    },
  );

  test("threads that all wait are told", { timeout: 120_000 }, () => {
    expect(run("suspend-self").exit?.reason).toBe("deadlock");
  });

  test.each([
    ["handles", "1", 0],
    ["commit", "1", 0],
    ["reserve", "4000", 0],
    ["fragments", "4000", 0],
    ["threads", "1", 0],
    ["directories", "800 deep", 0],
    ["registry", /^[0-3] values, error (613|1450)$/, 0],
    ["terminate", "alive", 77],
    ["processes", "1", 3],
  ] as const)("%s: refused at some point, and goes on", { timeout: 120_000 }, (name, output, status) => {
    const result = run(name);
    expect(result.exit).toMatchObject({ reason: "exited", status });
    expect(result.output).toMatch(output);
  });
});
