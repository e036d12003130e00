/** What the environment decides about the XSAVE family: components in their initial state, XCR0, and what CPUID says of them. */
import { afterAll, expect, it } from "vitest";
import { layout } from "../context-layout.ts";
import { Context, Register } from "../context.ts";
import { Protection, type CpuLevel, type Exit } from "../cpu.ts";
import { createCpu } from "../engine.ts";

const CODE = 0x1000;
const AREA = 0x8000;
const cpus = ([1, 3] as const).map((level: CpuLevel) => createCpu({ level, translateAfter: 0, seed: 1 }));
afterAll(() => {
  for (const cpu of cpus) cpu.dispose();
});

function run(code: readonly number[], context: Context, level: CpuLevel = 3, area = new Uint8Array(0)) {
  const cpu = cpus[level === 1 ? 0 : 1];
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Execute, Uint8Array.from(code));
  space.map(AREA, 0x1000, Protection.Read | Protection.Write, area);
  context.rip = CODE;
  context.setNumber(Register.RBX, AREA);
  const exit: Exit = cpu.run(space, context, 1);
  const bytes = space.read(AREA, 0x1000);
  space.dispose();
  return { exit, area: new DataView(bytes.buffer, bytes.byteOffset) };
}
function cpuid(leaf: number, subleaf: number, level: CpuLevel = 3): number[] {
  const context = new Context();
  context.setNumber(Register.RAX, leaf);
  context.setNumber(Register.RCX, subleaf);
  run([0x0f, 0xa2], context, level);
  return [Register.RAX, Register.RBX, Register.RCX, Register.RDX].map((register) => context.getLow32(register));
}
const initialState = (): Context => {
  const context = new Context();
  // Windows starts threads with another control word than FNINIT leaves.
  run([0xdb, 0xe3], context);
  context.setNumber(Register.RAX, 7);
  return context;
};

it("CPUID describes the area, and AVX with it, from level 3 on", () => {
  expect(cpuid(0xd, 0)).toEqual([7, 832, 832, 0]);
  expect(cpuid(0xd, 1)).toEqual([0b1111, 832, 0, 0]);
  expect(cpuid(0xd, 2)).toEqual([256, 576, 0, 0]);
  expect(cpuid(0xd, 3)).toEqual([0, 0, 0, 0]);
  // XSAVE, OSXSAVE, AVX; AVX2.
  expect(cpuid(1, 0)[2] & 0x1c00_0000).toBe(0x1c00_0000);
  expect(cpuid(7, 0)[1] & 0x20).toBe(0x20);
  expect(cpuid(0, 0, 1)[0]).toBe(7);
  expect(cpuid(0xd, 0, 1)).toEqual([0, 0, 0, 0]);
  expect(cpuid(1, 0, 1)[2]).toBe(0);
});

it("XGETBV answers XCR0, and what of it is in use", () => {
  const context = new Context();
  context.setNumber(Register.RCX, 0);
  expect(run([0x0f, 0x01, 0xd0], context).exit.reason).toBe("budget");
  expect([context.getLow32(Register.RAX), context.getLow32(Register.RDX)]).toEqual([7, 0]);
  for (const [value, used] of [
    [0n, 0],
    [1n, 4],
  ] as const) {
    context.setNumber(Register.RCX, 1);
    context.view.setBigUint64(layout.ymmHigh + 8, value, true);
    expect(run([0x0f, 0x01, 0xd0], context).exit.reason).toBe("budget");
    expect(context.getLow32(Register.RAX) & 4).toBe(used);
  }
  context.setNumber(Register.RCX, 2);
  expect(run([0x0f, 0x01, 0xd0], context).exit).toEqual({ reason: "exception", vector: "GP" });
});

const [xsave, xsavec, xsaveopt, xrstor] = [
  [0x0f, 0xae, 0x23],
  [0x0f, 0xc7, 0x23],
  [0x0f, 0xae, 0x33],
  [0x0f, 0xae, 0x2b],
];

it.each([
  ["XSAVE", xsave],
  ["XSAVEC", xsavec],
  ["XSAVEOPT", xsaveopt],
])("%s marks no component in its initial state", (_name, code) => {
  const context = initialState();
  expect(run(code, context).area.getBigUint64(512, true)).toBe(0n);
  context.ymmHigh(15)[15] = 1;
  expect(run(code, context).area.getBigUint64(512, true)).toBe(4n);
  expect(run(code, context).area.getUint8(576 + 255)).toBe(1);
});

it("XSAVEOPT and XSAVEC leave the places of components in their initial state alone", () => {
  const before = new Uint8Array(832).fill(0xa5);
  const written = run(xsave, initialState(), 3, before).area;
  expect([written.getUint16(0, true), written.getUint8(160), written.getUint8(576)]).toEqual([0x37f, 0, 0]);
  for (const code of [xsavec, xsaveopt]) {
    const kept = run(code, initialState(), 3, before).area;
    expect([kept.getUint16(0, true), kept.getUint8(160), kept.getUint8(576)]).toEqual([0xa5a5, 0xa5, 0xa5]);
  }
});

it("XRSTOR gives components that the area does not hold their initial state", () => {
  const context = initialState();
  context.view.setUint16(0xc0, 0x27f, true);
  context.xmm(3)[0] = context.ymmHigh(3)[0] = 1;
  const area = new Uint8Array(832);
  new DataView(area.buffer).setUint32(24, 0x1f80, true);
  expect(run(xrstor, context, 3, area).exit.reason).toBe("budget");
  const initial = initialState();
  initial.rip = context.rip;
  initial.setNumber(Register.RBX, AREA);
  expect(context.bytes).toEqual(initial.bytes);
});
