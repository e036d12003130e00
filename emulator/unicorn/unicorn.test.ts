import { describe, expect, test } from "vitest";
import { bytes, CODE, DATA, failed, program, thrown, uc } from "./test-engine.ts";

const open = () => new uc.Unicorn(uc["ARCH_X86"], uc["MODE_64"]);

describe("module", () => {
  test("constants, version, architectures, errors", () => {
    expect(uc.version()).toBe(0x020104ff);
    expect([uc["VERSION_MAJOR"], uc["VERSION_MINOR"], uc["VERSION_PATCH"], uc["VERSION_EXTRA"]]).toEqual([
      2, 1, 4, 255,
    ]);
    expect([uc["API_MAJOR"], uc["SECOND_SCALE"], uc["MILISECOND_SCALE"]]).toEqual([2, 1_000_000, 1000]);
    expect([uc.arch_supported(uc["ARCH_X86"]), uc.arch_supported(uc["ARCH_ARM"])]).toEqual([1, 0]);
    expect(uc.strerror(uc["ERR_OK"])).toBe("OK (UC_ERR_OK)");
    expect([uc["HOOK_MEM_UNMAPPED"], uc["HOOK_MEM_PROT"], uc["HOOK_MEM_INVALID"], uc["HOOK_MEM_VALID"]]).toEqual([0x70, 0x380, 0x3f0, 0x1c00]); // prettier-ignore
    expect([uc["X86_INS_SYSCALL"], uc["X86_REG_ENDING"], uc["MODE_BIG_ENDIAN"], uc["ARCH_MAX"]]).toEqual([699, 259, 1 << 30, 11]); // prettier-ignore
    expect([uc["CPU_X86_HASWELL"], uc["CPU_X86_EPYC_ROME"], uc["CTL_CONTEXT_MODE"]]).toEqual([19, 37, 14]);
    expect(uc.CTL_READ_WRITE(8, 2)).toBe(0xc800_0008);
  });

  test("what is not x86-64 does not open", () => {
    expect(thrown(() => new uc.Unicorn(uc["ARCH_ARM"], uc["MODE_ARM"]))).toBe(failed("uc_open", "ERR_ARCH"));
    expect(thrown(() => new uc.Unicorn(uc["ARCH_X86"], uc["MODE_32"]))).toBe(failed("uc_open", "ERR_MODE"));
  });
});

