import { describe, expect, test } from "vitest";
import { Context, Flag, Register, SegmentRegister } from "./context.ts";
import { Protection } from "./cpu.ts";
import { createCpu, type EngineCpu } from "./engine.ts";

const CODE = 0x1000_0000;
const DATA = 0x2000_0000;
const { CS, SS, DS, ES, FS, GS } = SegmentRegister;

/** By threshold: a CPU costs more than a test. */
const cpus = new Map<number, EngineCpu>();

function machine(code: string, data: readonly number[] = [], translateAfter = Infinity) {
  let cpu = cpus.get(translateAfter);
  if (!cpu) cpus.set(translateAfter, (cpu = createCpu({ level: 3, translateAfter, seed: 1 })));
  const engine = cpu;
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Execute);
  space.map(DATA, 0x1000, Protection.Read | Protection.Write);
  space.poke(
    CODE,
    Uint8Array.from(code.split(" "), (byte) => parseInt(byte, 16)),
  );
  space.poke(DATA, Uint8Array.from(data));
  const context = new Context();
  context.rip = CODE;
  context.setNumber(Register.RBX, DATA);
  context.setNumber(Register.RSP, DATA + 0x800);
  return { space, context, run: (budget = 1) => engine.run(space, context, budget) };
}
const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
const generalProtection = { reason: "exception", vector: "GP" };
const TARGET = CODE + 0x123;

