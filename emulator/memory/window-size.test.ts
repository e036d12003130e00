import { expect, test } from "vitest";
import { Context, Register } from "../context.ts";
import { PAGE_SIZE, Protection } from "../cpu.ts";
import { createCpu } from "../engine.ts";
import { LARGEST_WINDOW, reserveAhead, reserveLargest, reserveWindow, SMALLEST_WINDOW } from "./window-size.ts";

const RW = Protection.Read | Protection.Write;
const CODE = 0x1_4000_0000;
const GIB = 0x4000_0000;

/** A program and its registers, at the default size unless `windowSize` says otherwise. */
function machine(code: readonly number[], translateAfter: number, windowSize?: number) {
  const cpu = createCpu({ level: 3, translateAfter, seed: 1, ...(windowSize !== undefined && { windowSize }) });
  const space = cpu.createAddressSpace();
  space.map(CODE, PAGE_SIZE, Protection.Read | Protection.Execute, Uint8Array.from(code));
  const context = new Context();
  context.rip = CODE;
  return { cpu, space, context };
}

/** mov [rax], rax; add rax, rdx; dec rcx; jnz; int3 */
const touch = [0x48, 0x89, 0x00, 0x48, 0x01, 0xd0, 0x48, 0xff, 0xc9, 0x75, 0xf5, 0xcc];

/** Runs `test` where `onReserve` is told of the pages of every memory, and may throw. */
function withMemories(onReserve: (pages: number) => void, test: () => void): void {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      onReserve(descriptor.initial);
      super(descriptor);
    }
  };
  try {
    test();
  } finally {
    WebAssembly.Memory = Memory;
  }
}
/** A host that has no more than a gibibyte. */
function atMostOneGibibyte(pages: number): void {
  if (pages > 0x4000) throw new RangeError("could not allocate memory");
}

test("a host that cannot set aside 4 GiB gives less", () => {
  withMemories(atMostOneGibibyte, () => {
    expect(reserveLargest(LARGEST_WINDOW).buffer.byteLength).toBe(GIB);
    const { cpu, space, context } = machine(touch, 0);
    space.map(0x7fff_0000_0000, 16 * PAGE_SIZE, RW);
    context.setNumber(Register.RAX, 0x7fff_0000_0000);
    context.setNumber(Register.RDX, PAGE_SIZE);
    context.setNumber(Register.RCX, 16);
    expect(cpu.run(space, context, 1000)).toEqual({ reason: "breakpoint" });
    expect(space.readPointer(0x7fff_0000_f000)).toBe(0x7fff_0000_f000);
  });
});

test("a window that is set aside ahead goes to whoever takes one next, and only to them", () => {
  let made = 0;
  const count = (): void => void made++;
  withMemories(count, () => {
    reserveAhead();
    reserveAhead();
    expect(made).toBe(1);
    expect(reserveWindow(SMALLEST_WINDOW).buffer.byteLength).toBe(SMALLEST_WINDOW);
    expect(made).toBe(2);
    const first = reserveLargest(LARGEST_WINDOW);
    expect(made).toBe(2);
    expect(first.buffer.byteLength).toBe(LARGEST_WINDOW);
    expect(reserveWindow()).not.toBe(first);
    expect(made).toBe(3);
  });
});

test("a host that cannot set a window aside ahead goes on", () => {
  withMemories(atMostOneGibibyte, () => {
    reserveAhead();
    expect(reserveLargest(LARGEST_WINDOW).buffer.byteLength).toBe(GIB);
  });
});

test("a size that is none is refused", () => {
  for (const windowSize of [0, 0x1000_0000, 0x3000_0000, 0x2_0000_0000, NaN])
    expect(() => createCpu({ level: 1, translateAfter: 0, seed: 1, windowSize })).toThrow(RangeError);
});

test.each([
  ["interpreted", Infinity],
  ["translated", 0],
])("in the smallest window pages share slots and keep their own bytes, %s", (_name, translateAfter) => {
  const { cpu, space, context } = machine(touch, translateAfter, SMALLEST_WINDOW);
  // All eight want one slot; only the first gets it.
  const base = 0x10_0100_0000;
  for (let index = 0; index < 8; index++) space.map(base + index * SMALLEST_WINDOW, PAGE_SIZE, RW);
  context.setNumber(Register.RAX, base);
  context.setNumber(Register.RDX, SMALLEST_WINDOW);
  context.setNumber(Register.RCX, 8);
  expect(cpu.run(space, context, 1000)).toEqual({ reason: "breakpoint" });
  for (let index = 0; index < 8; index++)
    expect(space.readPointer(base + index * SMALLEST_WINDOW)).toBe(base + index * SMALLEST_WINDOW);
});

test("sixteen gigabytes may be there, and cost what is touched", () => {
  const { space } = machine(touch, 0);
  const before = process.memoryUsage().arrayBuffers;
  space.map(0x100_0000_0000, 16 * GIB, RW);
  space.writeUint8(0x100_1234_5678, 1);
  space.writeUint8(0x103_ffff_ffff, 2);
  expect(space.readUint8(0x103_ffff_ffff)).toBe(2);
  // One byte a page for its protection.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(17 * 0x10_0000);
  expect(space.save().runs.flatMap(({ pages }) => pages ?? []).length).toBe(3);
});
