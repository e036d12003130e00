/** What memory costs: many snapshots, many runs, many gigabytes. */
import { freemem } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Context, Register } from "../../emulator/context.ts";
import { PAGE_SIZE, Protection } from "../../emulator/cpu.ts";
import { createCpu } from "../../emulator/engine.ts";
import { samples } from "../../samples/index.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { sampleOptions } from "../support/sample-run.ts";

const MB = 1_000_000;
const GIB = 0x4000_0000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes on JavaScript's heap and in its buffers. */
function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function sandboxOf(id: string, translateAfter: number): Sandbox {
  const sample = samples.find((one) => one.id === id);
  if (!sample) throw new Error(`no sample ${id}`);
  return new Sandbox(sampleOptions(sample, createCpu({ level: 3, translateAfter, seed: 1 })));
}

test("a thousand snapshots of a small process fit in 200 MB", { timeout: 180_000 }, () => {
  const sandbox = sandboxOf("hello-clib", Infinity);
  const before = usedBytes();
  const snapshots = Array.from({ length: 1000 }, () => {
    expect(sandbox.run(500).reason).toBe("slice");
    return sandbox.snapshot();
  });
  expect(usedBytes() - before).toBeLessThan(200 * MB);
  expect(new Set(snapshots).size).toBe(1000);
  sandbox.dispose();
});

test("a hundred runs in one worker leave nothing behind", { timeout: 180_000 }, async () => {
  const runs: WeakRef<Sandbox>[] = [];
  let before = 0;
  for (let count = 0; count < 100; count++) {
    const sandbox = sandboxOf("hello-kernel", 0);
    while (sandbox.run(MB).reason !== "ended");
    runs.push(new WeakRef(sandbox));
    sandbox.dispose();
    // References of this turn are kept until it is over.
    await new Promise((resolve) => setTimeout(resolve));
    if (count === 10) before = usedBytes();
  }
  expect(usedBytes() - before).toBeLessThan(5 * MB);
  expect(runs.filter((run) => run.deref()).length).toBeLessThan(3);
});

test.skipIf(freemem() < 6 * GIB)(
  "a program can touch three gigabytes (needs 6 GB of free memory)",
  { timeout: 180_000 },
  () => {
    const cpu = createCpu({ level: 3, translateAfter: 0, seed: 1 });
    const space = cpu.createAddressSpace();
    const code = 0x7ff0_0000_0000;
    const data = 0x100_2000_0000;
    const pages = (3 * GIB) / PAGE_SIZE;
    // mov [rax], rax; add rax, 4096; dec rcx; jnz; int3
    const program = [0x48, 0x89, 0x00, 0x48, 0x05, 0x00, 0x10, 0x00, 0x00, 0x48, 0xff, 0xc9, 0x75, 0xf2, 0xcc];
    space.map(code, PAGE_SIZE, Protection.Read | Protection.Execute, Uint8Array.from(program));
    space.map(data, 3 * GIB, Protection.Read | Protection.Write);
    const context = new Context();
    context.rip = code;
    context.setNumber(Register.RAX, data);
    context.setNumber(Register.RCX, pages);
    expect(cpu.run(space, context, 5 * pages)).toEqual({ reason: "breakpoint" });
    for (let page = 0; page < pages; page += 1009)
      expect(space.readPointer(data + page * PAGE_SIZE)).toBe(data + page * PAGE_SIZE);
    space.dispose();
  },
);
