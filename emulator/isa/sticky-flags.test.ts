/** Sticky flags over rows of instructions: what a region knows of registers and of MXCSR must not lose one. */
import { describe, expect, it } from "vitest";
import { Random } from "../../tests/hardware/random.ts";
import { Context, Register } from "../context.ts";
import { Protection, type Cpu } from "../cpu.ts";
import { createCpu } from "../engine.ts";

const CODE = 0x40_0000;
const DATA = 0x50_0000;
const LOG = 0x60_0000;
const VALUES = 64;
const ROUNDS = 40;
/** Of MXCSR: the default, flags set, DAZ, FTZ, and rounding downwards. */
const modes = [0x1f80, 0x1fa0, 0x1fb2, 0x1fe0, 0x1ff2, 0x9fa0, 0x9fb2, 0x9fc0, 0x9fe0, 0x9ff2, 0x3fa0];
const READ_WRITE = Protection.Read | Protection.Write;

type Prefixes = readonly (readonly number[])[];
/** Packed and scalar doubles, packed and scalar singles: few rows mix them. */
const precisions: readonly Prefixes[] = [
  [[0x66], [0xf2]],
  [[], [0xf3]],
  [[], [0x66], [0xf2], [0xf3]],
];

/** Bytes of `prefix 0F opcode`, registers by a random ModRM, now and then with a value from memory (`[rsi + disp32]`). */
function instruction(random: Random, prefixes: Prefixes): number[] {
  const prefix = random.pick(prefixes);
  const [to, from] = [random.below(8), random.below(8)];
  const memory = [0x86 | (to << 3), random.below(16) * 16, random.below(VALUES / 16), 0, 0];
  const operand = random.below(4) ? [0xc0 | (to << 3) | from] : memory;
  switch (random.below(10)) {
    case 0: // MOVAPS, MOVSD between registers, XORPS
      return random.pick([
        [0x0f, 0x28, 0xc0 | (to << 3) | from],
        [0xf2, 0x0f, 0x10, 0xc0 | (to << 3) | from],
        [0x0f, 0x57, 0xc0 | (to << 3) | to],
      ]);
    case 4:
    case 5: // MOVAPS, MOVSD from memory
      return random.pick([
        [0x0f, 0x28, ...memory],
        [0xf2, 0x0f, 0x10, ...memory],
      ]);
    case 1: // SQRT
      return [...prefix, 0x0f, 0x51, ...operand];
    case 6: // ROUND, CVTPS2DQ and CVTTPS2DQ
      return random.pick([
        [0x66, 0x0f, 0x3a, random.below(4) + 8, 0xc0 | (to << 3) | from, random.below(16)],
        [random.pick([0x66, 0xf3]), 0x0f, 0x5b, ...operand],
      ]);
    case 2: // COMIS, UCOMIS
      return [...random.pick([[], [0x66]]), 0x0f, random.pick([0x2e, 0x2f]), ...operand];
    case 3: // CVTPS2PD and its relatives, CVTSI2SD of ECX
      return random.below(4) ? [0xf2, 0x0f, 0x2a, 0xc1 | (to << 3)] : [...prefix, 0x0f, 0x5a, ...operand];
    default: // ADD, MUL, SUB, MIN, DIV, MAX
      return [...prefix, 0x0f, random.pick([0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f]), ...operand];
  }
}
/** LDMXCSR [rdx], of one of the modes. */
const clearFlags = (random: Random): number[] => [0x0f, 0xae, 0x52, random.below(4) * 4];
const LOG_FLAGS = [0x0f, 0xae, 0x1f, 0x48, 0x83, 0xc7, 0x04]; // STMXCSR [rdi]; ADD RDI, 4

const little = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);

/** Rows with a conditional jump over one of them, in a loop, in a loop that clears, or sets, and logs flags. */
function loop(random: Random, prefixes: Prefixes): Uint8Array {
  const row = (): number[] => Array.from({ length: random.below(5) + 1 }, () => instruction(random, prefixes)).flat();
  const skipped = row();
  // ... TEST BL, 1; JZ over `skipped`; ... DEC EBX; JNZ
  const inner = [...row(), 0xf6, 0xc3, 1, 0x74, skipped.length, ...skipped, ...row(), 0xff, 0xcb, 0x0f, 0x85];
  const body = clearFlags(random);
  // MOV EBX, count
  body.push(...row(), 0xbb, ...little(random.below(3) + 1), ...inner, ...little(-(inner.length + 4)), ...LOG_FLAGS);
  // DEC ECX; JNZ
  body.push(0xff, 0xc9, 0x0f, 0x85);
  return Uint8Array.from([...body, ...little(-(body.length + 4)), 0xcc]);
}

