import { afterEach, describe, expect, it } from "vitest";
import { Context, Flag, Register } from "../../context.ts";
import { GuestFault, PAGE_SIZE, Protection } from "../../cpu.ts";
import type { AddressSpace, Exit } from "../../cpu.ts";
import { Identity } from "../../identity.ts";
import { instructions } from "../../isa/index.ts";
import type { LibunicornCpu } from "./libunicorn-cpu.ts";
import { createLibunicornCpu } from "./libunicorn-cpu.ts";

const CODE = 0x1_4000_0000;
const DATA = 0x7fff_1234_0000;
const READ_WRITE = Protection.Read | Protection.Write;
const READ_EXECUTE = Protection.Read | Protection.Execute;

const cpus: LibunicornCpu[] = [];
afterEach(() => {
  for (const cpu of cpus.splice(0)) cpu.dispose();
});

interface Program {
  readonly cpu: LibunicornCpu;
  readonly space: AddressSpace;
  readonly context: Context;
  run(budget?: number): Exit;
}

function program(code: string, options: { countInstructions?: boolean } = {}): Program {
  const cpu = createLibunicornCpu(options);
  cpus.push(cpu);
  const space = cpu.createAddressSpace();
  space.map(CODE, PAGE_SIZE, READ_EXECUTE);
  space.poke(
    CODE,
    Uint8Array.from(code.trim().split(/\s+/), (byte) => parseInt(byte, 16)),
  );
  space.map(DATA, 2 * PAGE_SIZE, READ_WRITE);
  const context = new Context();
  context.rip = CODE;
  context.setNumber(Register.RSP, DATA + PAGE_SIZE);
  context.setNumber(Register.RDI, DATA);
  return { cpu, space, context, run: (budget = 1000) => cpu.run(space, context, budget) };
}

describe("budget", () => {
  it("is exact and resumes where it ended", () => {
    const p = program("48 ff c0 eb fb"); // L: inc rax; jmp L
    expect(p.run(7)).toEqual({ reason: "budget" });
    expect(p.cpu.executed).toBe(7);
    expect(p.context.get(Register.RAX)).toBe(4n);
    expect(p.context.rip).toBe(CODE + 3);
    p.run(1);
    expect(p.context.rip).toBe(CODE);
    expect(p.context.get(Register.RAX)).toBe(4n);
  });

  it("counts an instruction that jumps to itself each time", () => {
    const p = program("eb fe");
    expect(p.run(1000)).toEqual({ reason: "budget" });
    expect(p.cpu.executed).toBe(1000);
  });

  it("counts a repeated string instruction once", () => {
    const p = program("b9 00 01 00 00 f3 aa 0f 05"); // mov ecx, 256; rep stosb; syscall
    expect(p.run()).toEqual({ reason: "syscall" });
    expect(p.cpu.executed).toBe(3);
  });
});

