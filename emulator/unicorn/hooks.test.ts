import { MUnicorn } from "./module.ts";
import { describe, expect, test } from "vitest";
import { CODE, DATA, failed, program, thrown, uc } from "./test-engine.ts";

type Call = readonly unknown[];

/** mov ecx, 3; L: inc rax; dec ecx; jnz L */
const LOOP = "b9 03 00 00 00 48 ff c0 ff c9 75 f9";
const at = (offset: number): bigint => BigInt(CODE + offset);

describe("CODE and BLOCK", () => {
  test("CODE: each instruction with its size, before it is executed", () => {
    const { e, run } = program(LOOP);
    const calls: Call[] = [];
    e.hook_add(uc["HOOK_CODE"], (engine, address, size, data) => {
      expect(engine).toBe(e);
      calls.push([address, size, e.reg_read_i64(uc["X86_REG_RAX"]), e.reg_read_i64(uc["X86_REG_RIP"]) === address, data]);
    }, "datum"); // prettier-ignore
    run();
    expect(calls.slice(0, 5)).toEqual([
      [at(0), 5, 0n, true, "datum"],
      [at(5), 3, 0n, true, "datum"],
      [at(8), 2, 1n, true, "datum"],
      [at(10), 2, 1n, true, "datum"],
      [at(5), 3, 1n, true, "datum"],
    ]);
    expect(calls).toHaveLength(10);
  });

  test("CODE in a range, inclusive; both bounds absent or begin above end: everywhere", () => {
    const { e, run } = program(LOOP);
    const seen: bigint[][] = [[], [], []];
    e.hook_add(uc["HOOK_CODE"], (_e, address) => seen[0].push(address as bigint), undefined, CODE + 5, CODE + 8);
    e.hook_add(uc["HOOK_CODE"], (_e, address) => seen[1].push(address as bigint), {}, 1, 0);
    e.hook_add(uc["HOOK_CODE"], (_e, _a, _s, data) => seen[2].push(Object.keys(data as object).length as never));
    run();
    expect(seen[0]).toEqual([at(5), at(8), at(5), at(8), at(5), at(8)]);
    expect(seen[1]).toHaveLength(10);
    expect(seen[2]).toEqual(Array(10).fill(0));
  });

  test("BLOCK: where control enters, with the block's size", () => {
    const { e, run } = program(LOOP);
    const calls: Call[] = [];
    e.hook_add(uc["HOOK_BLOCK"], (_e, address, size) => calls.push([address, size]));
    run();
    expect(calls).toEqual([[at(0), 12], [at(5), 7], [at(5), 7]]); // prettier-ignore
  });

  test("BLOCK and CODE together: the block first; no block begins in the middle of one", () => {
    const { e, run } = program(LOOP);
    const calls: Call[] = [];
    e.hook_add(uc["HOOK_CODE"], (_e, address) => calls.push(["code", address]));
    e.hook_add(uc["HOOK_BLOCK"], (_e, address) => calls.push(["block", address]));
    run();
    expect(calls.slice(0, 7)).toEqual([
      ["block", at(0)],
      ["code", at(0)],
      ["code", at(5)],
      ["code", at(8)],
      ["code", at(10)],
      ["block", at(5)],
      ["code", at(5)],
    ]);
  });

  test("neither is called at `until`", () => {
    const { e } = program("90 90");
    const calls: unknown[] = [];
    e.hook_add(uc["HOOK_CODE"], (_e, address) => calls.push(address));
    e.hook_add(uc["HOOK_BLOCK"], (_e, address) => calls.push(address));
    e.emu_start(CODE, CODE + 1);
    expect(calls).toEqual([at(0), at(0)]);
  });

  test("emu_stop before an instruction; writing RIP passes over it", () => {
    const { e, run } = program(LOOP);
    const hook = e.hook_add(uc["HOOK_CODE"], () => e.emu_stop(), {}, CODE + 8, CODE + 8);
    run();
    expect([e.reg_read_i64(uc["X86_REG_RIP"]), e.reg_read_i64(uc["X86_REG_RAX"])]).toEqual([at(8), 1n]);
    e.hook_del(hook);
    e.reg_write_i64(uc["X86_REG_RAX"], 0n);
    e.hook_add(uc["HOOK_CODE"], () => e.reg_write_i64(uc["X86_REG_RIP"], at(8)), {}, CODE + 5, CODE + 5);
    run();
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(0n);
  });

  test("a deleted hook is silent, in hot code too, and one added late is not", () => {
    // L: inc rax; cmp rax, rcx; jne L
    const { e, run } = program("48 ff c0 48 39 c8 75 f8");
    e.reg_write_i64(uc["X86_REG_RCX"], 20_000n);
    run();
    let calls = 0;
    const hook = e.hook_add(uc["HOOK_CODE"], () => calls++, {}, CODE, CODE);
    e.reg_write_i64(uc["X86_REG_RAX"], 19_990n);
    run();
    expect(calls).toBe(10);
    e.hook_del(hook);
    e.hook_del(hook);
    e.reg_write_i64(uc["X86_REG_RAX"], 0n);
    run();
    expect(calls).toBe(10);
  });

  test("a start inside a hook leaves the outer one where it was", () => {
    // inc rax; nop; inc rbx
    const { e } = program("48 ff c0 90 48 ff c3");
    let inside = false;
    e.hook_add(uc["HOOK_CODE"], () => {
      if (inside) return;
      inside = true;
      e.emu_start(CODE + 4, CODE + 7);
      expect(e.reg_read_i64(uc["X86_REG_RBX"])).toBe(1n);
    });
    e.emu_start(CODE, CODE + 4);
    expect([e.reg_read_i64(uc["X86_REG_RAX"]), e.reg_read_i64(uc["X86_REG_RIP"])]).toEqual([1n, at(4)]);
  });

  test("what a hook throws comes out of emu_start, and the engine lives on", () => {
    const { e, run } = program("90");
    const hook = e.hook_add(uc["HOOK_CODE"], () => {
      throw new Error("mine");
    });
    expect(run).toThrow("mine");
    e.hook_del(hook);
    run();
  });
});

