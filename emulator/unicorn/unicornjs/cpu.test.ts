import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { MemoryLayer } from "../../../kernel-shim/io-manager/memory-layer.ts";
import { Sandbox } from "../../../src/sandbox/sandbox.ts";
import { Context, Flag, Register } from "../../context.ts";
import { GuestFault, PAGE_SIZE, Protection } from "../../cpu.ts";
import { createCpu } from "../../engine.ts";
import { HookType } from "../constants.ts";
import * as exported from "../module.ts";
import { UnicornJsCpu } from "./cpu.ts";
import { loadUnicornJs } from "./module.ts";

const CODE = 0x1_4000_0000;
const DATA = 0x7fff_1234_0000;
const READ_WRITE = Protection.Read | Protection.Write;
const READ_EXECUTE = Protection.Read | Protection.Execute;

/** Our own façade stands for unicorn.js. */
const unicornJs = await loadUnicornJs(exported);
/** What builds of unicorn.js do otherwise: fail where each instruction of a long block is hooked, fail at PEXTRW, map memory that holds something. */
class Unlike extends unicornJs.Unicorn {
  override hook_add(...parameters: Parameters<InstanceType<typeof unicornJs.Unicorn>["hook_add"]>): unknown {
    if (parameters[0] & HookType.CODE) throw new Error("every instruction is hooked");
    return super.hook_add(...parameters);
  }
  override mem_map(address: number, size: number, perms: number): void {
    super.mem_map(address, size, perms);
    super.mem_write(address, new Uint8Array(size).fill(0xc1));
  }
}
const cpus: UnicornJsCpu[] = [];
afterEach(() => {
  for (const cpu of cpus.splice(0)) cpu.dispose();
});

function program(code: string, module = unicornJs) {
  const cpu = new UnicornJsCpu(module);
  cpus.push(cpu);
  const space = cpu.createAddressSpace();
  const bytes = Uint8Array.from(code.split(" "), (byte) => parseInt(byte, 16));
  space.map(CODE, PAGE_SIZE, READ_EXECUTE, bytes);
  space.map(DATA, 2 * PAGE_SIZE, READ_WRITE);
  const context = new Context();
  context.rip = CODE;
  context.setNumber(Register.RSP, DATA + PAGE_SIZE);
  context.setNumber(Register.RDI, DATA);
  return { cpu, space, context, run: (budget = 1000) => cpu.run(space, context, budget) };
}

test("what is no build of unicorn.js says so", async () => {
  await expect(loadUnicornJs({})).rejects.toThrow("exports no MUnicorn");
  await expect(loadUnicornJs(() => Promise.resolve({}))).rejects.toThrow("has no Unicorn");
  expect(await loadUnicornJs({ default: exported.MUnicorn })).toBe(unicornJs);
});