describe("registers", () => {
  test("typed forms: i64 is a signed BigInt, the others are numbers", () => {
    const e = open();
    e.reg_write_i64(uc["X86_REG_RAX"], 0xffff_ffff_ffff_fffen);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(-2n);
    expect(e.reg_read_i32(uc["X86_REG_EAX"])).toBe(-2);
    expect(e.reg_read_i16(uc["X86_REG_AX"])).toBe(-2);
    expect(e.reg_read_i8(uc["X86_REG_AL"])).toBe(-2);
    e.reg_write_i32(uc["X86_REG_EBX"], 0x8000_0000);
    e.reg_write_i16(uc["X86_REG_CX"], -1);
    e.reg_write_i8(uc["X86_REG_DH"], 0x12);
    expect(e.reg_read_i64(uc["X86_REG_RBX"])).toBe(0x8000_0000n);
    expect([e.reg_read_i32(uc["X86_REG_ECX"]), e.reg_read_i16(uc["X86_REG_DX"])]).toEqual([0xffff, 0x1200]);
    e.reg_write_float(uc["X86_REG_XMM0"], 1.5);
    expect(e.reg_read_float(uc["X86_REG_XMM0"])).toBe(1.5);
    e.reg_write_double(uc["X86_REG_XMM1"], Math.PI);
    expect(e.reg_read_double(uc["X86_REG_XMM1"])).toBe(Math.PI);
    e.reg_write_type(uc["X86_REG_R9"], "i64", 5n);
    expect(e.reg_read_type(uc["X86_REG_R9"], "i64")).toBe(5n);
  });

  test("raw bytes, wide registers, and more or fewer bytes than a register has", () => {
    const e = open();
    const value = Array.from({ length: 32 }, (_, index) => index);
    e.reg_write(uc["X86_REG_YMM3"], value);
    expect([...e.reg_read(uc["X86_REG_YMM3"], 32)]).toEqual(value);
    expect([...e.reg_read(uc["X86_REG_XMM3"], 16)]).toEqual(value.slice(0, 16));
    e.reg_write(uc["X86_REG_RSI"], Uint8Array.of(1, 2));
    expect([...e.reg_read(uc["X86_REG_RSI"], 10)]).toEqual([1, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...e.reg_read(uc["X86_REG_RSI"], 1)]).toEqual([1]);
  });

  test("a new engine's registers", () => {
    const e = open();
    expect(e.reg_read_i64(uc["X86_REG_RFLAGS"])).toBe(2n);
    expect([e.reg_read_i64(uc["X86_REG_RIP"]), e.reg_read_i64(uc["X86_REG_RSP"])]).toEqual([0n, 0n]);
    expect(e.reg_read_i16(uc["X86_REG_FPCW"])).toBe(0x37f);
    expect(e.reg_read_i32(uc["X86_REG_MXCSR"])).toBe(0x1f80);
    expect(e.reg_read_i64(uc["X86_REG_CR0"])).toBe(0x11n);
  });

  test("system registers are kept; model-specific ones set the segment bases", () => {
    const e = open();
    e.reg_write_i16(uc["X86_REG_CS"], 0x33);
    e.reg_write_i64(uc["X86_REG_CR4"], 0x20n);
    expect([e.reg_read_i16(uc["X86_REG_CS"]), e.reg_read_i64(uc["X86_REG_CR4"])]).toEqual([0x33, 0x20n]);
    const fsBase = new Uint8Array(16);
    new DataView(fsBase.buffer).setUint32(0, 0xc000_0100, true);
    new DataView(fsBase.buffer).setBigUint64(8, 0x1234_5000n, true);
    e.reg_write(uc["X86_REG_MSR"], fsBase);
    expect(e.reg_read_i64(uc["X86_REG_FS_BASE"])).toBe(0x1234_5000n);
  });

  test("registers that this processor has not", () => {
    const e = open();
    expect(thrown(() => e.reg_read(uc["X86_REG_ZMM0"], 64))).toBe(failed("uc_reg_read", "ERR_ARG"));
    expect(thrown(() => e.reg_write_i64(uc["X86_REG_K1"], 1n))).toBe(failed("uc_reg_write", "ERR_ARG"));
    expect(e.errno()).toBe(uc["ERR_ARG"]);
  });
});