describe("INTR", () => {
  test("INT n and INT3, RIP behind", () => {
    // int 0x80; int3
    const { e, run } = program("cd 80 cc");
    const calls: Call[] = [];
    e.hook_add(uc["HOOK_INTR"], (engine, number, data) => {
      calls.push([engine === e, number, e.reg_read_i64(uc["X86_REG_RIP"]), data]);
    }, 7); // prettier-ignore
    run();
    expect(calls).toEqual([
      [true, 0x80, at(2), 7],
      [true, 3, at(3), 7],
    ]);
  });

  test("an exception, RIP at the instruction: the hook may mend it", () => {
    // div ecx
    const { e, run } = program("f7 f1");
    const numbers: unknown[] = [];
    e.reg_write_i32(uc["X86_REG_EAX"], 6);
    e.hook_add(uc["HOOK_INTR"], (_e, number) => {
      numbers.push(number);
      expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(at(0));
      e.reg_write_i32(uc["X86_REG_ECX"], 2);
    });
    run();
    expect([numbers, e.reg_read_i32(uc["X86_REG_EAX"])]).toEqual([[0], 3]);
  });

  test("emu_stop in it", () => {
    const { e, run, rip } = program("cd 21 90");
    e.hook_add(uc["HOOK_INTR"], () => e.emu_stop());
    run();
    expect(rip).toBe(0);
    expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(at(2));
  });
});