describe("runs", () => {
  test("the budget is exact, and a run goes on where it ended", () => {
    const p = program("48 ff c0 eb fb"); // L: inc rax; jmp L
    expect(p.run(7)).toEqual({ reason: "budget" });
    expect([p.cpu.executed, p.context.get(Register.RAX), p.context.rip]).toEqual([7, 4n, CODE + 3]);
    p.run(1);
    expect([p.cpu.executed, p.context.get(Register.RAX), p.context.rip]).toEqual([1, 4n, CODE]);
  });

  test("SYSCALL leaves RIP behind it, RCX and R11 as hardware", () => {
    const p = program("31 c0 0f 05"); // xor eax, eax; syscall
    expect(p.run()).toEqual({ reason: "syscall" });
    expect([p.context.rip, p.context.getNumber(Register.RCX), p.cpu.executed]).toEqual([CODE + 4, CODE + 4, 2]);
    expect(p.context.getNumber(Register.R11)).toBe(p.context.rflags);
    expect(p.context.rflags & (Flag.ZF | Flag.CF)).toBe(Flag.ZF);
  });

  test("a fault leaves registers and RIP of the instruction", () => {
    const p = program("48 ff c0 48 8b 1c 25 00 50 00 00"); // inc rax; mov rbx, [0x5000]
    p.context.set(Register.RBX, 77n);
    expect(p.run()).toEqual({ reason: "fault", address: 0x5000, access: "read", vector: "PF" });
    expect([p.context.rip, p.context.get(Register.RBX), p.cpu.executed]).toEqual([CODE + 3, 77n, 1]);
  });

  test("stores to read-only pages and jumps to data fault, as do pages without access", () => {
    const store = program("88 07"); // mov [rdi], al
    store.space.protect(DATA, PAGE_SIZE, Protection.Read);
    expect(store.run()).toMatchObject({ reason: "fault", address: DATA, access: "write" });
    store.space.protect(DATA, PAGE_SIZE, Protection.None);
    expect(store.run()).toMatchObject({ reason: "fault", address: DATA, access: "write" });
    const jump = program("ff e7"); // jmp rdi
    expect(jump.run()).toMatchObject({ reason: "fault", address: DATA, access: "execute" });
    const wild = program("8a 07");
    wild.context.set(Register.RDI, 0x1234_0000_0000_0000n);
    expect(wild.run()).toMatchObject({ reason: "fault", vector: "GP" });
  });

  test.each([
    ["int3", "90 cc", { reason: "breakpoint" }, 2, 2],
    ["int 0x2d", "cd 2d", { reason: "interrupt", vector: 0x2d }, 2, 1],
    ["ud2", "90 0f 0b", { reason: "exception", vector: "UD" }, 1, 1],
    ["a division by zero", "31 c9 f7 f1", { reason: "exception", vector: "DE" }, 2, 1],
  ])("%s", (_name, code, exit, rip, executed) => {
    const p = program(code);
    for (let round = 0; round < 3; round++) {
      p.context.rip = CODE;
      expect(p.run()).toEqual(exit);
      expect([p.context.rip, p.cpu.executed]).toEqual([CODE + rip, executed]);
    }
  });

  test("RDTSC shows virtual time, CPUID this project's level 1", () => {
    const p = program("90 0f 31 cc"); // nop; rdtsc; int3
    p.cpu.timeStamp = 0x5_0000_0000n;
    expect(p.run()).toEqual({ reason: "breakpoint" });
    expect([p.context.get(Register.RAX), p.context.get(Register.RDX), p.cpu.executed]).toEqual([1n, 5n, 3]);
    const code = "31 c0 0f a2 cc"; // xor eax, eax; cpuid; int3
    const identity = program(code);
    identity.run();
    const own = createCpu({ level: 1, translateAfter: Infinity, seed: 1 });
    const space = own.createAddressSpace();
    space.map(
      CODE,
      PAGE_SIZE,
      READ_EXECUTE,
      Uint8Array.from(code.split(" "), (byte) => parseInt(byte, 16)),
    );
    const context = new Context();
    context.rip = CODE;
    own.run(space, context, 10);
    for (const register of [0, 1, 2, 3] as const) expect(identity.context.get(register)).toBe(context.get(register));
  });

  test("registers of every kind come and go", () => {
    const p = program("0f 57 c0 d9 e8 cc"); // xorps xmm0, xmm0; fld1; int3
    p.context.xmm(0).fill(1);
    p.context.xmm(15).fill(15);
    p.run();
    expect([p.context.xmm(0)[3], p.context.xmm(15)[3]]).toEqual([0, 15]);
    expect([...p.context.x87(7)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
  });

  test("code that the kernel changes takes effect", () => {
    const p = program("b0 01 0f 05"); // mov al, 1; syscall
    p.run();
    p.space.poke(CODE + 1, Uint8Array.of(2));
    p.context.rip = CODE;
    p.run();
    expect(p.context.getLow32(Register.RAX) & 0xff).toBe(2);
  });
});

test("what builds of unicorn.js do otherwise changes nothing", () => {
  const p = program("66 0f c5 c1 02 48 8b 1f 90 cc", { Unicorn: Unlike }); // pextrw eax, xmm1, 2; mov rbx, [rdi]; nop; int3
  p.context.xmm(1).set([1, 2, 3, 4, 5, 6]);
  p.context.set(Register.RBX, 7n);
  expect(p.run(2)).toEqual({ reason: "budget" });
  expect([p.context.get(Register.RAX), p.context.get(Register.RBX), p.context.rip]).toEqual([0x605n, 0n, CODE + 8]);
  expect([p.run(), p.cpu.executed]).toEqual([{ reason: "breakpoint" }, 2]);
});

test("instructions that unicorn.js leaves at the start of their block fault where they are", () => {
  const p = program("ff c0 ff c0 31 c9 31 d2 f7 f1"); // inc eax; inc eax; xor ecx, ecx; xor edx, edx; div ecx
  expect(p.run()).toEqual({ reason: "exception", vector: "DE" });
  expect([p.context.rip, p.context.get(Register.RAX), p.cpu.executed]).toEqual([CODE + 8, 2n, 4]);
});

test("a repeated string instruction counts once, wherever its block is left", () => {
  const p = program("b9 03 00 00 00 f3 aa 90 90 eb f5"); // L: mov ecx, 3; rep stosb; nop; nop; jmp L
  for (const [budget, rip] of [
    [2, 7],
    [1, 8],
    [4, 7],
  ] as const) {
    expect(p.run(budget)).toEqual({ reason: "budget" });
    expect([p.cpu.executed, p.context.rip]).toEqual([budget, CODE + rip]);
  }
});

describe("memory", () => {
  test("shared pages are seen by every view, in runs and outside", () => {
    const pages = { bytes: new Uint8Array(PAGE_SIZE) };
    const p = program("c6 47 05 07 8a 47 06 cc"); // mov byte [rdi+5], 7; mov al, [rdi+6]; int3
    p.space.mapShared(DATA, PAGE_SIZE, READ_WRITE, pages, 0);
    p.space.mapShared(DATA + PAGE_SIZE, PAGE_SIZE, Protection.Read, pages, 0);
    pages.bytes[6] = 9;
    p.run();
    expect([pages.bytes[5], p.context.getLow32(Register.RAX) & 0xff]).toEqual([7, 9]);
    p.space.writeUint16(DATA + 8, 0x1234);
    expect([pages.bytes[8], p.space.readUint8(DATA + PAGE_SIZE + 9)]).toEqual([0x34, 0x12]);
  });

  test("protection is honoured, and a write does nothing when any byte of it faults", () => {
    const { space } = program("90");
    expect(() => space.write(DATA + 2 * PAGE_SIZE - 1, Uint8Array.of(1, 2))).toThrow(GuestFault);
    expect(space.readUint8(DATA + 2 * PAGE_SIZE - 1)).toBe(0);
    expect(() => space.writeUint8(CODE, 1)).toThrow(GuestFault);
    expect(() => space.probe(DATA, 1, "execute")).toThrow(GuestFault);
    space.unmap(DATA, PAGE_SIZE);
    expect([space.protectionAt(DATA), space.protectionAt(DATA + PAGE_SIZE)]).toEqual([undefined, READ_WRITE]);
    space.writePointer(DATA + PAGE_SIZE, 0x1234_5678_9abc);
    expect(space.readPointer(DATA + PAGE_SIZE)).toBe(0x1234_5678_9abc);
  });

  test("an image has what was there", () => {
    const { cpu, space } = program("90");
    space.writeUint32(DATA + 4, 0xdead_beef);
    const image = space.save();
    space.writeUint32(DATA + 4, 0);
    const copy = cpu.createAddressSpace(image);
    expect([copy.readUint32(DATA + 4), copy.protectionAt(CODE)]).toEqual([0xdead_beef, READ_EXECUTE]);
  });
});

test("a Windows program runs", () => {
  const file = join(import.meta.dirname, "../../../samples/bin/hello-kernel.exe");
  const sandbox = new Sandbox({
    cpu: new UnicornJsCpu(unicornJs),
    layers: [new MemoryLayer("program", [["w\\hello.exe", new Uint8Array(readFileSync(file))]])],
    program: "C:\\w\\hello.exe",
  });
  while (sandbox.run(1_000_000).reason !== "ended");
  expect(sandbox.exit?.reason).toBe("exited");
  const [created] = sandbox.changes();
  expect(created.path).toBe("C:\\testfile.txt");
  expect(new TextDecoder("utf-16le").decode(created.read?.())).toContain("Hello from the kernel");
  sandbox.dispose();
});
