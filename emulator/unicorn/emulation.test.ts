import { describe, expect, test } from "vitest";
import { CODE, DATA, failed, program, thrown, uc } from "./test-engine.ts";

describe("emu_start", () => {
  test("runs to `until`, in numbers or bigints", () => {
    // inc rax; inc rax; inc rax
    const { e } = program("48 ff c0 48 ff c0 48 ff c0");
    e.emu_start(CODE, BigInt(CODE + 6));
    expect([e.reg_read_i64(uc["X86_REG_RAX"]), e.reg_read_i64(uc["X86_REG_RIP"])]).toEqual([2n, BigInt(CODE + 6)]);
    e.emu_start(BigInt(CODE), CODE);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(2n);
  });

  test("`until` may be unmapped, and inside hot code", () => {
    // L: inc rax; cmp rax, rcx; jne L; jmp rbx
    const { e, run } = program("48 ff c0 48 39 c8 75 f8 ff e3");
    e.reg_write_i64(uc["X86_REG_RCX"], 100_000n);
    e.reg_write_i64(uc["X86_REG_RBX"], 0x1234n);
    e.emu_start(CODE, 0x1234);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(100_000n);
    e.emu_start(CODE, CODE + 6);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(100_001n);
    e.reg_write_i64(uc["X86_REG_RAX"], 0n);
    expect(thrown(run)).toBe(failed("uc_emu_start", "ERR_FETCH_UNMAPPED"));
  });

  test("count is exact", () => {
    // L: inc rax; jmp L
    const { e, run } = program("48 ff c0 eb fb");
    run(0, 7);
    expect([e.reg_read_i64(uc["X86_REG_RAX"]), e.reg_read_i64(uc["X86_REG_RIP"])]).toEqual([4n, BigInt(CODE + 3)]);
    e.emu_start(CODE + 3, 0, 0, 1_000_001);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(500_004n);
  });

  test("the timeout, in microseconds, ends a loop", () => {
    const { e, run } = program("eb fe");
    const begin = performance.now();
    run(20_000);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(20);
    expect([e.query_i32(uc["QUERY_TIMEOUT"]), e.ctl_get_timeout()]).toEqual([1, 20_000_000n]);
    run(10_000_000, 1);
    expect(e.query_i32(uc["QUERY_TIMEOUT"])).toBe(0);
  });

  test("HLT ends it, RIP behind", () => {
    const { run, rip } = program("90 f4 90");
    run();
    expect(rip).toBe(0);
  });

  test("SYSCALL without a hook does nothing", () => {
    const { e, run, end } = program("0f 05 90");
    e.reg_write_i64(uc["X86_REG_RCX"], 5n);
    run();
    expect([e.reg_read_i64(uc["X86_REG_RCX"]), e.reg_read_i64(uc["X86_REG_RIP"])]).toEqual([5n, BigInt(end)]);
  });

  test("instructions that unicorn.js has not: AVX2", () => {
    // vpaddd ymm0, ymm1, ymm1
    const { e, run } = program("c5 f5 fe c1");
    e.reg_write(uc["X86_REG_YMM1"], new Uint8Array(32).fill(1));
    run();
    expect([...e.reg_read(uc["X86_REG_YMM0"], 32)]).toEqual(Array(32).fill(2));
  });
});

describe("errors", () => {
  test.each([
    ["mov rax, [0]", "48 8b 04 25 00 00 00 00", "ERR_READ_UNMAPPED"],
    ["mov [0], rax", "48 89 04 25 00 00 00 00", "ERR_WRITE_UNMAPPED"],
    ["jmp to nowhere", "e9 fb ff ff 0f", "ERR_FETCH_UNMAPPED"],
    ["jmp to data", "ff e7", "ERR_FETCH_PROT"],
    ["ud2", "0f 0b", "ERR_INSN_INVALID"],
    ["a division by zero", "31 c9 f7 f1", "ERR_EXCEPTION"],
    ["int3", "cc", "ERR_EXCEPTION"],
    ["int 0x80", "cd 80", "ERR_EXCEPTION"],
    ["a non-canonical address", "48 b8 00 00 00 00 00 00 00 12 48 8b 00", "ERR_READ_UNMAPPED"],
  ])("%s", (_name, code, error) => {
    const { e, run } = program(code);
    expect(thrown(run)).toBe(failed("uc_emu_start", error));
    expect(e.errno()).toBe(uc[error]);
    // Whether by hooks or not.
    e.hook_add(uc["HOOK_MEM_INVALID"], () => false);
    expect(thrown(run)).toBe(failed("uc_emu_start", error));
  });

  test("protected memory", () => {
    // mov al, [rdi]; mov [rdi], al
    const { e } = program("8a 07 88 07");
    e.mem_protect(DATA, 0x1000, uc["PROT_READ"]);
    expect(thrown(() => e.emu_start(CODE, CODE + 4))).toBe(failed("uc_emu_start", "ERR_WRITE_PROT"));
    expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(BigInt(CODE + 2));
    e.mem_protect(DATA, 0x1000, uc["PROT_NONE"]);
    expect(thrown(() => e.emu_start(CODE, CODE + 4))).toBe(failed("uc_emu_start", "ERR_READ_PROT"));
    expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(BigInt(CODE));
  });
});