function run(cpu: Cpu, code: Uint8Array, values: Uint8Array, mxcsr: number): { state: string; xmm0: Uint8Array } {
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1000, Protection.Read | Protection.Execute);
  space.poke(CODE, code);
  space.map(DATA, 0x1000, READ_WRITE);
  space.poke(DATA, values);
  space.map(LOG, 0x1000, READ_WRITE);
  const context = new Context();
  context.rip = CODE;
  context.mxcsr = mxcsr;
  context.setNumber(Register.RCX, ROUNDS);
  context.setNumber(Register.RSI, DATA);
  context.setNumber(Register.RDX, DATA + 0xf00);
  context.setNumber(Register.RDI, LOG);
  for (let i = 0; i < 8; i++) context.xmm(i).set(values.subarray(i * 16, i * 16 + 16));
  const exit = cpu.run(space, context, 100_000);
  const vectors = Array.from({ length: 8 }, (_, i) => context.xmm(i).join());
  const flags = new Uint32Array(space.peek(LOG, 0x1000).slice().buffer);
  space.dispose();
  const state = [
    exit.reason,
    context.mxcsr.toString(16),
    Array.from(flags, (word) => word.toString(16)).join(),
    ...vectors,
  ].join("\n");
  return { state, xmm0: context.xmm(0).slice() };
}

/** Mostly numbers around 1 of the precision, so that rows do not end in infinities and NaNs at once. */
function randomValues(random: Random, isSingle: boolean): Uint8Array {
  const bytes = new Uint8Array(0x1000);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < VALUES * 16; at += 8) {
    const isRare = random.below(24) === 0;
    for (let lane = at; lane < at + 8; lane += isSingle ? 4 : 8) {
      const ordinary = (random.below(64) + 1) / random.pick([1, 2, 3, 64]);
      if (isSingle) view.setFloat32(lane, ordinary, true);
      else view.setFloat64(lane, ordinary, true);
      if (!isRare) continue;
      if (isSingle) view.setUint32(lane, random.below(2) ? Number(random.single()) : random.below(0x80_0000), true);
      else view.setBigUint64(lane, random.below(2) ? random.double() : random.bits(52), true);
    }
  }
  [0x1f80, 0x1fa0, random.pick(modes), random.pick(modes)].forEach((mxcsr, i) =>
    view.setUint32(0xf00 + i * 4, mxcsr, true),
  );
  return bytes;
}

describe("sticky flags", () => {
  it.each([0, 3, 15])("are in regions translated after %d what the interpreter has", (translateAfter) => {
    const random = new Random(translateAfter + 11);
    const interpreter = createCpu({ level: 3, translateAfter: Infinity, seed: 1 });
    const translator = createCpu({ level: 3, translateAfter, seed: 1 });
    for (let i = 0; i < 96; i++) {
      const prefixes = precisions[i % precisions.length];
      const code = loop(random, prefixes);
      const values = randomValues(random, prefixes[0].length === 0);
      const mxcsr = random.pick(modes);
      const [actual, expected] = [translator, interpreter].map((cpu) => run(cpu, code, values, mxcsr).state);
      expect(actual, `program ${i}`).toBe(expected);
    }
    interpreter.dispose();
    translator.dispose();
  });

  it.each([
    ["without DAZ", 0x1fa0, 1],
    ["with DAZ", 0x1fe0, 0],
  ])("a denormal number is rounded upwards %s", (_mode, mxcsr, expected) => {
    const cpu = createCpu({ level: 3, translateAfter: 0, seed: 1 });
    const values = new Uint8Array(0x1000);
    values[0] = 1;
    const roundUp = [0x66, 0x0f, 0x3a, 0x0b, 0xc0, 0x0a]; // ROUNDSD XMM0, XMM0, 10
    const result = new DataView(run(cpu, Uint8Array.from([...roundUp, 0xcc]), values, mxcsr).xmm0.buffer);
    expect(result.getFloat64(0, true)).toBe(expected);
    cpu.dispose();
  });
});
