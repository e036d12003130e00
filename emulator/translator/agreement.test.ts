/** The tiers together, over the CPU seam: whatever is translated and whenever, nothing that a kernel can see differs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Context, Register } from "../context.ts";
import { Protection, type Cpu, type Exit } from "../cpu.ts";
import { createCpu } from "../engine.ts";
import { randomProgram, type ProgramOptions } from "./random-program.ts";

const CODE = 0x1_4000_0000;
const DATA = 0x7ffe_1234_0000;
const DATA_SIZE = 0x3000;
const STACK = 0x20_0000_0000;
const READ_WRITE = Protection.Read | Protection.Write;
const ALL = READ_WRITE | Protection.Execute;

interface Guest {
  readonly code: Uint8Array;
  readonly translateAfter: number;
  /** Instructions a `run`. */
  readonly budget: number;
  readonly limit: number;
  readonly prepare?: (context: Context) => void;
}

const cpus = new Map<number, Cpu>();

/** Runs to anything but a spent budget (or `limit`) and returns all that can be seen then, as text. */
function outcome({ code, translateAfter, budget, limit, prepare }: Guest): string {
  let cpu = cpus.get(translateAfter);
  if (!cpu) cpus.set(translateAfter, (cpu = createCpu({ level: 3, translateAfter, seed: 1 })));
  const space = cpu.createAddressSpace();
  space.map(CODE, 0x1_0000, ALL);
  space.poke(CODE, code);
  space.map(DATA, DATA_SIZE, READ_WRITE);
  space.poke(
    DATA,
    Uint8Array.from({ length: DATA_SIZE }, (_unused, index) => (index * 37) >> 3),
  );
  space.map(STACK - 0x1000, 0x1000, READ_WRITE);
  const context = new Context();
  for (let register = 0; register < 16; register++) context.set(register as Register, BigInt.asUintN(64, 0x1234_5678_9abc_def1n * BigInt(register + 1))); // prettier-ignore
  context.setNumber(Register.RSP, STACK - 8);
  context.setNumber(Register.R15, DATA);
  context.rip = CODE;
  prepare?.(context);
  let executed = 0;
  let exit: Exit;
  do {
    exit = cpu.run(space, context, Math.min(budget, limit - executed));
    executed += cpu.executed;
  } while (exit.reason === "budget" && executed < limit);
  const registers = Array.from({ length: 16 }, (_unused, register) => context.get(register as Register).toString(16));
  const vectors = Array.from({ length: 16 }, (_unused, register) =>
    [...context.xmm(register), ...context.ymmHigh(register)].join(),
  );
  let hash = 0;
  for (const byte of [
    ...space.peek(CODE, 0x1000),
    ...space.peek(DATA, DATA_SIZE),
    ...space.peek(STACK - 0x1000, 0x1000),
  ])
    hash = (Math.imul(hash, 31) + byte) | 0;
  const seen = `${JSON.stringify(exit)} ${executed} ${context.rip.toString(16)} ${context.rflags.toString(16)} ${registers.join(" ")} ${vectors.join(" ")} ${hash}`;
  space.dispose();
  return seen;
}

const bytes = (code: string): Uint8Array => Uint8Array.from(code.trim().split(/\s+/), (byte) => parseInt(byte, 16));