describe("INSN", () => {
  test("SYSCALL: RIP at the instruction, RCX and R11 untouched, then behind it", () => {
    // syscall; nop
    const { e, run } = program("0f 05 90");
    const calls: Call[] = [];
    e.reg_write_i64(uc["X86_REG_RCX"], 9n);
    e.hook_add(uc["HOOK_INSN"], (engine, data) => {
      calls.push([engine === e, data, e.reg_read_i64(uc["X86_REG_RIP"]), e.reg_read_i64(uc["X86_REG_RCX"])]);
      e.reg_write_i64(uc["X86_REG_RAX"], 42n);
    }, "d", 1, 0, uc["X86_INS_SYSCALL"]); // prettier-ignore
    run();
    expect(calls).toEqual([[true, "d", at(0), 9n]]);
    expect([e.reg_read_i64(uc["X86_REG_RAX"]), e.reg_read_i64(uc["X86_REG_RIP"])]).toEqual([42n, at(3)]);
  });

  test("SYSCALL in a loop, counted, in a range", () => {
    // L: syscall; jmp L
    const { e, run } = program("0f 05 eb fc");
    let calls = 0;
    e.hook_add(uc["HOOK_INSN"], () => calls++, {}, CODE, CODE, uc["X86_INS_SYSCALL"]);
    e.hook_add(uc["HOOK_INSN"], () => (calls += 100), {}, CODE + 1, CODE + 9, uc["X86_INS_SYSCALL"]);
    run(0, 20);
    expect(calls).toBe(10);
  });

  test("SYSCALL that another instruction replaces, or that may no longer be executed", () => {
    const { e, run } = program("0f 05 90");
    let calls = 0;
    e.hook_add(uc["HOOK_INSN"], () => calls++, {}, 1, 0, uc["X86_INS_SYSCALL"]);
    run();
    run();
    e.mem_write(CODE, [0xff, 0xc0]); // inc eax
    run();
    expect([calls, e.reg_read_i32(uc["X86_REG_EAX"])]).toEqual([2, 1]);
    e.mem_write(CODE, [0x0f, 0x05]);
    run();
    e.mem_protect(CODE, 0x1000, uc["PROT_READ"]);
    expect(thrown(run)).toBe(failed("uc_emu_start", "ERR_FETCH_PROT"));
    expect(calls).toBe(3);
  });

  test("SYSENTER", () => {
    const { e, run } = program("0f 34");
    let calls = 0;
    e.hook_add(uc["HOOK_INSN"], () => calls++, {}, 1, 0, uc["X86_INS_SYSENTER"]);
    run();
    expect([calls, e.reg_read_i64(uc["X86_REG_RIP"])]).toEqual([1, at(2)]);
  });

  test.each([
    ["CPUID", "0f a2"],
    ["RDTSC", "0f 31"],
    ["RDTSCP", "0f 01 f9"],
  ])("%s: an answer that is true replaces it", (name, code) => {
    const { e, run } = program(code);
    let replace = false;
    const hook = e.hook_add(uc["HOOK_INSN"], () => {
      if (replace) e.reg_write_i64(uc["X86_REG_RAX"], 0x1234n);
      return replace;
    }, {}, 1, 0, uc[`X86_INS_${name}`]); // prettier-ignore
    e.reg_write_i64(uc["X86_REG_RAX"], 0x1_0000_0000n);
    run();
    expect(e.reg_read_i64(uc["X86_REG_RAX"]) >> 32n).toBe(0n);
    replace = true;
    run();
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(0x1234n);
    e.hook_del(hook);
    run();
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).not.toBe(0x1234n);
  });

  test("IN answers, OUT is told: port, size, value", () => {
    // mov dx, 0x3f8; in al, dx; in eax, 0x60; out 0x80, ax; out dx, al
    const { e, run } = program("66 ba f8 03 ec e5 60 66 e7 80 ee");
    const calls: Call[] = [];
    e.reg_write_i64(uc["X86_REG_RAX"], -1n);
    const input = e.hook_add(uc["HOOK_INSN"], (engine, data, port, size) => {
      calls.push([engine === e, data, port, size, e.reg_read_i64(uc["X86_REG_RAX"])]);
      return 0x8765_4321;
    }, "in", 1, 0, uc["X86_INS_IN"]); // prettier-ignore
    e.hook_add(uc["HOOK_INSN"], (_e, data, port, size, value) => calls.push([data, port, size, value]), "out", 1, 0, uc["X86_INS_OUT"]); // prettier-ignore
    run();
    expect(calls).toEqual([
      [true, "in", 0x3f8, 1, -1n],
      [true, "in", 0x60, 4, -0xdfn],
      ["out", 0x80, 2, 0x4321],
      ["out", 0x3f8, 1, 0x21],
    ]);
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(0x8765_4321n);
    e.hook_del(input);
    run();
    expect(e.reg_read_i64(uc["X86_REG_RAX"])).toBe(0n);
  });

  test("other instructions have no hooks", () => {
    const { e } = program("90");
    expect(thrown(() => e.hook_add(uc["HOOK_INSN"], () => 0, {}, 1, 0, 1))).toBe(failed("uc_hook_add", "ERR_HOOK"));
    expect(thrown(() => e.hook_add(uc["HOOK_INSN"], () => 0))).toBe(failed("uc_hook_add", "ERR_HOOK"));
  });
});

