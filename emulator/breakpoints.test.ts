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
});