describe("interpreter, translation at once and later agree, in slices of any size", () => {
  const check = (guest: Pick<Guest, "code" | "limit" | "prepare">, label: string): string => {
    const expected = outcome({ ...guest, translateAfter: Infinity, budget: 1_000_000 });
    for (const [translateAfter, budget] of [
      [0, 1_000_000],
      [0, 1],
      [0, 7],
      [3, 1_000_000],
      [3, 100],
    ] as const)
      // prettier-ignore
      expect(outcome({ ...guest, translateAfter, budget }), `${label}, translated after ${translateAfter}, by ${budget}`).toBe(expected);
    return expected;
  };

  const cases: readonly (readonly [string, ProgramOptions])[] = [
    ["random control flow", { blocks: 12, instructions: 5, fuel: 100, dataSize: DATA_SIZE, wildEvery: 0 }],
    ["random faults", { blocks: 8, instructions: 6, fuel: 60, dataSize: DATA_SIZE, wildEvery: 30 }],
  ];
  for (const [name, options] of cases)
    it(`on ${name}`, () => {
      const ends = new Set<string>();
      for (let seed = 100; seed < 104; seed++) {
        const code = randomProgram(seed, options).bytes;
        const seen = check(
          { code, limit: 20_000, prepare: (context) => context.setNumber(Register.R14, options.fuel) },
          `seed ${seed}`,
        );
        ends.add(seen.slice(0, seen.indexOf(",")));
      }
      // Programs that all end in one way would test less than they seem to.
      expect(ends.size).toBeGreaterThanOrEqual(options.wildEvery ? 2 : 1);
    });

  it("when a loop rewrites an instruction of its own page", () => {
    // mov ecx, 50; L: add eax, 1; (the immediate:) add byte [rip+imm], 1; dec ecx; jne L; syscall
    const code = bytes("b9 32 00 00 00  83 c0 01  80 05 f8 ff ff ff 01  ff c9  75 f2  0f 05");
    const seen = check({ code, limit: 10_000, prepare: (context) => context.setNumber(Register.RAX, 0) }, "rewriting");
    // 1 + 2 + … + 50
    expect(seen.split(" ")[4]).toBe((1275).toString(16));
  });

  it("when a store across a page end faults after registers were written", () => {
    // mov rbx, 1; mov [r15+0x2ffc], rbx
    const code = bytes("48 c7 c3 01 00 00 00  49 89 9f fc 2f 00 00  0f 05");
    const seen = check({ code, limit: 100 }, "crossing");
    expect(JSON.parse(seen.slice(0, seen.indexOf("}") + 1))).toMatchObject({ reason: "fault", access: "write", address: DATA + DATA_SIZE }); // prettier-ignore
  });

  it("when accesses that are checked together come to lie across page ends, and at last beyond the data", () => {
    // L: mov [r15+0xfe0], rbx; add [r15+0xff0], rbx; mov rax, [r15+0x1000]; mov [r15+0x1008], rax; add r15, 0x39; jmp L
    const code = bytes(
      "49 89 9f e0 0f 00 00  49 01 9f f0 0f 00 00  49 8b 87 00 10 00 00  49 89 87 08 10 00 00  49 83 c7 39  eb de",
    );
    const seen = check({ code, limit: 10_000 }, "a group");
    expect(JSON.parse(seen.slice(0, seen.indexOf("}") + 1))).toMatchObject({ reason: "fault", address: DATA + DATA_SIZE }); // prettier-ignore
  });

  it("on the NaNs that scalar arithmetic answers with", () => {
    // A signalling NaN with a payload, a negative quiet one, infinity, -1 and 2.5: RAX, RBX, RCX, RDX, RSI.
    const values = [
      0x7ff0_0000_0000_1234n,
      0xfff8_0000_0000_5678n,
      0x7ff0_0000_0000_0000n,
      0xbff0_0000_0000_0000n,
      0x4004_0000_0000_0000n,
    ];
    const [rax, rbx, rcx, rdx, rsi] = [0, 3, 1, 2, 6];
    const code: number[] = [];
    for (const x of [rax, rbx, rcx, rdx, rsi])
      for (const y of [rax, rbx, rcx, rdx, rsi])
        for (const operation of [0x58, 0x59, 0x5c, 0x5e, 0x51]) {
          // movq xmm0, x; movq xmm1, y; op xmm0, xmm1; movaps xmm2, xmm0; addsd xmm2, xmm1; movsd [r15], xmm2; add r15, 8
          code.push(0x66, 0x48, 0x0f, 0x6e, 0xc0 | x, 0x66, 0x48, 0x0f, 0x6e, 0xc8 | y, 0xf2, 0x0f, operation, 0xc1, 0x0f, 0x28, 0xd0, 0xf2, 0x0f, 0x58, 0xd1); // prettier-ignore
          code.push(0xf2, 0x41, 0x0f, 0x11, 0x17, 0x49, 0x83, 0xc7, 0x08);
        }
    code.push(0x0f, 0x05);
    const prepare = (context: Context): void => [rax, rbx, rcx, rdx, rsi].forEach((register, index) => context.set(register as Register, values[index])); // prettier-ignore
    const guest = { code: Uint8Array.from(code), limit: 10_000, budget: 10_000, prepare };
    const expected = outcome({ ...guest, translateAfter: Infinity });
    expect(expected).toContain('{"reason":"syscall"} 876 ');
    expect(outcome({ ...guest, translateAfter: 0 })).toBe(expected);
  });

  it("on flags that are looked at behind a call and a return", () => {
    // ADD, SUB, AND, CMP, TEST, ADC and INC, of all widths, of AL, AX, EAX, RAX with RBX
    const operations = [0x00, 0x28, 0x20, 0x38, 0x84, 0x10].flatMap((opcode) => [
      [opcode, 0xd8],
      [0x66, opcode + 1, 0xd8],
      [opcode + 1, 0xd8],
      [0x48, opcode + 1, 0xd8],
    ]);
    operations.push([0x48, 0xff, 0xc0], [0x48, 0x83, 0xf8, 0xff]);
    // mov ecx, 3; jmp over; f: ret; g: pushfq; pop rdx; ret
    const code = [...bytes("b9 03 00 00 00 eb 04 c3 9c 5a c3")];
    const loop = code.length;
    const call = (target: number): void => {
      const distance = new Uint8Array(Int32Array.of(target - (code.length + 5)).buffer);
      code.push(0xe8, ...distance);
    };
    for (const operation of operations) {
      // After a return: op; call f; pushfq; pop rdx; imul r8, r8, 31; add r8, rdx
      code.push(...operation);
      call(7);
      code.push(...bytes("9c 5a 4d 6b c0 1f 49 01 d0"));
      // In the callee: op; call g; imul r8, r8, 31; add r8, rdx
      code.push(...operation);
      call(8);
      code.push(...bytes("4d 6b c0 1f 49 01 d0"));
      // imul rax, rbx; rol rbx, 7
      code.push(...bytes("48 0f af c3 48 c1 c3 07"));
    }
    // dec ecx; jnz loop; syscall
    code.push(0xff, 0xc9, 0x0f, 0x85, ...new Uint8Array(Int32Array.of(loop - (code.length + 8)).buffer), 0x0f, 0x05);
    const bounds = [0x7fff_ffff_ffff_ffffn, 0x8000_0000_8000_8080n, 0xffff_ffff_ffff_ffffn, 0x0123_4567_89ab_cdefn];
    for (const rax of bounds) {
      const prepare = (context: Context): void => {
        context.set(Register.RAX, rax);
        context.set(Register.RBX, bounds[1] ^ (rax >> 3n));
        context.set(Register.R8, 0n);
      };
      const guest = { code: Uint8Array.from(code), limit: 10_000, budget: 10_000, prepare };
      const expected = outcome({ ...guest, translateAfter: Infinity });
      expect(expected).toContain('{"reason":"syscall"}');
      expect(outcome({ ...guest, translateAfter: 0 }), `from ${rax.toString(16)}`).toBe(expected);
    }
  });

  it("when each case of a guest's interpreter jumps to the next by itself", () => {
    // mov ecx, 3000; xor eax, eax; nop…
    const start = bytes("b9 b8 0b 00 00 31 c0 90 90 90 90 90 90 90 90 90");
    const code = new Uint8Array(start.length + 16 * 64);
    code.set(start);
    for (let number = 0; number < 16; number++) {
      const at = start.length + number * 64;
      // add r8d, number; dec ecx; jz end; imul eax, eax, 0x41c64e6d; add eax, 0x3039; mov edx, eax; shr edx, 28; shl edx, 6;
      // lea rbx, [case 0]; add rbx, rdx; jmp rbx; end: syscall
      code.set(bytes("41 83 c0 00 ff c9 74 1f 69 c0 6d 4e c6 41 05 39 30 00 00 89 c2 c1 ea 1c c1 e2 06 48 8d 1d 00 00 00 00 48 01 d3 ff e3 0f 05"), at); // prettier-ignore
      code[at + 3] = number;
      new DataView(code.buffer).setInt32(at + 30, start.length - (at + 34), true);
    }
    const seen = check({ code, limit: 100_000 }, "threaded code");
    expect(seen).toContain('"syscall"');
  });

  it("when recursion is deeper than the WebAssembly stack may be", () => {
    // The guest takes its stack back before each call, so that one page is enough:
    // mov ecx, 5000; call F; syscall; F: dec ecx; je R; lea rsp, [rsp+8]; call F; lea rsp, [rsp-8]; R: ret
    const code = bytes(
      "b9 88 13 00 00  e8 02 00 00 00  0f 05  ff c9  74 0f  48 8d 64 24 08  e8 f2 ff ff ff  48 8d 64 24 f8  c3",
    );
    const seen = check({ code, limit: 100_000 }, "recursion");
    // The last return address is that of the innermost call; the frames above it are gone, and the program goes astray as it would natively.
    expect(Number(seen.split(" ")[1])).toBeGreaterThan(5000 * 4);
  });
});