describe.each([true, false])("exits with countInstructions %s", (countInstructions) => {
  it("SYSCALL leaves RIP behind it, RCX and R11 as hardware", () => {
    const p = program("31 c0 0f 05 90", { countInstructions }); // xor eax, eax; syscall
    expect(p.run()).toEqual({ reason: "syscall" });
    expect(p.context.rip).toBe(CODE + 4);
    expect(p.context.getNumber(Register.RCX)).toBe(CODE + 4);
    expect(p.context.getNumber(Register.R11)).toBe(p.context.rflags);
    expect(p.context.rflags & (Flag.ZF | Flag.PF | Flag.CF)).toBe(Flag.ZF | Flag.PF);
    expect(p.cpu.executed).toBe(countInstructions ? 2 : 1);
  });

  it("a fault leaves registers, flags and RIP of the instruction", () => {
    // mov eax, 5; add eax, -5; mov rbx, [0x5000]
    const p = program("b8 05 00 00 00 83 c0 fb 48 8b 1c 25 00 50 00 00", { countInstructions });
    p.context.set(Register.RBX, 77n);
    expect(p.run()).toEqual({ reason: "fault", address: 0x5000, access: "read", vector: "PF" });
    if (countInstructions) expect(p.context.rip).toBe(CODE + 8);
    expect(p.context.get(Register.RBX)).toBe(77n);
    expect(p.context.rflags & (Flag.ZF | Flag.CF)).toBe(Flag.ZF | Flag.CF);
    if (countInstructions) expect(p.cpu.executed).toBe(2);
  });

  it("stores to read-only pages and jumps to data fault", () => {
    const store = program("88 07", { countInstructions }); // mov [rdi], al
    store.space.protect(DATA, PAGE_SIZE, Protection.Read);
    expect(store.run()).toEqual({ reason: "fault", address: DATA, access: "write", vector: "PF" });
    const jump = program("ff e7", { countInstructions }); // jmp rdi
    expect(jump.run()).toEqual({ reason: "fault", address: DATA, access: "execute", vector: "PF" });
    expect(jump.context.rip).toBe(DATA);
  });

  it("pages without access fault but keep their bytes", () => {
    const p = program("8a 07 f4", { countInstructions }); // mov al, [rdi]; hlt
    p.space.poke(DATA, Uint8Array.of(42));
    p.space.protect(DATA, PAGE_SIZE, Protection.None);
    expect(p.run()).toMatchObject({ reason: "fault", address: DATA, access: "read" });
    p.space.protect(DATA, PAGE_SIZE, Protection.Read);
    expect(p.run()).toEqual({ reason: "exception", vector: "GP" });
    expect(p.context.get(Register.RAX)).toBe(42n);
    expect(p.context.rip).toBe(CODE + 2);
  });

  it("non-canonical addresses are general protection", () => {
    const p = program("8a 07", { countInstructions });
    p.context.set(Register.RDI, 0x1234_0000_0000_0000n);
    expect(p.run()).toEqual({ reason: "fault", address: 2 ** 64, access: "read", vector: "GP" });
  });

  it("names INT3, INT n, UD2 and a division by zero", () => {
    const int3 = program("90 cc", { countInstructions });
    expect(int3.run()).toEqual({ reason: "breakpoint" });
    expect(int3.context.rip).toBe(CODE + 2);
    const int29 = program("cd 29", { countInstructions });
    expect(int29.run()).toEqual({ reason: "interrupt", vector: 0x29 });
    expect(int29.context.rip).toBe(CODE + 2);
    const ud2 = program("90 0f 0b", { countInstructions });
    expect(ud2.run()).toEqual({ reason: "exception", vector: "UD" });
    expect(ud2.context.rip).toBe(CODE + 1);
    if (countInstructions) expect(ud2.cpu.executed).toBe(1);
    const divide = program("31 c9 90 f7 f1", { countInstructions }); // xor ecx, ecx; nop; div ecx
    expect(divide.run()).toEqual({ reason: "exception", vector: "DE" });
    expect(divide.context.rip).toBe(CODE + 3);
    if (countInstructions) expect(divide.cpu.executed).toBe(2);
    const gp = program("cd 0d f4", { countInstructions });
    expect(gp.run()).toEqual({ reason: "interrupt", vector: 13 });
    if (countInstructions) expect(gp.run()).toEqual({ reason: "exception", vector: "GP" });
  });
});

