import { describe, expect, test } from "vitest";
import { Register } from "./context.ts";
import { CODE, DATA, testMachine as machine, tiers } from "./test-machine.ts";

const { RSP, RBP, RBX, R12, RDI } = Register;
const NOWHERE = 0x8000_0000_0000n;
/** RSP or RBP after any PUSH or POP of 8 bytes is still nowhere. */
const DEEP = 0x1234_5678_0000_0000n;

describe.each(tiers)("%s", (_name, tier) => {
  const fault = (access: "read" | "write", vector: string) => ({
    reason: "fault",
    address: 2 ** 64 - 1,
    access,
    vector,
  });

  test.each([
    ["push rax", "50", "write", [RSP]],
    ["push 1", "6a 01", "write", [RSP]],
    ["push [rdi]", "ff 37", "write", [RSP]],
    ["push fs", "0f a0", "write", [RSP]],
    ["pushf", "9c", "write", [RSP]],
    ["pop rax", "58", "read", [RSP]],
    ["pop [rdi]", "8f 07", "read", [RSP]],
    ["pop fs", "0f a1", "read", [RSP]],
    ["popf", "9d", "read", [RSP]],
    ["call", "e8 00 00 00 00", "write", [RSP]],
    ["call [rdi]", "ff 17", "write", [RSP]],
    ["ret", "c3", "read", [RSP]],
    ["ret 8", "c2 08 00", "read", [RSP]],
    ["retf", "48 cb", "read", [RSP]],
    ["iret", "48 cf", "read", [RSP]],
    ["enter 8, 0", "c8 08 00 00", "write", [RSP]],
    ["enter 8, 2 from a frame that is nowhere", "c8 08 00 02", "read", [RBP]],
    ["leave", "c9", "read", [RBP]],
    ["mov rax, [rsp]", "48 8b 04 24", "read", [RSP]],
    ["mov [rbp], rax", "48 89 45 00", "write", [RBP]],
    ["inc dword [rbp]", "ff 45 00", "write", [RBP]],
    ["add rax, [rbp + 4 * rdx]", "48 03 44 95 00", "read", [RBP]],
    ["movups xmm0, [rsp]", "0f 10 04 24", "read", [RSP]],
    ["fld tbyte [rbp]", "db 6d 00", "read", [RBP]],
    ["fxsave [rsp], not aligned", "0f ae 44 24 01", "write", [RSP]],
    ["vpgatherdd xmm0, [rbp + xmm1], xmm2", "c4 e2 69 90 44 0d 00", "read", [RBP]],
    // DS and the others do not count in 64-bit mode.
    ["mov rax, ds:[rsp]", "3e 48 8b 04 24", "read", [RSP]],
  ] as const)("%s is #SS where no stack can be", (_what, code, access, registers) => {
    const { run, context, cpu } = machine(`${code} cc`, tier);
    for (const register of registers) context.set(register, DEEP);
    context.xmm(2).fill(0xff);
    expect(run()).toEqual(fault(access, "SS"));
    expect([context.rip, cpu.executed]).toEqual([CODE, 0]);
    for (const register of registers) expect(context.get(register)).toBe(DEEP);
  });

  test.each([
    ["mov rax, [rbx]", "48 8b 03", "read", [RBX]],
    ["mov rax, [r12]", "49 8b 04 24", "read", [R12]],
    ["mov rax, ss:[rbx]", "36 48 8b 03", "read", [RBX]],
    ["mov rax, gs:[rbp]", "65 48 8b 45 00", "read", [RBP]],
    ["mov rax, [rbp * 1 + 0]", "48 8b 04 2d 00 00 00 00", "read", [RBP]],
    ["push [rbx]", "ff 33", "read", [RBX]],
    ["pop [rbx]", "8f 03", "write", [RBX]],
    ["call [rbx]", "ff 13", "read", [RBX]],
    ["stosb", "aa", "write", [RDI]],
    ["rep stosb", "f3 aa", "write", [RDI]],
    // Alignment is looked at first.
    ["movaps xmm0, [rsp + 1]", "0f 28 44 24 01", undefined, [RSP]],
  ] as const)("%s is #GP there", (_what, code, access, registers) => {
    const { run, context } = machine(`${code} cc`, tier);
    context.setNumber(Register.RCX, 1);
    for (const register of registers) context.set(register, DEEP);
    expect(run()).toEqual(access ? fault(access, "GP") : { reason: "exception", vector: "GP" });
    expect(context.rip).toBe(CODE);
  });

  test("one byte that is not canonical is enough, whatever the page before", () => {
    // mov rax, [rsp]
    const { run, context } = machine("48 8b 04 24 cc", tier);
    context.set(RSP, NOWHERE - 7n);
    expect(run()).toEqual(fault("read", "SS"));
    context.set(RSP, NOWHERE - 8n);
    expect(run()).toMatchObject({ reason: "fault", vector: "PF" });
    // The last of them are no page faults, though they are next to addresses of the system's that are.
    context.set(RSP, 0xffff_7fff_ffff_ff00n);
    expect(run()).toEqual(fault("read", "SS"));
    context.set(RSP, 0xffff_8000_0000_0000n);
    expect(run()).toMatchObject({ reason: "fault", vector: "PF", address: 0xffff_8000_0000_0000 });
  });

  test.each([
    [0xffff_7fff_ffff_ff00n, "GP"],
    [0xffff_8000_0000_0000n, "PF"],
  ])("a jump to 0x%x is #%s", (target, vector) => {
    // jmp rbx
    const { run, context } = machine("ff e3", tier);
    context.set(RBX, target);
    expect(run()).toMatchObject({ reason: "fault", access: "execute", vector });
  });

  test("a loop whose stack ends is left with #SS", () => {
    // mov ecx, 400; L: push rax; pop rax; dec ecx; jnz L; mov rsp, rbx; L2: pop rax; jmp L2
    const { run, context, cpu } = machine("b9 90 01 00 00 50 58 ff c9 75 fa 48 89 dc 58 eb fd", tier);
    context.set(RBX, DEEP);
    expect(run()).toEqual(fault("read", "SS"));
    expect([context.rip, cpu.executed]).toEqual([CODE + 14, 1 + 400 * 4 + 1]);
  });

  test("RCL of memory that may not be written is a fault of a store", () => {
    // rcl dword [rdi], 1
    const { run, space } = machine("d1 17 cc", tier);
    space.protect(DATA, 0x1000, 1);
    expect(run()).toEqual({ reason: "fault", address: DATA, access: "write", vector: "PF" });
  });

  test("BT with an address of 32 bits stays within them", () => {
    // bt [ebx], eax
    const { run, context } = machine("67 0f a3 03 cc", tier);
    context.set(RBX, 0xffff_fff0n);
    context.set(Register.RAX, 0x100n);
    expect(run()).toEqual({ reason: "fault", address: 0x10, access: "read", vector: "PF" });
  });
});