test.each(["HOOK_INSN_INVALID", "HOOK_EDGE_GENERATED", "HOOK_TCG_OPCODE", "HOOK_TLB_FILL"])(
  "%s is not there",
  (name) => {
    const { e } = program("90");
    expect(thrown(() => e.hook_add(uc[name], () => 0))).toBe("Unicorn.js: Unimplemented hook type");
  },
);

test("hooks cost nothing where they do not look", () => {
  // mov rcx, rbx; L: add rax, [rdi]; dec rcx; jnz L
  const { e, run } = program("48 89 d9 48 03 07 48 ff c9 75 f8");
  const time = (): number => {
    e.reg_write_i64(uc["X86_REG_RBX"], 300_000n);
    const begin = performance.now();
    run();
    return performance.now() - begin;
  };
  time();
  const plain = Math.min(time(), time(), time());
  e.hook_add(uc["HOOK_MEM_INVALID"], () => false);
  e.hook_add(uc["HOOK_MEM_WRITE"], () => undefined, {}, DATA + 0x1000, DATA + 0x1fff);
  e.hook_add(uc["HOOK_INTR"], () => undefined);
  e.hook_add(uc["HOOK_INSN"], () => undefined, {}, 1, 0, uc["X86_INS_SYSCALL"]);
  time();
  const hooked = Math.min(time(), time(), time());
  // A slow path taken by every access would be a hundred times slower.
  expect(hooked / plain).toBeLessThan(10);
});

test("a hook that restores a saved state goes on where it is, or is where that state was if it stops", async () => {
  const uc = await MUnicorn();
  const run = (stops: boolean) => {
    const e = new uc.Unicorn(uc["ARCH_X86"], uc["MODE_64"]);
    e.mem_map(0x1000, 0x1000, uc["PROT_ALL"]);
    e.mem_write(0x1000, [0x48, 0xff, 0xc0, 0x48, 0xff, 0xc0]); // inc rax, twice
    const saved = e.context_alloc();
    e.reg_write_i64(uc["X86_REG_RAX"], 40n);
    e.reg_write_i64(uc["X86_REG_RIP"], 0x1000n);
    e.context_save(saved);
    const seen: bigint[] = [];
    e.hook_add(uc["HOOK_CODE"], (_engine, address) => {
      seen.push(address as bigint);
      if (address !== 0x1003n) return;
      e.context_restore(saved);
      if (stops) e.emu_stop();
    });
    e.emu_start(0x1000, 0x1006);
    return [seen, e.reg_read_i64(uc["X86_REG_RAX"]), e.reg_read_i64(uc["X86_REG_RIP"])];
  };
  expect(run(false)).toEqual([[0x1000n, 0x1003n], 41n, 0x1006n]);
  expect(run(true)).toEqual([[0x1000n, 0x1003n], 40n, 0x1000n]);
});

test("a hook that another adds is called for the same instruction", async () => {
  const uc = await MUnicorn();
  const e = new uc.Unicorn(uc["ARCH_X86"], uc["MODE_64"]);
  e.mem_map(0x1000, 0x1000, uc["PROT_ALL"]);
  e.mem_write(0x1000, [0x90, 0x90]);
  const seen: string[] = [];
  let added = false;
  e.hook_add(uc["HOOK_CODE"], (_engine, address) => {
    seen.push(`first ${String(address)}`);
    if (!added) e.hook_add(uc["HOOK_CODE"], (_other, at) => seen.push(`second ${String(at)}`));
    added = true;
  });
  e.emu_start(0x1000, 0x1002);
  expect(seen).toEqual(["first 4096", "second 4096", "first 4097", "second 4097"]);
});