describe("state", () => {
  it("FS and GS bases, XMM, MXCSR and x87 go in and out", () => {
    // mov rax, gs:[0x30]; mov rbx, fs:[8]; movups xmm1, xmm0; fld1; ldmxcsr [rdi]; syscall
    const p = program("65 48 8b 04 25 30 00 00 00 64 48 8b 1c 25 08 00 00 00 0f 10 c8 d9 e8 0f ae 17 0f 05");
    p.space.writeUint32(DATA, 0x1fa0);
    p.space.writeUint64(DATA + 0x130, 0x1122_3344_5566_7788n);
    p.space.writeUint64(DATA + 0x208, 99n);
    p.context.gsBase = DATA + 0x100;
    p.context.fsBase = DATA + 0x200;
    p.context.xmm(0).set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    expect(p.run()).toEqual({ reason: "syscall" });
    expect(p.context.get(Register.RAX)).toBe(0x1122_3344_5566_7788n);
    expect(p.context.get(Register.RBX)).toBe(99n);
    expect([...p.context.xmm(1)]).toEqual([...p.context.xmm(0)]);
    expect(p.context.mxcsr).toBe(0x1fa0);
    expect([...p.context.x87(7)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
    expect(p.context.gsBase).toBe(DATA + 0x100);
  });

  it("each exception is the first", () => {
    const p = program("31 c9 f7 f1"); // xor ecx, ecx; div ecx
    for (let round = 0; round < 4; round++) {
      expect(p.run()).toEqual({ reason: "exception", vector: "DE" });
      p.context.rip = CODE;
    }
  });

  it("FXSAVE stores the XMM registers", () => {
    const p = program("0f ae 07 0f 05"); // fxsave [rdi]; syscall
    p.context.xmm(3).fill(0x5a);
    p.run();
    expect([...p.space.read(DATA + 0xa0 + 3 * 16, 16)]).toEqual([...p.context.xmm(3)]);
  });

  it("RDTSC shows virtual time", () => {
    const p = program("0f 31 0f 31 0f 31 eb fe"); // rdtsc; rdtsc; rdtsc; jmp $
    p.cpu.timeStamp = 0x5_0000_0000n;
    expect(p.run(10)).toEqual({ reason: "budget" });
    expect(p.cpu.executed).toBe(10);
    expect(p.context.get(Register.RAX)).toBe(2n);
    expect(p.context.get(Register.RDX)).toBe(5n);
  });

  it("CPUID tells what our own engine tells", () => {
    const p = program("b8 01 00 00 00 31 c9 0f a2 0f 05"); // mov eax, 1; xor ecx, ecx; cpuid; syscall
    expect(p.run()).toEqual({ reason: "syscall" });
    const [eax, ebx, , edx] = new Identity(instructions, 1).cpuid(1, 0);
    expect(p.context.getNumber(Register.RAX)).toBe(eax >>> 0);
    expect(p.context.getNumber(Register.RBX)).toBe(ebx >>> 0);
    expect(p.context.getNumber(Register.RDX)).toBe(edx >>> 0);
  });

  it("code that the kernel changes takes effect", () => {
    const p = program("b8 01 00 00 00 0f 05");
    p.run();
    expect(p.context.get(Register.RAX)).toBe(1n);
    p.space.poke(CODE + 1, Uint8Array.of(2));
    p.context.rip = CODE;
    p.run();
    expect(p.context.get(Register.RAX)).toBe(2n);
    p.space.map(CODE, PAGE_SIZE, READ_WRITE);
    p.space.write(CODE, Uint8Array.of(0xb8, 3, 0, 0, 0, 0x0f, 5));
    p.space.protect(CODE, PAGE_SIZE, READ_EXECUTE);
    p.context.rip = CODE;
    p.run();
    expect(p.context.get(Register.RAX)).toBe(3n);
  });

  it("code that rewrites itself takes effect", () => {
    // mov byte [rip+1], 7; mov eax, 1 (its immediate's first byte is the target); syscall
    const p = program("c6 05 01 00 00 00 07 b8 01 00 00 00 0f 05");
    p.space.protect(CODE, PAGE_SIZE, Protection.Read | Protection.Write | Protection.Execute);
    p.run();
    expect(p.context.get(Register.RAX)).toBe(7n);
  });
});

describe("memory", () => {
  it("shared pages are one memory in two spaces", () => {
    const p = program("c6 07 2a 0f 05"); // mov byte [rdi], 42; syscall
    const shared = { bytes: new Uint8Array(3 * PAGE_SIZE) };
    p.space.mapShared(DATA, PAGE_SIZE, READ_WRITE, shared, PAGE_SIZE);
    const other = p.cpu.createAddressSpace();
    other.mapShared(0x10000, 2 * PAGE_SIZE, READ_WRITE, shared, PAGE_SIZE);
    p.run();
    expect(other.readUint8(0x10000)).toBe(42);
    expect(shared.bytes[PAGE_SIZE]).toBe(42);
  });

  it("a write that would fault in its second page writes nothing", () => {
    const p = program("90");
    p.space.protect(DATA + PAGE_SIZE, PAGE_SIZE, Protection.Read);
    expect(() => p.space.writeUint64(DATA + PAGE_SIZE - 4, 0x1111_2222_3333_4444n)).toThrow(GuestFault);
    expect(p.space.readUint32(DATA + PAGE_SIZE - 4)).toBe(0);
    expect(p.space.readUint64(DATA + PAGE_SIZE - 4)).toBe(0n);
    expect(() => p.space.probe(DATA + PAGE_SIZE - 4, 8, "write")).toThrow(/write of 0x7fff12341000/);
  });

  it("cuts and saves runs", () => {
    const p = program("90");
    p.space.map(DATA, 4 * PAGE_SIZE, READ_WRITE);
    p.space.writeUint8(DATA + 2 * PAGE_SIZE, 9);
    p.space.protect(DATA + PAGE_SIZE, 2 * PAGE_SIZE, Protection.Read);
    p.space.unmap(DATA + PAGE_SIZE, PAGE_SIZE);
    expect(p.space.protectionAt(DATA + PAGE_SIZE)).toBeUndefined();
    expect(p.space.protectionAt(DATA + 2 * PAGE_SIZE)).toBe(Protection.Read);
    const copy = p.cpu.createAddressSpace(p.space.save());
    expect(copy.readUint8(DATA + 2 * PAGE_SIZE)).toBe(9);
    expect(String(copy)).toBe(String(p.space));
  });
});
