/** Code that changes takes effect as on hardware, whoever changes it and however hot it is. SDM volume 3, 12.6. */
import { describe, expect, test } from "vitest";
import { Context, Register } from "./context.ts";
import { Protection, type SharedPages } from "./cpu.ts";
import { ALL, bytesOf, CODE, DATA, PAGE, READ_EXECUTE, READ_WRITE, testMachine, withDefault } from "./test-machine.ts";

/** Where a function is put: on the page of its caller, on another, and over the end of a page, the immediate of its first instruction behind it. */
const NEAR = CODE + 0x100;
const FAR = CODE + PAGE + 0x100;
const CROSSING = CODE + PAGE - 1;
const VIEW = 0x3_0000_0000;

const rel32 = (from: number, to: number): number[] => [...new Uint8Array(Int32Array.of(to - from).buffer)];

/** L: call `callee`; add rbx, rax; dec rcx; jnz L; syscall */
function caller(callee: number): Uint8Array {
  return Uint8Array.of(0xe8, ...rel32(CODE + 5, callee), ...bytesOf("48 01 c3  48 ff c9  75 f3  0f 05"));
}
/** mov eax, `value`; ret */
const constant = (value: number): Uint8Array => Uint8Array.of(0xb8, value, 0, 0, 0, 0xc3);

function guest(translateAfter: number, callee: number) {
  const machine = testMachine("90", translateAfter);
  const { space, context } = machine;
  space.poke(CODE, caller(callee));
  /** RBX after `count` calls. */
  const sum = (count: number): number => {
    context.rip = CODE;
    context.setNumber(Register.RCX, count);
    context.setNumber(Register.RBX, 0);
    expect(machine.run(1_000_000)).toEqual({ reason: "syscall" });
    return context.getNumber(Register.RBX);
  };
  return { ...machine, sum };
}
type Guest = ReturnType<typeof guest>;

/** So many calls that the code is hot by the default threshold. */
const HOT = 5000;
/** Of code that changes in each round: translation at once makes a module for each. */
const roundsOf = (tier: number): number => (tier === 0 ? 300 : HOT);

/** 1 + … + `count` in a byte that wraps. */
const byteSums = (count: number): number =>
  Array.from({ length: count }, (_unused, index) => (index + 1) & 0xff).reduce((left, right) => left + right, 0);

