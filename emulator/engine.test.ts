import { describe, expect, test } from "vitest";
import { Flag, Register } from "./context.ts";
import { CODE, DATA, PAGE, READ_WRITE, testMachine as machine, tiers } from "./test-machine.ts";

describe.each(tiers)("%s", (_name, tier) => {
  test("an access that wraps around the end of the address space faults", () => {
    // lodsw with RSI = 2^64 - 1
    const { run, context } = machine("66 ad", tier);
    context.set(Register.RSI, 0xffff_ffff_ffff_ffffn);
    expect(run()).toMatchObject({ reason: "fault", access: "read" });
    expect(context.rip).toBe(CODE);
  });

  test("RET releases up to 65535 bytes", () => {
    // ret 0xffff, to an int3 behind it
    const { run, context, space } = machine("c2 ff ff cc", tier);
    space.poke(DATA, Uint8Array.of(3, 0, 0, 0x40, 1));
    context.setNumber(Register.RSP, DATA);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(context.getNumber(Register.RSP)).toBe(DATA + 8 + 0xffff);
  });

  test.each([0n, 1n, 0xffff_ffff_ffff_ffffn, 0x8000_0000_0000n])("a jump to %i faults there", (target) => {
    // jmp rax
    const { run, context } = machine("ff e0", tier);
    context.set(Register.RAX, target);
    expect(run()).toMatchObject({ reason: "fault", access: "execute" });
  });

  test("a fault leaves registers, flags, RIP and the count as before the instruction", () => {
    // inc rax; add [rbx], rcx
    const { cpu, run, context } = machine("48 ff c0 48 01 0b", tier);
    context.setNumber(Register.RBX, DATA + 0x1ffc);
    expect(run()).toEqual({ reason: "fault", address: DATA + 2 * PAGE, access: "write", vector: "PF" });
    expect(context.rip).toBe(CODE + 3);
    expect(context.get(Register.RAX)).toBe(1n);
    expect(cpu.executed).toBe(1);
  });

  test("the budget is exact and SYSCALL leaves what hardware leaves", () => {
    // inc rax; dec rcx; jnz -8; syscall
    const { cpu, run, context } = machine("48 ff c0 48 ff c9 75 f8 0f 05", tier);
    context.setNumber(Register.RCX, 5);
    expect(run(7)).toEqual({ reason: "budget" });
    expect(cpu.executed).toBe(7);
    expect(context.rip).toBe(CODE + 3);
    expect(run()).toEqual({ reason: "syscall" });
    expect(cpu.executed).toBe(9);
    expect(context.get(Register.RAX)).toBe(5n);
    expect(context.get(Register.RCX)).toBe(BigInt(CODE + 10));
    expect(Number(context.get(Register.R11))).toBe(context.rflags);
  });

  test("code that an instruction changes behind itself takes effect at once", () => {
    // mov byte [rip+4], 0xc0 turns the `inc ecx` behind it (ff c1) into `inc eax`; syscall
    const { run, context } = machine("c6 05 01 00 00 00 c0 ff c1 0f 05", tier);
    expect(run()).toEqual({ reason: "syscall" });
    expect(context.get(Register.RAX)).toBe(1n);
  });

  test("TF raises #DB after one instruction", () => {
    const { cpu, run, context } = machine("48 ff c0 48 ff c0", tier);
    context.rflags |= Flag.TF;
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect(cpu.executed).toBe(1);
    expect(context.rip).toBe(CODE + 3);
  });

  test("INT1 traps after itself, whatever TF", () => {
    const { run, context } = machine("f1 90", tier);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect(context.rip).toBe(CODE + 1);
  });

  test("single string instructions use RSI and RDI each", () => {
    // movsb; movsq; cmpsb; int3
    const { space, run, context } = machine("a4 48 a5 a6 cc", tier);
    space.poke(DATA, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    space.poke(DATA + 0x109, Uint8Array.of(11));
    context.setNumber(Register.RSI, DATA);
    context.setNumber(Register.RDI, DATA + 0x100);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect([...space.read(DATA + 0x100, 9)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([Register.RSI, Register.RDI].map((r) => context.getNumber(r))).toEqual([DATA + 10, DATA + 0x10a]);
    expect(context.rflags & (Flag.CF | Flag.ZF | Flag.SF)).toBe(Flag.CF | Flag.SF);
  });

  test("REP MOVSB stops at the byte that faults, and counts once when it goes on", () => {
    const { cpu, space, run, context } = machine("f3 a4 cc", tier);
    space.poke(DATA, Uint8Array.of(1, 2, 3, 4));
    context.setNumber(Register.RSI, DATA);
    context.setNumber(Register.RDI, DATA + 0x1ffe);
    context.setNumber(Register.RCX, 4);
    expect(run()).toMatchObject({ reason: "fault", address: DATA + 2 * PAGE, access: "write" });
    expect([Register.RCX, Register.RSI, Register.RDI].map((r) => context.getNumber(r))).toEqual([2, DATA + 2, DATA + 2 * PAGE]); // prettier-ignore
    space.map(DATA + 2 * PAGE, PAGE, READ_WRITE);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(cpu.executed).toBe(2);
    expect(space.readUint32(DATA + 0x1ffe)).toBe(0x0403_0201);
  });
});
