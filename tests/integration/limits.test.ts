/** A limit is felt by the program as Windows would have it, and told to the reader in words. */
import { describe, expect, test } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { LoadError } from "../../kernel-shim/boot/load-error.ts";
import { samples } from "../../samples/index.ts";
import type { SandboxLimits } from "../../src/sandbox/options.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { sampleOptions, tiers } from "../support/sample-run.ts";

function start(id: string, limits: Partial<SandboxLimits>): Sandbox {
  const sample = samples.find((one) => one.id === id);
  if (!sample) throw new Error(`there is no sample ${id}`);
  const cpu = createCpu({ level: 3, translateAfter: tiers.interpreter, seed: 1 });
  return new Sandbox({ ...sampleOptions(sample, cpu), limits: { instructions: 5_000_000, ...limits } });
}

function run(id: string, limits: Partial<SandboxLimits>) {
  const sandbox = start(id, limits);
  while (sandbox.run(1_000_000).reason !== "ended");
  const output = sandbox.takeOutput().map(({ bytes }) => new TextDecoder().decode(bytes));
  const files = sandbox.changes().map(({ path }) => path);
  const messages = sandbox.limitMessages();
  sandbox.dispose();
  return { exit: sandbox.exit, messages, output: output.join(""), files, events: sandbox.trace.length };
}

describe("a limit that is not reached is not mentioned", () => {
  test.each(["hello-kernel", "files"])("%s", (id) => expect(run(id, {}).messages).toEqual([]));
});

test("instructions end the run", () => {
  const { exit, messages } = run("loop", {});
  expect(exit).toMatchObject({ reason: "limit", meaning: "The run reached its limit of instructions." });
  expect(messages).toEqual([]);
});

describe("files", () => {
  test("a new one is refused: ERROR_DISK_FULL", () => {
    const { messages, output, files } = run("files", { files: 3 });
    expect(messages).toEqual(["The program was refused a new file or folder: the run may have 3 of them."]);
    expect(output).toBe("C:\\work\\page-0.txt failed with error 112\r\n");
    expect(files).toHaveLength(3);
  });

  test("their bytes: a write is refused: STATUS_DISK_FULL", () => {
    const { messages, exit } = run("hello-kernel", { fileBytes: 16 });
    expect(messages).toEqual([
      "The program was refused space on the disk: the run may have 16 bytes of files of its own.",
    ]);
    expect(exit).toMatchObject({ reason: "exited", statusName: "STATUS_DISK_FULL" });
  });
});

describe("memory", () => {
  test("a thread that finds no place for its stack is refused", () => {
    const { messages, output } = run("threads", { memory: 3 * 2 ** 20 });
    expect(messages).toEqual(["The program was refused memory: the run may have 3 MB in all its processes together."]);
    expect(output).not.toContain("guarded 4000");
  });

  test("a program that has no place at all is not started", () => {
    const refusal = /This program cannot be started: the run may have 1000 bytes of memory, which is not enough/;
    expect(() => start("hello-kernel", { memory: 1000 })).toThrow(LoadError);
    expect(() => start("hello-kernel", { memory: 1000 })).toThrow(refusal);
  });
});

test("events: 0 keeps no trace, and says nothing of it", () => {
  const { messages, events, exit } = run("files", { events: 0 });
  expect({ messages, events, status: exit?.status }).toEqual({ messages: [], events: 0, status: 0 });
});

test("events: the trace keeps the first ones, the run goes on", () => {
  const { messages, events, exit } = run("files", { events: 10 });
  expect(exit).toMatchObject({ reason: "exited", status: 0 });
  expect(events).toBe(10);
  expect(messages).toEqual([
    expect.stringMatching(/^The trace is full: it holds the first 10 events; \d+ later ones are missing\.$/),
  ]);
});