describe("memory", () => {
  test("is zeroed when mapped, also again", () => {
    const e = open();
    e.mem_map(0x1000n, 0x1000n, uc["PROT_ALL"]);
    expect([...e.mem_read(0x1ffe, 2)]).toEqual([0, 0]);
    e.mem_write(0x1ffe, [1, 2]);
    expect([...e.mem_read(0x1ffen, 2)]).toEqual([1, 2]);
    e.mem_unmap(0x1000, 0x1000);
    e.mem_map(0x1000, 0x1000, uc["PROT_ALL"]);
    expect([...e.mem_read(0x1ffe, 2)]).toEqual([0, 0]);
  });

  test("the host reads and writes whatever the protection", () => {
    const e = open();
    e.mem_map(0x1000, 0x1000, uc["PROT_NONE"]);
    e.mem_write(0x1000, Uint8Array.of(7));
    expect([...e.mem_read(0x1000, 1)]).toEqual([7]);
    expect(e.mem_read(0x1000, 0)).toHaveLength(0);
  });

  test("regions are as they were mapped, split where they are protected or unmapped", () => {
    const e = open();
    e.mem_map(0x20000, 0x3000, uc["PROT_ALL"]);
    e.mem_map(0x10000, 0x1000, uc["PROT_READ"]);
    e.mem_protect(0x21000, 0x1000, uc["PROT_READ"]);
    e.mem_unmap(0x20000, 0x1000);
    expect(e.mem_regions()).toEqual([
      { begin: 0x10000n, end: 0x10fffn, perms: 1 },
      { begin: 0x21000n, end: 0x21fffn, perms: 1 },
      { begin: 0x22000n, end: 0x22fffn, perms: 7 },
    ]);
  });

  test("errors", () => {
    const e = open();
    e.mem_map(0x1000, 0x1000, uc["PROT_ALL"]);
    expect(thrown(() => e.mem_map(0x1000, 0x1000, 7))).toBe(failed("uc_mem_map", "ERR_MAP"));
    expect(thrown(() => e.mem_map(0x2001, 0x1000, 7))).toBe(failed("uc_mem_map", "ERR_ARG"));
    expect(thrown(() => e.mem_map(0x2000, 0x10, 7))).toBe(failed("uc_mem_map", "ERR_ARG"));
    expect(thrown(() => e.mem_map(0x2000, 0, 7))).toBe(failed("uc_mem_map", "ERR_ARG"));
    expect(thrown(() => e.mem_map(0x2000, 0x1000, 8))).toBe(failed("uc_mem_map", "ERR_ARG"));
    expect(thrown(() => e.mem_map(0xffff_8000_0000_0000n, 0x1000, 7))).toBe(failed("uc_mem_map", "ERR_NOMEM"));
    expect(thrown(() => e.mem_unmap(0x1000, 0x2000))).toBe(failed("uc_mem_unmap", "ERR_NOMEM"));
    expect(thrown(() => e.mem_protect(0x5000, 0x1000, 1))).toBe(failed("uc_mem_protect", "ERR_NOMEM"));
    expect(thrown(() => e.mem_protect(0x1001, 0x1000, 1))).toBe(failed("uc_mem_protect", "ERR_ARG"));
    expect(thrown(() => e.mem_read(0x1fff, 2))).toBe(failed("uc_mem_read", "ERR_READ_UNMAPPED"));
    expect(thrown(() => e.mem_write(0x1fff, [1, 2]))).toBe(failed("uc_mem_write", "ERR_WRITE_UNMAPPED"));
    expect([...e.mem_read(0x1fff, 1)]).toEqual([0]);
    e.mem_unmap(0x9000, 0);
    expect(e.errno()).toBe(uc["ERR_OK"]);
  });

  test("code that the host writes takes effect", () => {
    // mov eax, 1
    const { e, run } = program("b8 01 00 00 00");
    run();
    e.mem_write(CODE + 1, [2]);
    run();
    expect(e.reg_read_i32(uc["X86_REG_EAX"])).toBe(2);
  });
});

describe("contexts", () => {
  test("bring back all registers, any number of times", () => {
    // inc rax; paddb xmm0, xmm0
    const { e, run } = program("48 ff c0 66 0f fc c0");
    e.reg_write_double(uc["X86_REG_XMM0"], 1);
    e.reg_write_i16(uc["X86_REG_SS"], 5);
    const context = e.context_alloc();
    e.context_save(context);
    for (let round = 0; round < 2; round++) {
      run();
      e.reg_write_i16(uc["X86_REG_SS"], 6);
      expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(1n);
      e.context_restore(context);
      expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(0n);
      expect(e.reg_read_double(uc["X86_REG_XMM0"])).toBe(1);
      expect(e.reg_read_i16(uc["X86_REG_SS"])).toBe(5);
    }
    e.context_free(context);
    expect(thrown(() => e.context_restore(context))).toBe(failed("uc_context_restore", "ERR_ARG"));
    expect(thrown(() => e.context_save(context))).toBe(failed("uc_context_save", "ERR_ARG"));
  });
});

describe("queries", () => {
  test("mode, page size, architecture, timeout, in every type", () => {
    const e = open();
    expect([e.query_i32(uc["QUERY_MODE"]), e.query_i16(uc["QUERY_PAGE_SIZE"]), e.query_i8(uc["QUERY_ARCH"])]).toEqual([8, 4096, 4]); // prettier-ignore
    expect([e.query_i64(uc["QUERY_TIMEOUT"]), e.query_type(uc["QUERY_ARCH"], "i64")]).toEqual([0n, 4n]);
    expect([e.query_float(uc["QUERY_TIMEOUT"]), e.query_double(uc["QUERY_TIMEOUT"])]).toEqual([0, 0]);
    expect(thrown(() => e.query_i32(99))).toBe(failed("uc_query", "ERR_ARG"));
  });
});