const bench = new URL("../../tools/bench/kernels/", import.meta.url);
interface Kernel {
  readonly file: string;
  readonly runs: Record<
    "small",
    { readonly iterations: number; readonly checksum: string; readonly instructions: number }
  >;
}

describe("kernels compute their checksums in their number of instructions", () => {
  const manifest = JSON.parse(readFileSync(new URL("manifest.json", bench), "utf8")) as Record<string, Kernel>;
  for (const [name, { file, runs }] of Object.entries(manifest))
    for (const [translateAfter, budget] of [
      [0, 1e9],
      [1000, 1e9],
      [1000, 999_983],
    ] as const)
      // prettier-ignore
      it(`${name}, translated after ${translateAfter}, by ${budget}`, () => {
        const cpu = createCpu({ level: 3, translateAfter, seed: 1 });
        const space = cpu.createAddressSpace();
        const size = 8 << 20;
        space.map(CODE, size, ALL);
        space.poke(CODE, readFileSync(new URL(file, bench)));
        const context = new Context();
        context.rip = CODE;
        context.setNumber(Register.RDI, runs.small.iterations);
        context.setNumber(Register.RSP, CODE + size);
        let executed = 0;
        let exit: Exit;
        for (;;) {
          exit = cpu.run(space, context, budget);
          executed += cpu.executed;
          if (exit.reason === "budget") continue;
          if (exit.reason !== "syscall" || context.getLow32(Register.RAX) === 0xffff) break;
          context.set(Register.RAX, 0n);
        }
        expect(exit).toEqual({ reason: "syscall" });
        expect(context.get(Register.RBX)).toBe(BigInt(runs.small.checksum));
        expect(executed).toBe(runs.small.instructions);
        space.dispose();
      });
});
