import { describe, expect, test } from "vitest";
import { CODE, DATA, failed, program, thrown, uc } from "./test-engine.ts";

type Call = readonly unknown[];
const NOWHERE = 0x5000_0000;
const data = (offset: number): bigint => BigInt(DATA + offset);
const at = (offset: number): bigint => BigInt(CODE + offset);
const { MEM_READ, MEM_WRITE, MEM_READ_AFTER } = uc as Record<string, number>;
const { MEM_READ_UNMAPPED, MEM_WRITE_UNMAPPED, MEM_FETCH_UNMAPPED } = uc as Record<string, number>;
const { MEM_READ_PROT, MEM_WRITE_PROT, MEM_FETCH_PROT } = uc as Record<string, number>;

/** A program, and what its hooks of `type` were called with. */
function watched(code: string, type: number, begin?: number, end?: number) {
  const p = program(code);
  const calls: Call[] = [];
  const { e } = p;
  e.hook_add(type, (engine, kind, address, size, value, datum) => {
    expect([engine, datum]).toEqual([e, "datum"]);
    calls.push([kind, address, size, value]);
  }, "datum", begin, end); // prettier-ignore
  return { ...p, calls };
}

describe("accesses", () => {
  test("READ before, READ_AFTER with the value, WRITE with the value", () => {
    // mov eax, [rdi]; mov [rdi+8], ax; add [rdi+0x10], al
    const { e, run, calls } = watched("8b 07 66 89 47 08 00 47 10", uc["HOOK_MEM_READ"] | uc["HOOK_MEM_WRITE"] | uc["HOOK_MEM_READ_AFTER"]); // prettier-ignore
    e.mem_write(DATA, [0x44, 0x33, 0x22, 0x81]);
    run();
    expect(calls).toEqual([
      [MEM_READ, data(0), 4, 0n],
      [MEM_READ_AFTER, data(0), 4, 0x8122_3344n],
      [MEM_WRITE, data(8), 2, 0x3344n],
      [MEM_READ, data(0x10), 1, 0n],
      [MEM_READ_AFTER, data(0x10), 1, 0n],
      [MEM_WRITE, data(0x10), 1, 0x44n],
    ]);
    expect([...e.mem_read(DATA + 0x10, 1)]).toEqual([0x44]);
  });

  test("values are signed 64-bit numbers; wider accesses come in pieces of 8", () => {
    // mov [rdi], rax; movups [rdi+0x10], xmm0
    const { e, run, calls } = watched("48 89 07 0f 11 47 10", uc["HOOK_MEM_WRITE"]);
    e.reg_write_i64(uc["X86_REG_RAX"], -2n);
    e.reg_write(uc["X86_REG_XMM0"], [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    run();
    expect(calls).toEqual([
      [MEM_WRITE, data(0), 8, -2n],
      [MEM_WRITE, data(0x10), 8, 1n],
      [MEM_WRITE, data(0x18), 8, 2n],
    ]);
  });

  test("only in the range; in hot code too", () => {
    // mov ecx, 5000; L: mov eax, [rdi]; mov [rdi+4], eax; dec ecx; jnz L; mov eax, [rdi+8]
    const { run, calls } = watched("b9 88 13 00 00 8b 07 89 47 04 ff c9 75 f7 8b 47 08", uc["HOOK_MEM_READ"], DATA + 8, DATA + 15); // prettier-ignore
    run();
    run();
    expect(calls).toEqual(Array(2).fill([MEM_READ, data(8), 4, 0n]));
  });

  test("pushes, calls, returns and repeated string instructions, element by element", () => {
    // push rax; pop rbx; mov ecx, 3; rep stosw
    const { run, calls } = watched("50 5b b9 03 00 00 00 66 f3 ab", uc["HOOK_MEM_READ"] | uc["HOOK_MEM_WRITE"]);
    run();
    expect(calls).toEqual([
      [MEM_WRITE, data(0xff8), 8, 0n],
      [MEM_READ, data(0xff8), 8, 0n],
      [MEM_WRITE, data(0), 2, 0n],
      [MEM_WRITE, data(2), 2, 0n],
      [MEM_WRITE, data(4), 2, 0n],
    ]);
  });

  test("a hook sees RIP of the instruction and may stop after it, or go elsewhere", () => {
    // nop; mov eax, [rdi]; inc rbx; inc rbx
    const { e, run, rip } = program("90 8b 07 48 ff c3 48 ff c3");
    expect(rip).toBe(0);
    let seen: bigint | undefined;
    e.mem_write(DATA, [5]);
    const hook = e.hook_add(uc["HOOK_MEM_READ"], () => {
      seen = e.reg_read_i64(uc["X86_REG_RIP"]);
      e.emu_stop();
    });
    run();
    expect([seen, e.reg_read_i64(uc["X86_REG_RIP"]), e.reg_read_i32(uc["X86_REG_EAX"])]).toEqual([at(1), at(3), 5]);
    e.hook_del(hook);
    e.hook_add(uc["HOOK_MEM_READ"], () => e.reg_write_i64(uc["X86_REG_RIP"], at(6)));
    run();
    expect(e.reg_read_i64(uc["X86_REG_RBX"])).toBe(1n);
  });

  test("a READ hook may put there what is read; the code that runs may change too", () => {
    // mov eax, [rdi]; mov ebx, 1
    const { e, run } = program("8b 07 bb 01 00 00 00");
    e.hook_add(uc["HOOK_MEM_READ"], (_e, _type, address) => {
      e.mem_write(address as bigint, [9]);
      e.mem_write(CODE + 3, [7]);
    });
    run();
    expect([e.reg_read_i32(uc["X86_REG_EAX"]), e.reg_read_i32(uc["X86_REG_EBX"])]).toEqual([9, 7]);
  });

  test("hooks come and go during an access", () => {
    // mov eax, [rdi]; mov eax, [rdi]; mov eax, [rdi]
    const { e, run } = program("8b 07 8b 07 8b 07");
    let first = 0;
    let code = 0;
    const hook = e.hook_add(uc["HOOK_MEM_READ"], () => {
      if (first++) e.hook_del(hook);
      else e.hook_add(uc["HOOK_CODE"], () => code++);
    });
    run();
    expect([first, code]).toEqual([2, 2]);
  });

  test("a start inside of it is refused", () => {
    const { e, run } = program("8b 07 90");
    let error: unknown;
    e.hook_add(uc["HOOK_MEM_READ"], () => {
      error = thrown(() => e.emu_start(CODE + 2, CODE + 3));
    });
    run();
    expect(error).toBe(failed("uc_emu_start", "ERR_RESOURCE"));
  });

  test("FETCH is never told, as in Unicorn; VALID means READ and WRITE", () => {
    // nop; mov eax, [rdi]; mov [rdi+4], eax
    const { e, run, calls } = watched("90 8b 07 89 47 04", uc["HOOK_MEM_VALID"]);
    let fetches = 0;
    e.hook_add(uc["HOOK_MEM_FETCH"], () => fetches++);
    run();
    expect(calls).toEqual([
      [MEM_READ, data(0), 4, 0n],
      [MEM_WRITE, data(4), 4, 0n],
    ]);
    expect(fetches).toBe(0);
  });
});

describe("unmapped memory", () => {
  /** mov eax, [NOWHERE]; mov [NOWHERE], eax; jmp NOWHERE in three programs. */
  const read = "8b 04 25 00 00 00 50";
  const write = "89 04 25 00 00 00 50";
  const jump = "b8 00 00 00 50 ff e0";

  test.each([
    ["READ", read, "MEM_READ_UNMAPPED", 4, 0n],
    ["WRITE", write, "MEM_WRITE_UNMAPPED", 4, 0x55n],
    ["FETCH", jump, "MEM_FETCH_UNMAPPED", 1, 0n],
  ])("%s: a hook that maps it and answers true makes it go on", (kind, code, event, size, value) => {
    const { e, run } = program(code);
    const calls: Call[] = [];
    e.reg_write_i32(uc["X86_REG_EAX"], 0x55);
    e.hook_add(uc[`HOOK_MEM_${kind}_UNMAPPED`], (_e, type, address, width, stored) => {
      calls.push([type, address, width, stored]);
      e.mem_map(NOWHERE, 0x1000, uc["PROT_ALL"]);
      e.mem_write(NOWHERE, [0xf4, 1, 2, 3]); // hlt
      return true;
    });
    run();
    expect(calls).toEqual([[uc[event], BigInt(NOWHERE), size, value]]);
    if (kind === "READ") expect(e.reg_read_i32(uc["X86_REG_EAX"])).toBe(0x0302_01f4);
    if (kind === "WRITE") expect([...e.mem_read(NOWHERE, 4)]).toEqual([0x55, 0, 0, 0]);
    if (kind === "FETCH") expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(BigInt(NOWHERE + 1));
  });

  test.each([
    ["READ", read],
    ["WRITE", write],
    ["FETCH", jump],
  ])("%s: false, nothing, and true without a mapping", (kind, code) => {
    const { e, run } = program(code);
    let answer: boolean | undefined = false;
    e.hook_add(uc["HOOK_MEM_UNMAPPED"], () => answer);
    expect(thrown(run)).toBe(failed("uc_emu_start", `ERR_${kind}_UNMAPPED`));
    answer = undefined;
    expect(thrown(run)).toBe(failed("uc_emu_start", `ERR_${kind}_UNMAPPED`));
    answer = true;
    expect(thrown(run)).toBe(failed("uc_emu_start", "ERR_MAP"));
  });

  test("READ comes after the check, WRITE before it", () => {
    const order = (code: string): unknown[] => {
      const { e, run } = program(code);
      const events: unknown[] = [];
      const see = (_e: unknown, type: unknown): boolean => {
        events.push(type);
        if (type !== MEM_READ && type !== MEM_WRITE) e.mem_map(NOWHERE, 0x1000, 3);
        return true;
      };
      e.hook_add(uc["HOOK_MEM_READ"] | uc["HOOK_MEM_WRITE"], see);
      e.hook_add(uc["HOOK_MEM_UNMAPPED"], see);
      run();
      return events;
    };
    expect(order(read)).toEqual([MEM_READ_UNMAPPED, MEM_READ]);
    expect(order(write)).toEqual([MEM_WRITE, MEM_WRITE_UNMAPPED]);
  });

  test("the first hook that answers true is enough", () => {
    const { e, run } = program(read);
    const asked: number[] = [];
    e.hook_add(uc["HOOK_MEM_READ_UNMAPPED"], () => asked.push(1) > 5);
    e.hook_add(uc["HOOK_MEM_READ_UNMAPPED"], () => {
      e.mem_map(NOWHERE, 0x1000, 3);
      return asked.push(2) > 0;
    });
    e.hook_add(uc["HOOK_MEM_READ_UNMAPPED"], () => asked.push(3) > 0);
    run();
    expect(asked).toEqual([1, 2]);
  });

  test("an access over two pages tells the missing one, a store there byte by byte", () => {
    // mov rax, [rdi+0x1ffc]; mov [rdi+0x1ffc], rax
    const { e, run } = program("48 8b 87 fc 1f 00 00 48 89 87 fc 1f 00 00");
    const calls: Call[] = [];
    e.hook_add(uc["HOOK_MEM_UNMAPPED"], (_e, type, address, size, value) => {
      calls.push([type, address, size, value]);
      e.mem_map(DATA + 0x2000, 0x1000, 3);
      return true;
    });
    run();
    e.mem_unmap(DATA + 0x2000, 0x1000);
    e.reg_write_i64(uc["X86_REG_RAX"], 0x1122_3344_5566_7788n);
    e.emu_start(CODE + 7, CODE + 14);
    expect(calls).toEqual([
      [MEM_READ_UNMAPPED, data(0x2000), 8, 0n],
      [MEM_WRITE_UNMAPPED, data(0x2000), 1, 0x44n],
    ]);
    expect([...e.mem_read(DATA + 0x1ffc, 8)]).toEqual([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
  });
});

describe("protected memory", () => {
  test("a hook may change the protection", () => {
    // mov eax, [rdi]; mov [rdi], eax
    const { e, run } = program("8b 07 89 07");
    e.mem_write(DATA, [1, 2, 3, 4]);
    e.mem_protect(DATA, 0x1000, uc["PROT_NONE"]);
    const calls: Call[] = [];
    e.hook_add(uc["HOOK_MEM_PROT"], (_e, type, address, size, value) => {
      calls.push([type, address, size, value]);
      e.mem_protect(DATA, 0x1000, type === MEM_READ_PROT ? uc["PROT_READ"] : 3);
      return true;
    });
    run();
    expect(calls).toEqual([
      [MEM_READ_PROT, data(0), 4, 0n],
      [MEM_WRITE_PROT, data(0), 4, 0x0403_0201n],
    ]);
  });

  test("answered but still protected: what is read is there, what is written is dropped", () => {
    const { e, run } = program("8b 07 ff c0 89 07");
    e.mem_write(DATA, [1]);
    e.mem_protect(DATA, 0x1000, uc["PROT_NONE"]);
    e.hook_add(uc["HOOK_MEM_PROT"], () => true);
    run();
    expect([e.reg_read_i32(uc["X86_REG_EAX"]), ...e.mem_read(DATA, 1)]).toEqual([2, 1]);
  });

  test("FETCH", () => {
    const { e, run } = program("ff e7");
    e.mem_write(DATA, [0xf4]);
    const hook = e.hook_add(uc["HOOK_MEM_FETCH_PROT"], (_e, type, address, size) => {
      expect([type, address, size]).toEqual([MEM_FETCH_PROT, data(0), 1]);
      e.mem_protect(DATA, 0x1000, uc["PROT_ALL"]);
      return true;
    });
    run();
    expect(e.reg_read_i64(uc["X86_REG_RIP"])).toBe(data(1));
    e.hook_del(hook);
    e.mem_protect(DATA, 0x1000, 3);
    expect(thrown(run)).toBe(failed("uc_emu_start", "ERR_FETCH_PROT"));
    expect(MEM_FETCH_UNMAPPED).toBe(21);
  });
});