describe.each([
  ["interpreter", Infinity],
  ["translation at once", 0],
])("%s", (_name, tier) => {
  test.each([
    ["with 16 bits", "66 ff 2b", [...little(TARGET, 2), 0x33, 0], TARGET & 0xffff],
    ["with 32 bits", "ff 2b", [...little(TARGET, 4), 0x33, 0], TARGET],
    ["with 64 bits", "48 ff 2b", [...little(TARGET, 8), 0x33, 0], TARGET],
    ["whose selector's level is a lower number", "48 ff 2b", [...little(TARGET, 8), 0x30, 0], TARGET],
  ])("a far jump %s", (_what, code, data, rip) => {
    const { run, context } = machine(code, data, tier);
    expect(run()).toEqual({ reason: "budget" });
    expect(context.rip).toBe(rip);
    expect(context.selector(CS)).toBe(0x33);
  });

  test.each([0, 3, 0x2b, 0x10, 0x13, 0x37, 0x7b, 0xfff8])("a far jump to selector 0x%x is #GP", (selector) => {
    const { run, context } = machine("ff 2b", [...little(TARGET, 4), ...little(selector, 2)], tier);
    expect(run()).toEqual(generalProtection);
    expect(context.rip).toBe(CODE);
    expect(context.selector(CS)).toBe(0x33);
  });

  test("32-bit code is named as what is missing", () => {
    const { run, context } = machine("ff 2b", [...little(TARGET, 4), 0x23, 0], tier);
    expect(run()).toEqual({
      reason: "unsupported",
      bytes: Uint8Array.of(0xff, 0x2b),
      mnemonic: "JMPF into a segment of 32-bit code",
    });
    expect(context.rip).toBe(CODE);
  });

  test("a far call and a far return that releases", () => {
    const { run, context, space } = machine("48 ff 1b 90 cc", [...little(CODE + 0x20, 8), 0x33, 0], tier);
    space.poke(CODE + 0x20, Uint8Array.of(0x48, 0xca, 0x10, 0));
    expect(run()).toEqual({ reason: "budget" });
    expect(context.rip).toBe(CODE + 0x20);
    const top = context.getNumber(Register.RSP);
    expect(top).toBe(DATA + 0x7f0);
    expect([space.readUint64(top), space.readUint64(top + 8)]).toEqual([BigInt(CODE + 3), 0x33n]);
    expect(run()).toEqual({ reason: "budget" });
    expect(context.rip).toBe(CODE + 3);
    expect(context.getNumber(Register.RSP)).toBe(DATA + 0x810);
  });

  test("a far return does not go to a more privileged level", () => {
    const { run, space } = machine("48 cb", [], tier);
    space.poke(DATA + 0x800, Uint8Array.from([...little(TARGET, 8), 0x30, 0]));
    expect(run()).toEqual(generalProtection);
  });

  test("IRETQ loads RIP, CS, flags, RSP and SS; IF and IOPL stay", () => {
    const { run, context, space } = machine("48 cf", [], tier);
    const frame = [TARGET, 0x33, 0x3ed7, DATA + 0x100, 0x2b].flatMap((value) => little(value, 8));
    space.poke(DATA + 0x800, Uint8Array.from(frame));
    expect(run()).toMatchObject({ reason: "budget" });
    expect(context.rip).toBe(TARGET);
    expect(context.getNumber(Register.RSP)).toBe(DATA + 0x100);
    expect(context.rflags & 0x7fff).toBe(0x0ed7);
  });

  test("TF from IRETQ traps after the next instruction", () => {
    const { run, context, space } = machine("48 cf", [], tier);
    space.poke(CODE + 0x123, Uint8Array.of(0x90, 0x90));
    const frame = [TARGET, 0x33, 0x302, DATA + 0x100, 0x2b].flatMap((value) => little(value, 8));
    space.poke(DATA + 0x800, Uint8Array.from(frame));
    expect(run(10)).toEqual({ reason: "exception", vector: "DB" });
    expect(context.rip).toBe(TARGET + 1);
  });

  test("IRET with NT, to a null stack segment or to another level is #GP", () => {
    for (const [flags, code, stack] of [
      [Flag.IF | 0x4002, 0x33, 0x2b],
      [Flag.IF | 2, 0x33, 0],
      [Flag.IF | 2, 0x33, 0x28],
      [Flag.IF | 2, 0x30, 0x2b],
    ]) {
      const { run, context, space } = machine("48 cf", [], tier);
      context.rflags = flags;
      const frame = [TARGET, code, 2, DATA, stack].flatMap((value) => little(value, 8));
      space.poke(DATA + 0x800, Uint8Array.from(frame));
      expect(run()).toEqual(generalProtection);
    }
  });

  test("segment registers hold what was loaded; the bases of FS and GS are the descriptor's", () => {
    // mov gs, ecx; mov eax, gs; push gs; pop fs; int3
    const { run, context, space } = machine("8e e9 8c e8 0f a8 0f a1 cc", [], tier);
    context.gsBase = 0x1234_5678_9000;
    context.fsBase = 0x1000;
    context.setNumber(Register.RCX, 0xabcd_002b);
    expect(run(5)).toEqual({ reason: "breakpoint" });
    expect(context.get(Register.RAX)).toBe(0x2bn);
    expect([context.gsBase, context.fsBase, context.selector(FS), context.selector(GS)]).toEqual([0, 0, 0x2b, 0x2b]);
    expect(space.readUint64(DATA + 0x7f8)).toBe(0x2bn);
    expect(context.getNumber(Register.RSP)).toBe(DATA + 0x800);
  });

  test.each([
    ["DS, null", "8e d9", 0, DS],
    ["ES, readable code", "8e c1", 0x33, ES],
    ["DS, 32-bit code", "8e d9", 0x23, DS],
    ["SS, data", "8e d1", 0x2b, SS],
    ["DS, data with another level", "8e d9", 0x28, DS],
  ])("%s may be loaded", (_what, code, selector, register) => {
    const { run, context } = machine(code, [], tier);
    context.setNumber(Register.RCX, selector);
    expect(run()).toEqual({ reason: "budget" });
    expect(context.selector(register)).toBe(selector);
  });
  test.each([
    ["CS", "8e c9", 0x33, "UD"],
    ["the sixth", "8e f1", 0x2b, "UD"],
    ["SS, null", "8e d1", 0, "GP"],
    ["SS, data of another level", "8e d1", 0x28, "GP"],
    ["SS, code", "8e d1", 0x33, "GP"],
    ["DS, the system's", "8e d9", 0x18, "GP"],
    ["DS, no descriptor", "8e d9", 0x1003, "GP"],
    ["DS, the local table", "8e d9", 0x2f, "GP"],
  ])("%s may not be loaded", (_what, code, selector, vector) => {
    const { run, context } = machine(code, [], tier);
    context.setNumber(Register.RCX, selector);
    expect(run()).toEqual({ reason: "exception", vector });
  });

  test("LSS loads SS and a register, or neither", () => {
    const { run, context } = machine("48 0f b2 03", [...little(0x1234, 8), 0x2b, 0], tier);
    expect(run()).toEqual({ reason: "budget" });
    expect(context.get(Register.RAX)).toBe(0x1234n);
    const other = machine("0f b2 03", [...little(0x1234, 4), 0x33, 0], tier);
    expect(other.run()).toEqual(generalProtection);
    expect(other.context.get(Register.RAX)).toBe(0n);
  });

  test.each([
    [0x2b, 0xcf_f300n, 0xffff_ffffn, true, true],
    [0x23, 0xcf_fb00n, 0xffff_ffffn, true, false],
    [0x33, 0x20_fb00n, 0n, true, false],
    [0x10, undefined, undefined, false, false],
    [0, undefined, undefined, false, false],
    [0x7b, undefined, undefined, false, false],
  ])("LAR, LSL, VERR and VERW of 0x%x", (selector, rights, limit, readable, writable) => {
    // lar eax, ecx; setz r8b; lsl edx, ecx; setz r9b; verr cx; setz r10b; verw cx; setz r11b; int3
    const code = "0f 02 c1 41 0f 94 c0 0f 03 d1 41 0f 94 c1 0f 00 e1 41 0f 94 c2 0f 00 e9 41 0f 94 c3 cc";
    const { run, context } = machine(code, [], tier);
    for (const register of [Register.RAX, Register.RDX]) context.set(register, 7n);
    context.setNumber(Register.RCX, selector);
    expect(run(9)).toEqual({ reason: "breakpoint" });
    expect(context.get(Register.RAX)).toBe(rights ?? 7n);
    expect(context.get(Register.RDX)).toBe(limit ?? 7n);
    const found = [Register.R8, Register.R9, Register.R10, Register.R11].map((register) => context.get(register));
    expect(found).toEqual([rights !== undefined, limit !== undefined, readable, writable].map((is) => (is ? 1n : 0n)));
  });

  test("SGDT, SIDT, SLDT, STR and SMSW tell what the system said", () => {
    // sgdt [rbx]; sidt [rbx+16]; sldt eax; str ecx; smsw rdx; smsw [rbx+32]; int3
    const { run, context, space } = machine(
      "0f 01 03 0f 01 4b 10 0f 00 c0 0f 00 c9 48 0f 01 e2 0f 01 63 20 cc",
      [],
      tier,
    );
    context.set(Register.RAX, 0xffff_ffff_ffff_ffffn);
    expect(run(7)).toEqual({ reason: "breakpoint" });
    expect([space.readUint16(DATA), space.readUint64(DATA + 2)]).toEqual([0x37, 0xffff_8000_0000_0000n]);
    expect([space.readUint16(DATA + 16), space.readUint64(DATA + 18)]).toEqual([0xfff, 0xffff_8000_0000_1000n]);
    expect([context.get(Register.RAX), context.get(Register.RCX), context.get(Register.RDX)]).toEqual([0n, 0n, 0x8005_0033n]); // prettier-ignore
    expect(space.readUint32(DATA + 32)).toBe(0x33);
  });

  test("FSGSBASE reads and writes bases; one that is not canonical is #GP", () => {
    // wrgsbase rcx; rdgsbase rax; wrfsbase ecx; rdfsbase rdx; int3
    const code = "f3 48 0f ae d9 f3 48 0f ae c8 f3 0f ae d1 f3 48 0f ae c2 cc";
    const { run, context } = machine(code, [], tier);
    context.set(Register.RCX, 0x7fff_1234_5678n);
    expect(run(5)).toEqual({ reason: "breakpoint" });
    expect(context.get(Register.RAX)).toBe(0x7fff_1234_5678n);
    expect(context.get(Register.RDX)).toBe(0x1234_5678n);
    const other = machine(code, [], tier);
    other.context.set(Register.RCX, 0x8000_0000_0000n);
    expect(other.run()).toEqual(generalProtection);
  });

  test.each([
    "0f 01 c8", "0f 01 c9", "c7 f8 00 00 00 00", "c6 f8 00", "0f 01 d6", "0f 01 c1", "0f 01 ee", "0f aa", "0f 37", "0f 78 c0", "f3 0f ae e8", "0f 38 f6 03",
    "f3 0f ae 33", "f3 0f 01 e8", "66 0f 38 82 03", "0f 0e", "0f 0f c0 9e", "62 f1 7c 48 58 c0", "d6", "f3 0f c7 f0", "f2 0f c7 f8", "f3 0f 38 f0 03", "0f 24 c0", "8f e8 78 a2 c0 00", "0f a6 c0", "f0 0f 02 c1",
    "66 c5 f8 58 c0", "f3 c5 f8 58 c0", "f0 c5 f8 58 03", "48 c5 f8 58 c0", "0f 04", "0f 39",
  ])("%s is #UD", (code) => {
    expect(machine(code, [], tier).run()).toEqual({ reason: "exception", vector: "UD" });
  }); // prettier-ignore
  test.each(["0f 34", "0f 35", "0f 33", "0f 32", "0f 08", "f4", "0f 00 d0", "0f 06", "ec", "fa", "0f 07"])("%s is #GP", (code) => {
    expect(machine(code, [], tier).run()).toEqual(generalProtection);
  }); // prettier-ignore
});
