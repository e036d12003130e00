import { expect, test } from "vitest";
import { Context, Register } from "./context.ts";
import { Protection } from "./cpu.ts";
import { createCpu } from "./engine.ts";
import type { Core } from "./interpreter/core.ts";
import { blockHeader } from "./interpreter/record.ts";

const CODE = 0x1_4000_0000;
const TABLE = 0x2_1000_0000;
const CASES = [0x40, 0x50, 0x60, 0x70].map((offset) => CODE + offset);
const PHASE = 4096;

/** Whether a region begins at `address`. */
function isEntry(core: Core, address: number): boolean {
  const block = core.blocks.known(address);
  return block !== undefined && core.space.view.getUint32(block.at + blockHeader.region, true) !== 0;
}

/**
 *     0: mov rax, rcx; shr rax, 12; and eax, 3; jmp [rbx + rax * 8]
 *    20: dec rcx; jnz 0; syscall
 *    each case: add rdx, case + 1; jmp 20
 */
function loop(translateAfter: number) {
  const cpu = createCpu({ level: 3, translateAfter, seed: 1 });
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Write | Protection.Execute);
  space.map(TABLE, 0x1000, Protection.Read | Protection.Write);
  space.poke(CODE, Uint8Array.of(0x48, 0x89, 0xc8, 0x48, 0xc1, 0xe8, 12, 0x83, 0xe0, 3, 0xff, 0x24, 0xc3));
  space.poke(CODE + 0x20, Uint8Array.of(0x48, 0xff, 0xc9, 0x75, 0xdb, 0x0f, 0x05));
  CASES.forEach((address, index) => {
    const back = CODE + 0x20 - (address + 6);
    space.poke(address, Uint8Array.of(0x48, 0x83, 0xc2, index + 1, 0xeb, back));
    space.writePointer(TABLE + index * 8, address);
  });
  const context = new Context();
  context.setNumber(Register.RBX, TABLE);
  const run = (iterations: number): number => {
    context.rip = CODE;
    context.setNumber(Register.RCX, iterations);
    context.setNumber(Register.RDX, 0);
    expect(cpu.run(space, context, 10_000_000)).toEqual({ reason: "syscall" });
    return context.getNumber(Register.RDX);
  };
  return { cpu, space, run, isEntry: (address: number) => isEntry(cpu.core(space), address) };
}

test("a region grows by the targets of a computed jump that come later, which get none of their own", () => {
  const { cpu, run, isEntry } = loop(100);
  // 1 to 4 × 4096, each number of the counter once
  const expected = PHASE * (1 + 2 + 3 + 4);
  expect(run(4 * PHASE)).toBe(expected);
  expect(run(4 * PHASE)).toBe(expected);
  expect([CODE, CODE + 0x20, ...CASES].filter(isEntry)).toHaveLength(1);
  expect(cpu.profile().regions).toBeLessThanOrEqual(CASES.length);
});

test("a region that grows is made of the code that is there now", () => {
  const { run, space } = loop(100);
  expect(run(PHASE - 1)).toBe(PHASE - 1);
  // The first case adds 5 from now on.
  space.write(CASES[0] + 3, Uint8Array.of(5));
  expect(run(4 * PHASE)).toBe(PHASE * (5 + 2 + 3 + 4));
});

test("a loop of a function that is called often becomes hot with its function, whose region has the loops behind it too", () => {
  const cpu = createCpu({ level: 3, translateAfter: 1000, seed: 1 });
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Write | Protection.Execute);
  space.map(TABLE, 0x1000, Protection.Read | Protection.Write);
  // L: call CODE+0x40; dec rsi; jnz L; syscall
  space.poke(CODE, Uint8Array.of(0xe8, 0x3b, 0, 0, 0, 0x48, 0xff, 0xce, 0x75, 0xf6, 0x0f, 0x05));
  // mov ecx, 20; add rdx, 1; dec ecx; jnz -8; mov ecx, 20; add rdx, 2; dec ecx; jnz -8; ret
  const half = (step: number) => [0xb9, 20, 0, 0, 0, 0x48, 0x83, 0xc2, step, 0xff, 0xc9, 0x75, 0xf8];
  space.poke(CODE + 0x40, Uint8Array.of(...half(1), ...half(2), 0xc3));
  const context = new Context();
  context.rip = CODE;
  context.setNumber(Register.RSP, TABLE + 0x800);
  context.setNumber(Register.RSI, 900);
  expect(cpu.run(space, context, 10_000_000)).toEqual({ reason: "syscall" });
  expect(context.getNumber(Register.RDX)).toBe(900 * 60);
  expect(cpu.profile().regions).toBe(1);
  expect(cpu.profile().translated).toBeGreaterThan(40_000);
});

test("what translated code calls gets its region before it has run as often as other code", () => {
  const after = 800;
  const cpu = createCpu({ level: 3, translateAfter: after, seed: 1 });
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Write | Protection.Execute);
  space.map(TABLE, 0x1000, Protection.Read | Protection.Write);
  // L: dec rcx; test cl, 31; jnz M; call CODE+0x40; M: test rcx, rcx; jnz L; syscall
  const loop = [
    0x48, 0xff, 0xc9, 0xf6, 0xc1, 31, 0x75, 5, 0xe8, 0x33, 0, 0, 0, 0x48, 0x85, 0xc9, 0x75, 0xee, 0x0f, 0x05,
  ];
  space.poke(CODE, Uint8Array.from(loop));
  // inc rdx; ret
  space.poke(CODE + 0x40, Uint8Array.of(0x48, 0xff, 0xc2, 0xc3));
  const context = new Context();
  const entries = (): boolean[] => [CODE, CODE + 0x40].map((address) => isEntry(cpu.core(space), address));
  const call = (times: number): void => {
    context.rip = CODE;
    context.setNumber(Register.RSP, TABLE + 0x800);
    context.setNumber(Register.RCX, 32 * times);
    context.setNumber(Register.RDX, 0);
    expect(cpu.run(space, context, 10_000_000)).toEqual({ reason: "syscall" });
    expect(context.getNumber(Register.RDX)).toBe(times);
  };
  call(after / 16);
  // Called too seldom until then to be translated with the loop
  expect(entries()).toEqual([true, false]);
  call(after / 4);
  expect(entries()).toEqual([true, true]);
});