describe.each(withDefault)("%s", (_name, tier) => {
  const rounds = roundsOf(tier);
  const places = [
    ["the caller's page", NEAR],
    ["another page", FAR],
    ["over the end of a page", CROSSING],
  ] as const;

  test.each(places)("a function on %s that rewrites its own next instruction each time", (_place, callee) => {
    const { space, context, sum } = guest(tier, callee);
    // inc byte [rsi]; mov eax, 0; ret
    const next = callee === CROSSING ? callee : callee + 2;
    space.poke(next - 2, bytesOf("fe 06 b8 00 00 00 00 c3"));
    space.poke(CODE, caller(next - 2));
    context.setNumber(Register.RSI, next + 1);
    expect(sum(rounds)).toBe(byteSums(rounds));
  });

  test.each(places)("a function on %s rewritten by its caller", (_place, callee) => {
    const { space, context, sum } = guest(tier, callee);
    space.poke(callee, constant(0));
    // L: inc byte [rsi]; call; add rbx, rax; dec rcx; jnz L; syscall
    space.poke(CODE, Uint8Array.of(0xfe, 0x06, 0xe8, ...rel32(CODE + 7, callee), ...bytesOf("48 01 c3 48 ff c9 75 f1 0f 05"))); // prettier-ignore
    context.setNumber(Register.RSI, callee + 1);
    expect(sum(rounds)).toBe(byteSums(rounds));
  });

  test("a caller whose return site the function rewrites", () => {
    const { space, context, sum } = guest(tier, FAR);
    // call; add rbx, 0 (83, sign-extended); dec rcx; jnz; syscall
    space.poke(CODE + 5, bytesOf("48 83 c3 00 48 ff c9 75 f2 0f 05"));
    space.poke(FAR, bytesOf("80 06 01 80 26 7f c3"));
    context.setNumber(Register.RSI, CODE + 8);
    const expected = Array.from({ length: rounds }, (_unused, index) => (index + 1) & 0x7f);
    expect(sum(rounds)).toBe(expected.reduce((left, right) => left + right, 0));
  });

  // mov eax, imm32 of F changes from 1 to 2 by one store of each kind; RDX = 2.
  const stores = [
    ["MOV", "88 16"],
    ["XCHG", "86 16"],
    ["LOCK XADD", "f0 0f c0 16"],
    ["SHL", "d0 26"],
    ["MOVD", "66 0f 6e c2 66 0f 7e 06"],
    ["MOVDQU", "0f 10 06 66 0f 6e ca f3 0f 10 c1 0f 11 06"],
    ["STOSB", "48 89 f7 88 d0 aa"],
    ["REP STOSB", "51 48 89 f7 88 d0 b9 01 00 00 00 f3 aa 59"],
    ["SETcc", "38 c0 0f 94 06 00 16"],
    ["FISTP", "52 df 2c 24 db 1e 5a"],
    ["PUSH", "49 89 e0 48 8d 66 08 ff 36 80 04 24 01 4c 89 c4"],
    ["MASKMOVDQU", "48 89 f7 66 0f 6e c2 b8 80 00 00 00 66 0f 6e c8 66 0f f7 c1"],
  ] as const;
  test.each(stores)("%s into hot code", (mnemonic, store) => {
    const { space, context, sum, run } = guest(tier, FAR);
    space.poke(FAR, constant(1));
    expect(sum(HOT)).toBe(HOT);
    context.setNumber(Register.RSI, FAR + 1);
    context.setNumber(Register.RDX, 2);
    space.poke(DATA, Uint8Array.of(...bytesOf(store), 0x0f, 0x05));
    space.protect(DATA, 2 * PAGE, ALL);
    context.rip = DATA;
    expect(run()).toEqual({ reason: "syscall" });
    const expected: Partial<Record<string, number>> = { "LOCK XADD": 3, SETcc: 3 };
    expect(sum(HOT)).toBe(HOT * (expected[mnemonic] ?? 2));
  });

  test.each([
    ["write", ({ space }: Guest, at: number, bytes: Uint8Array) => space.write(at, bytes)],
    ["poke", ({ space }: Guest, at: number, bytes: Uint8Array) => space.poke(at, bytes)],
    ["writeUint8", ({ space }: Guest, at: number, bytes: Uint8Array) => space.writeUint8(at, bytes[0])],
  ])("between runs by a kernel's %s, code being hot", (_how, write) => {
    for (const callee of [NEAR, FAR, CROSSING]) {
      const machine = guest(tier, callee);
      machine.space.poke(callee, constant(1));
      for (let value = 1; value < 5; value++) {
        write(machine, callee + 1, Uint8Array.of(value));
        expect(machine.sum(HOT)).toBe(HOT * value);
      }
    }
  });

  test("in the midst of a slice that ends anywhere, by another thread", () => {
    const { cpu, space, context } = guest(tier, FAR);
    space.poke(FAR, constant(0));
    space.poke(NEAR, bytesOf("fe 06 0f 05"));
    context.rip = CODE;
    context.setNumber(Register.RCX, HOT);
    context.setNumber(Register.RBX, 0);
    let value = 0;
    let calls = 0;
    let expected = 0;
    for (let slice = 1; ; slice = (slice * 7 + 3) % 1009) {
      const exit = cpu.run(space, context, slice + 1);
      // RAX is loaded once a call; what was loaded before the change counts.
      const ended = exit.reason === "syscall";
      const done = ended ? HOT : HOT - context.getNumber(Register.RCX);
      const loaded = !ended && [FAR + 5, CODE + 5, CODE + 8].includes(context.rip);
      const upTo = done + (loaded ? 1 : 0);
      expected += (upTo - calls) * value;
      calls = upTo;
      if (ended) break;
      expect(exit.reason).toBe("budget");
      const other = new Context();
      other.rip = NEAR;
      other.setNumber(Register.RSI, FAR + 1);
      expect(cpu.run(space, other, 10)).toEqual({ reason: "syscall" });
      value = (value + 1) & 0xff;
    }
    expect(context.getNumber(Register.RBX)).toBe(expected);
  });

  test("a page unmapped and mapped again with other bytes", () => {
    const { space, context, sum, run } = guest(tier, FAR);
    for (let value = 1; value < 5; value++) {
      const page = new Uint8Array(PAGE);
      page.set(constant(value), FAR % PAGE);
      space.map(CODE + PAGE, PAGE, READ_EXECUTE, page);
      expect(sum(HOT)).toBe(HOT * value);
      space.unmap(CODE + PAGE, PAGE);
      context.rip = CODE;
      expect(run()).toMatchObject({ reason: "fault", address: FAR, access: "execute" });
      expect(context.rip).toBe(FAR);
    }
  });

  test("an instruction over two pages, the second of which goes and comes", () => {
    const { space, context, sum, run } = guest(tier, CROSSING);
    space.poke(CROSSING, constant(1));
    expect(sum(HOT)).toBe(HOT);
    for (let value = 2; value < 5; value++) {
      space.protect(CODE + PAGE, PAGE, READ_WRITE);
      context.rip = CODE;
      expect(run()).toMatchObject({ reason: "fault", address: CODE + PAGE, access: "execute" });
      expect(context.rip).toBe(CROSSING);
      space.protect(CODE + PAGE, PAGE, ALL);
      space.map(CODE + PAGE, PAGE, READ_EXECUTE, constant(value).subarray(1));
      expect(sum(HOT)).toBe(HOT * value);
    }
  });

  test("W^X: written while it cannot run, run while it cannot be written", () => {
    const { space, context, sum, run } = guest(tier, FAR);
    for (let value = 1; value < 8; value++) {
      space.protect(CODE + PAGE, PAGE, READ_WRITE);
      space.poke(DATA, bytesOf("88 16 0f 05"));
      space.protect(DATA, 2 * PAGE, ALL);
      context.setNumber(Register.RSI, FAR + 1);
      context.setNumber(Register.RDX, value);
      if (value === 1) space.write(FAR, constant(0));
      context.rip = DATA;
      expect(run()).toEqual({ reason: "syscall" });
      space.protect(CODE + PAGE, PAGE, READ_EXECUTE);
      expect(sum(HOT)).toBe(HOT * value);
      context.rip = DATA;
      context.setNumber(Register.RSI, FAR + 1);
      expect(run()).toMatchObject({ reason: "fault", access: "write", address: FAR + 1 });
    }
  });

  describe("a section's code", () => {
    const section = (): SharedPages => ({ bytes: new Uint8Array(2 * PAGE) });

    test.each([
      ["within a page", 0x100],
      ["over the end of a page", PAGE - 1],
    ])("rewritten by its caller through another view, %s", (_where, offset) => {
      const { space, context, sum } = guest(tier, VIEW + offset);
      const pages = section();
      space.mapShared(VIEW, 2 * PAGE, READ_EXECUTE, pages, 0);
      space.mapShared(VIEW + 0x10_0000, 2 * PAGE, READ_WRITE, pages, 0);
      pages.bytes.set(constant(0), offset);
      // inc byte [rsi]; mov eax, VIEW + offset (r8); call r8; add rbx, rax; dec rcx; jnz; syscall
      space.poke(CODE, bytesOf("fe 06 41 ff d0 48 01 c3 48 ff c9 75 f3 0f 05"));
      context.setNumber(Register.RSI, VIEW + 0x10_0000 + offset + 1);
      context.setNumber(Register.R8, VIEW + offset);
      expect(sum(rounds)).toBe(byteSums(rounds));
    });

    test("rewritten by the instruction before, through another view", () => {
      const { space, context, sum } = guest(tier, NEAR);
      const pages = section();
      space.mapShared(VIEW, 2 * PAGE, READ_EXECUTE, pages, 0);
      space.mapShared(VIEW + 0x10_0000, 2 * PAGE, READ_WRITE, pages, 0);
      pages.bytes.set(bytesOf("fe 06 b8 00 00 00 00 c3"), 0);
      space.poke(CODE, bytesOf("41 ff d0 48 01 c3 48 ff c9 75 f5 0f 05"));
      context.setNumber(Register.RSI, VIEW + 0x10_0000 + 3);
      context.setNumber(Register.R8, VIEW);
      expect(sum(rounds)).toBe(byteSums(rounds));
    });

    test("rewritten by another process", () => {
      const { cpu, space, context, sum } = guest(tier, NEAR);
      const pages = section();
      space.mapShared(VIEW, 2 * PAGE, READ_EXECUTE, pages, 0);
      pages.bytes.set(constant(0), 0);
      space.poke(CODE, bytesOf("41 ff d0 48 01 c3 48 ff c9 75 f5 0f 05"));
      context.setNumber(Register.R8, VIEW);
      const other = cpu.createAddressSpace();
      other.mapShared(DATA, PAGE, READ_WRITE, pages, 0);
      other.map(CODE, PAGE, Protection.Execute);
      other.poke(CODE, bytesOf("fe 06 0f 05"));
      for (let value = 1; value < 5; value++) {
        const thread = new Context();
        thread.rip = CODE;
        thread.setNumber(Register.RSI, DATA + 1);
        expect(cpu.run(other, thread, 10)).toEqual({ reason: "syscall" });
        expect(sum(HOT)).toBe(HOT * value);
      }
    });
  });
});