describe("controls", () => {
  test("getters", () => {
    const e = open();
    expect([e.ctl_get_arch(), e.ctl_get_mode(), e.ctl_get_timeout()]).toEqual([uc["ARCH_X86"], uc["MODE_64"], 0n]);
    e.ctl_set_tcg_buffer_size(1 << 20);
    expect(e.ctl_get_tcg_buffer_size()).toBe(1 << 20);
    expect([e.ctl_get_page_size(), e.ctl_get_cpu_model()]).toEqual([4096, uc["CPU_X86_QEMU64"]]);
  });

  test("the processor's model decides what it has, until it is there", () => {
    // mov eax, 7; xor ecx, ecx; cpuid
    const bmi2 = (model: number): boolean => {
      const e = open();
      e.ctl_set_cpu_model(model);
      expect(e.ctl_get_cpu_model()).toBe(model);
      e.mem_map(CODE, 0x1000, uc["PROT_ALL"]);
      e.mem_write(CODE, bytes("b8 07 00 00 00 31 c9 0f a2"));
      e.emu_start(CODE, CODE + 9);
      expect(thrown(() => e.ctl_set_cpu_model(model))).toBe(failed("uc_ctl", "ERR_ARG"));
      return (e.reg_read_i32(uc["X86_REG_EBX"]) & 0x100) !== 0;
    };
    expect([uc["CPU_X86_QEMU64"], uc["CPU_X86_NEHALEM"], uc["CPU_X86_HASWELL"], uc["CPU_X86_EPYC"]].map(bmi2)).toEqual([false, false, true, true]); // prettier-ignore
    expect(thrown(() => open().ctl_set_cpu_model(uc["CPU_X86_QEMU32"]))).toBe(failed("uc_ctl", "ERR_ARG"));
    expect(thrown(() => open().ctl_set_cpu_model(99))).toBe(failed("uc_ctl", "ERR_ARG"));
  });

  test("several exits in place of until", () => {
    const { e, run } = program("90 90 90 90 90 90 90 90");
    expect(thrown(() => e.ctl_get_exits_cnt())).toBe(failed("uc_ctl", "ERR_ARG"));
    e.ctl_exits_enable();
    e.ctl_set_exits([CODE + 5, BigInt(CODE + 3)]);
    expect([e.ctl_get_exits_cnt(), e.ctl_get_exits(2)]).toEqual([2, [BigInt(CODE + 3), BigInt(CODE + 5)]]);
    e.emu_start(CODE, CODE + 1);
    expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(BigInt(CODE + 3));
    e.ctl_exits_disable();
    run();
    expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(BigInt(CODE + 8));
  });

  test("caches of translations", () => {
    // nop; inc rax; jmp $-4
    const { e, run } = program("90 48 ff c0 eb fb");
    expect(e.ctl_request_cache(CODE)).toEqual({ pc: BigInt(CODE), icount: 3, size: 6 });
    expect(thrown(() => e.ctl_request_cache(0x10))).toBe(failed("uc_ctl", "ERR_FETCH_UNMAPPED"));
    run(0, 100_000);
    e.ctl_remove_cache(CODE, CODE + 2);
    e.ctl_flush_tb();
    e.ctl_flush_tlb();
    run(0, 3);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(50_001n);
    expect(thrown(() => e.ctl_remove_cache(CODE, CODE))).toBe(failed("uc_ctl", "ERR_ARG"));
  });

  test("what there is one of", () => {
    const e = open();
    e.ctl_tlb_mode(uc["TLB_CPU"]);
    e.ctl_context_mode(uc["CTL_CONTEXT_CPU"]);
    expect(thrown(() => e.ctl_tlb_mode(uc["TLB_VIRTUAL"]))).toBe(failed("uc_ctl", "ERR_ARG"));
    expect(thrown(() => e.ctl_context_mode(uc["CTL_CONTEXT_MEMORY"]))).toBe(failed("uc_ctl", "ERR_ARG"));
    expect(thrown(() => e.ctl_set_page_size(4096))).toBe(failed("uc_ctl", "ERR_ARG"));
  });
});

test("a closed engine is not used again", () => {
  const { e } = program("90");
  e.close();
  expect(thrown(() => e.mem_read(DATA, 1))).toBe(failed("uc_mem_read", "ERR_HANDLE"));
  expect(thrown(() => e.close())).toBe(failed("uc_close", "ERR_HANDLE"));
});
