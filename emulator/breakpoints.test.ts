import { describe, expect, test } from "vitest";
import { layout } from "./context-layout.ts";
import { Flag, Register, type Context } from "./context.ts";
import type { Stops } from "./interpreter/stops.ts";
import { CODE, DATA, testMachine as machine, tiers } from "./test-machine.ts";

/** DRn = `address`; its type (0 execute, 1 write, 3 read or write) and length field in DR7. */
function arm(context: Context, n: number, address: number, type = 0, length = 0): void {
  const { view } = context;
  view.setBigUint64(layout.dr + n * 8, BigInt(address), true);
  const control = view.getUint32(layout.dr + 40, true);
  view.setUint32(layout.dr + 40, control | (1 << (n * 2)) | (((length << 2) | type) << (16 + n * 4)), true);
}
const stopsAt = (...addresses: number[]): Stops => ({
  at: (address) => addresses.includes(address),
  before: () => false,
  everyBlock: false,
});
/** mov ecx, 1000; L: inc rax; dec ecx; jnz L; int3 */
const LOOP = "b9 e8 03 00 00 48 ff c0 ff c9 75 f9 cc";
const INC = CODE + 5;
const DEC = CODE + 8;

describe.each(tiers)("%s", (_name, tier) => {
  test("an instruction breakpoint is a fault before the instruction, and RF passes it", () => {
    const { run, context, cpu, dr6 } = machine(LOOP, tier);
    arm(context, 2, DEC);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, context.get(Register.RAX), cpu.executed, dr6()]).toEqual([DEC, 1n, 2, 4]);
    // Without RF it is met again.
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect(cpu.executed).toBe(0);
    for (let round = 2; round <= 1000; round++) {
      context.rflags |= Flag.RF;
      expect(run()).toEqual({ reason: "exception", vector: "DB" });
      expect([context.rip, context.getNumber(Register.RAX), cpu.executed]).toEqual([DEC, round, 3]);
      expect(context.rflags & Flag.RF).toBe(0);
    }
    context.rflags |= Flag.RF;
    expect(run()).toEqual({ reason: "breakpoint" });
  });

  test("an instruction breakpoint in code that was hot already is met", () => {
    const { run, context } = machine(LOOP, tier);
    expect(run(2000)).toEqual({ reason: "budget" });
    arm(context, 0, DEC);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect(context.rip).toBe(DEC);
    context.view.setUint32(layout.dr + 40, 0, true);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(context.get(Register.RAX)).toBe(1000n);
  });

  test("an instruction that faults under RF keeps it", () => {
    // mov rax, [0]
    const { run, context } = machine("48 8b 04 25 00 00 00 00", tier);
    arm(context, 0, CODE);
    context.rflags |= Flag.RF;
    expect(run()).toMatchObject({ reason: "fault", address: 0 });
    expect(context.rflags & Flag.RF).toBe(Flag.RF);
  });

  test("PUSHF and SYSCALL store no RF", () => {
    // pushf; syscall
    const { run, context, space } = machine("9c 0f 05", tier);
    context.rflags |= Flag.RF;
    expect(run(1)).toEqual({ reason: "budget" });
    expect(space.readUint32(DATA + 0xff8) & Flag.RF).toBe(0);
    context.rflags |= Flag.RF;
    expect(run()).toEqual({ reason: "syscall" });
    expect(context.getNumber(Register.R11) & Flag.RF).toBe(0);
  });

  test("a data breakpoint traps after the store, not after loads", () => {
    // mov rax, [rdi]; mov [rdi+4], eax; add [rdi+0x20], eax; int3
    const { run, context, dr6 } = machine("48 8b 07 89 47 04 01 47 20 cc", tier);
    arm(context, 1, DATA + 4, 1, 3);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, dr6()]).toEqual([CODE + 6, 2]);
    expect(run()).toEqual({ reason: "breakpoint" });
  });

  test("a data breakpoint on loads, one byte of it, and at the end of a block", () => {
    // L: mov rax, [rdi]; pop rbx; jmp [rdi+0x10]
    const { run, context, space, dr6 } = machine("48 8b 07 5b ff 67 10", tier);
    space.writeUint64(DATA + 0x10, BigInt(CODE + 3));
    arm(context, 0, DATA + 7, 3);
    arm(context, 3, DATA + 0x10, 3, 2);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, dr6()]).toEqual([CODE + 3, 1]);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, dr6()]).toEqual([CODE + 3, 9]);
  });

  test("a data breakpoint ends a repetition after the element that hits it", () => {
    // mov ecx, 16; rep stosb; int3
    const { run, context, dr6 } = machine("b9 10 00 00 00 f3 aa cc", tier);
    arm(context, 0, DATA + 5, 1);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, context.getNumber(Register.RCX), dr6()]).toEqual([CODE + 5, 10, 1]);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(context.getNumber(Register.RDI)).toBe(DATA + 16);
  });

  test("a store that faults hits nothing", () => {
    // mov [rdi], rax over the end of the pages
    const { run, context, dr6 } = machine("48 89 07", tier);
    context.setNumber(Register.RDI, DATA + 0x1ffc);
    arm(context, 0, DATA + 0x1ffc, 1, 3);
    expect(run()).toMatchObject({ reason: "fault" });
    expect(dr6()).toBe(0);
  });

  test("a run ends before a stop, and begins at one", () => {
    const { run, core, context, cpu } = machine(LOOP, tier);
    run(2000);
    core.stopAt(stopsAt(INC), [INC]);
    const before = context.getNumber(Register.RAX);
    for (let round = 0; round < 100; round++) {
      expect(run()).toMatchObject({ reason: "stop" });
      expect(context.rip).toBe(INC);
      if (round) expect(cpu.executed).toBe(3);
    }
    expect(context.getNumber(Register.RAX) - before).toBeLessThanOrEqual(100);
    core.stopAt(undefined, [INC]);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(context.get(Register.RAX)).toBe(1000n);
  });

  test("a stop where nothing can be fetched comes before the fault", () => {
    // jmp rdi
    const { run, core, context } = machine("ff e7", tier);
    core.stopAt(stopsAt(DATA));
    expect(run()).toMatchObject({ reason: "stop" });
    expect(context.rip).toBe(DATA);
    expect(run()).toMatchObject({ reason: "fault", access: "execute" });
  });

  test("every block: entered or fallen into", () => {
    const { run, core, context } = machine(LOOP, tier);
    core.stopAt({ at: (address) => address === DEC, before: () => false, everyBlock: true });
    const seen: (readonly [number, boolean])[] = [];
    for (let exit = run(); exit.reason === "stop"; exit = run()) seen.push([context.rip - CODE, exit.entered]);
    // dec ecx in sequence, then the rest of its block and what follows.
    expect(seen.slice(0, 4)).toEqual([
      [8, false],
      [10, false],
      [5, true],
      [8, false],
    ]);
    expect(seen.at(-1)).toEqual([12, true]);
  });

  test("a stop before an instruction for what it is", () => {
    // xor eax, eax; cpuid; int3
    const { run, core, context } = machine("31 c0 0f a2 cc", tier);
    core.stopAt({
      at: () => false,
      before: ({ form }) => form.specification.mnemonic === "CPUID",
      everyBlock: false,
    });
    expect(run()).toMatchObject({ reason: "stop" });
    expect(context.rip).toBe(CODE + 2);
    expect(run()).toEqual({ reason: "breakpoint" });
  });

  test("an access path sees what is watched and may end the run", () => {
    // mov rax, [rdi]; mov [rdi+0x1000], rax; int3
    const { run, core, context, space } = machine("48 8b 07 48 89 87 00 10 00 00 cc", tier);
    const seen: string[] = [];
    space.writeUint8(DATA, 7);
    core.observe(
      {
        read(address, length) {
          seen.push(`read ${address - DATA} ${core.present - CODE}`);
          core.interrupt();
          return space.read(address, length);
        },
        write(address, bytes) {
          seen.push(`write ${address - DATA} ${bytes[0]}`);
          space.write(address, bytes);
        },
        probe: (address, length, access) => space.probe(address, length, access),
      },
      (page) => page * 0x1000 === DATA || page * 0x1000 === DATA + 0x1000,
    );
    expect(run()).toEqual({ reason: "stop", entered: false });
    expect(context.rip).toBe(CODE + 3);
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(seen).toEqual(["read 0 0", "write 4096 7"]);
    core.observe(undefined);
    context.rip = CODE;
    expect(run()).toEqual({ reason: "breakpoint" });
    expect(seen).toHaveLength(2);
  });

  test("single step passes over a breakpoint that RF hides, and says so in DR6", () => {
    const { run, context, dr6 } = machine(LOOP, tier);
    arm(context, 0, CODE);
    context.rflags |= Flag.RF | Flag.TF;
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, dr6()]).toEqual([INC, 0x4000]);
  });

  test.each([
    ["rep movsb", "f3 a4 cc", [2, 1, 0]],
    ["rep stosd", "f3 ab cc", [2, 1, 0]],
    ["rep lodsq", "f3 48 ad cc", [2, 1, 0]],
    // Bytes 0, 0, 7 with AL = 0: until one is equal, as long as they are.
    ["repne scasb", "f2 ae cc", [2]],
    ["repe cmpsb", "f3 a6 cc", [2, 1]],
  ] as const)("single step through %s traps after each element", (_name, code, counts) => {
    const { run, context, cpu, dr6, space } = machine(code, tier);
    space.poke(DATA, Uint8Array.of(0, 0, 7));
    context.setNumber(Register.RSI, DATA + 0x100);
    context.setNumber(Register.RCX, 3);
    // The second pair differs.
    space.poke(DATA + 0x100, Uint8Array.of(0, 5));
    for (const [index, count] of counts.entries()) {
      context.rflags |= Flag.TF;
      context.view.setUint32(layout.dr + 32, 0, true);
      expect(run()).toEqual({ reason: "exception", vector: "DB" });
      const last = index === counts.length - 1;
      expect([context.getNumber(Register.RCX), dr6(), cpu.executed]).toEqual([count, 0x4000, 1]);
      expect([context.rip, context.rflags & Flag.RF]).toEqual(
        last ? [CODE + code.split(" ").length - 1, 0] : [CODE, Flag.RF],
      );
    }
    context.rflags &= ~Flag.TF;
    expect(run()).toEqual({ reason: "breakpoint" });
  });

  test("an element that faults under TF is no trap", () => {
    const { run, context, dr6 } = machine("f3 aa cc", tier);
    context.setNumber(Register.RDI, DATA + 0x1fff);
    context.setNumber(Register.RCX, 2);
    context.rflags |= Flag.TF;
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect(run()).toMatchObject({ reason: "fault", address: DATA + 0x2000, access: "write" });
    expect([context.rip, context.getNumber(Register.RCX), dr6()]).toEqual([CODE, 1, 0x4000]);
  });

  test("POPF and IRET that set TF trap after the next instruction; POPF that clears it, after itself", () => {
    // push imm; popf; inc rax; inc rax
    const set = machine("68 02 03 00 00 9d 48 ff c0 48 ff c0 cc", tier);
    expect(set.run()).toEqual({ reason: "exception", vector: "DB" });
    expect([set.context.rip, set.context.getNumber(Register.RAX)]).toEqual([CODE + 9, 1]);
    // mov rax, rsp; push 2b; push rax; push 302; push 33; lea rcx, [rip+3]; push rcx; iretq; nop; nop
    const iret = machine("48 89 e0 6a 2b 50 68 02 03 00 00 6a 33 48 8d 0d 03 00 00 00 51 48 cf 90 90 cc", tier);
    expect(iret.run()).toEqual({ reason: "exception", vector: "DB" });
    expect(iret.context.rip).toBe(CODE + 24);
    const clear = machine("9d 90 cc", tier);
    clear.space.writeUint64(DATA + 0x1000, 0x202n);
    clear.context.rflags |= Flag.TF;
    expect(clear.run()).toEqual({ reason: "exception", vector: "DB" });
    expect([clear.context.rip, clear.context.rflags & Flag.TF]).toEqual([CODE + 1, 0]);
    expect(clear.run()).toEqual({ reason: "breakpoint" });
  });

  test("SYSCALL, INT3 and faults under TF are what they are; R11 has TF", () => {
    for (const [code, exit] of [
      ["0f 05", { reason: "syscall" }],
      ["cc", { reason: "breakpoint" }],
      ["48 8b 04 25 00 00 00 00", { reason: "fault", address: 0 }],
      ["0f 0b", { reason: "exception", vector: "UD" }],
      ["48 f7 f0", { reason: "exception", vector: "DE" }],
    ] as const) {
      const { run, context, dr6 } = machine(code, tier);
      context.rflags |= Flag.TF;
      expect(run()).toMatchObject(exit);
      expect(dr6()).toBe(0);
      if (exit.reason === "syscall") expect(context.getNumber(Register.R11) & Flag.TF).toBe(Flag.TF);
    }
  });

  test("MOV SS delays the trap of TF by an instruction", () => {
    // mov ss, ecx; inc rax; inc rax
    const { run, context, cpu } = machine("8e d1 48 ff c0 48 ff c0 cc", tier);
    context.setNumber(Register.RCX, 0x2b);
    context.rflags |= Flag.TF;
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, context.getNumber(Register.RAX), cpu.executed]).toEqual([CODE + 5, 1, 2]);
  });

  test("behind MOV SS there is no instruction breakpoint, and a data breakpoint of its own comes an instruction later", () => {
    // mov ecx, 3; L: mov ss, [rdi]; inc rax; inc rbx; dec ecx; jnz L; int3
    const code = "b9 03 00 00 00 8e 17 48 ff c0 48 ff c3 ff c9 75 f4 cc";
    const behind = machine(code, tier);
    behind.space.writeUint16(DATA, 0x2b);
    arm(behind.context, 0, CODE + 7);
    expect(behind.run()).toEqual({ reason: "breakpoint" });
    // Reached otherwise, it is one.
    behind.context.rip = CODE + 5;
    expect(behind.run(1)).toEqual({ reason: "budget" });
    expect(behind.run()).toEqual({ reason: "exception", vector: "DB" });
    expect(behind.context.rip).toBe(CODE + 7);

    const data = machine(code, tier);
    data.space.writeUint16(DATA, 0x2b);
    arm(data.context, 1, DATA, 3, 1);
    for (let round = 1; round <= 3; round++) {
      expect(data.run()).toEqual({ reason: "exception", vector: "DB" });
      expect([data.context.rip, data.context.getNumber(Register.RAX), data.dr6()]).toEqual([CODE + 10, round, 2]);
    }
    expect(data.run()).toEqual({ reason: "breakpoint" });
    // A system call is left as one.
    const call = machine("8e 17 0f 05", tier);
    call.space.writeUint16(DATA, 0x2b);
    arm(call.context, 1, DATA, 3, 1);
    expect(call.run()).toEqual({ reason: "syscall" });
    expect(call.dr6()).toBe(0);
  });

  test.each([
    ["another instruction", "48 ff c0", { reason: "exception", vector: "DB" }, 0x4002],
    ["a system call, which takes their place", "0f 05", { reason: "syscall" }, 0],
    ["what is no instruction, likewise", "0f 0b", { reason: "exception", vector: "UD" }, 0],
  ])("a single step over MOV SS with a data breakpoint, and %s", (_what, next, exit, reported) => {
    // mov ss, [rdi]
    const { run, context, dr6, space } = machine(`8e 17 ${next} cc`, tier);
    space.writeUint16(DATA, 0x2b);
    arm(context, 1, DATA, 3, 1);
    context.rflags |= Flag.TF;
    expect(run()).toEqual(exit);
    expect(dr6()).toBe(reported);
  });

  test("a single step over MOV SS passes a breakpoint behind it", () => {
    // mov ss, ecx; inc rax; inc rax
    const { run, context, dr6 } = machine("8e d1 48 ff c0 48 ff c0 cc", tier);
    context.setNumber(Register.RCX, 0x2b);
    context.rflags |= Flag.TF;
    arm(context, 0, CODE + 2);
    expect(run()).toEqual({ reason: "exception", vector: "DB" });
    expect([context.rip, dr6()]).toEqual([CODE + 5, 0x4000]);
  });

  test.each([
    // vmaskmovps [rdi], ymm0, ymm1; vpmaskmovd; maskmovdqu xmm1, xmm0
    ["VMASKMOVPS", "c4 e2 7d 2e 0f cc"],
    ["VPMASKMOVD", "c4 e2 7d 8e 0f cc"],
    ["MASKMOVDQU", "66 0f f7 c8 cc"],
  ])("%s hits data breakpoints where its mask stores", (_name, code) => {
    for (const [offset, hit] of [
      [4, true],
      [0, false],
      [8, false],
    ] as const) {
      const { run, context, dr6 } = machine(code, tier);
      // The mask has the elements at 4 alone.
      context.view.setUint32(layout.xmm + 4, 0x8080_8080, true);
      arm(context, 0, DATA + offset, 1, 3);
      expect(run()).toEqual(hit ? { reason: "exception", vector: "DB" } : { reason: "breakpoint" });
      expect([context.rip, dr6()]).toEqual([CODE + code.split(" ").length - (hit ? 1 : 0), hit ? 1 : 0]);
    }
  });
});
