/**
 * What a host with time to spare does before the first program comes: the tables that engines share are made, and a small program runs as if it were hot,
 * so that the host has compiled what decodes and translates code when a user waits for it.
 */
import { Context, Register } from "./context.ts";
import { PAGE_SIZE, Protection } from "./cpu.ts";
import { createCpu } from "./engine.ts";
import { reserveAhead } from "./memory/window-size.ts";

/** A loop with loads and stores of all sizes, vectors, floating point, and a call of a function with what compilers like to use. */
const program: readonly (readonly [bytes: string, assembly: string])[] = [
  ["b918000000", "mov ecx, 24"],
  ["8b048e", "loop: mov eax, [rsi+rcx*4]"],
  ["01c8", "add eax, ecx"],
  ["c1c007", "rol eax, 7"],
  ["31c2", "xor edx, eax"],
  ["c1ea03", "shr edx, 3"],
  ["69c03f000100", "imul eax, eax, 0x1003f"],
  ["89048e", "mov [rsi+rcx*4], eax"],
  ["39d0", "cmp eax, edx"],
  ["7218", "jb skipped"],
  ["488d544205", "lea rdx, [rdx+rax*2+5]"],
  ["440fb6c2", "movzx r8d, dl"],
  ["4183e07f", "and r8d, 0x7f"],
  ["468a0c06", "mov r9b, [rsi+r8]"],
  ["4183e901", "sub r9d, 1"],
  ["4d19d2", "sbb r10, r10"],
  ["f6c103", "skipped: test cl, 3"],
  ["7505", "jne vectors"],
  ["e838000000", "call function"],
  ["f30f6f06", "vectors: movdqu xmm0, [rsi]"],
  ["660ffec1", "paddd xmm0, xmm1"],
  ["660f70c84e", "pshufd xmm1, xmm0, 0x4e"],
  ["660fefc8", "pxor xmm1, xmm0"],
  ["f30f7f8e80000000", "movdqu [rsi+0x80], xmm1"],
  ["f20f2ad1", "cvtsi2sd xmm2, ecx"],
  ["f20f59d2", "mulsd xmm2, xmm2"],
  ["f20f58da", "addsd xmm3, xmm2"],
  ["660f2eda", "ucomisd xmm3, xmm2"],
  ["7a08", "jp next"],
  ["f20f119e90000000", "movsd [rsi+0x90], xmm3"],
  ["ffc9", "next: dec ecx"],
  ["758d", "jne loop"],
  ["cc", "int3"],
  ["53", "function: push rbx"],
  ["4889d3", "mov rbx, rdx"],
  ["4c63d8", "movsxd r11, eax"],
  ["49c1fb05", "sar r11, 5"],
  ["49f7db", "neg r11"],
  ["4c39db", "cmp rbx, r11"],
  ["490f4fdb", "cmovg rbx, r11"],
  ["0f9cc0", "setl al"],
  ["0fb6c0", "movzx eax, al"],
  ["4809d8", "or rax, rbx"],
  ["4883d003", "adc rax, 3"],
  ["0fbae004", "bt eax, 4"],
  ["7308", "jae end"],
  ["48f7d0", "not rax"],
  ["48894424f8", "mov [rsp-8], rax"],
  ["0fc8", "end: bswap eax"],
  ["48ffc0", "inc rax"],
  ["5b", "pop rbx"],
  ["c3", "ret"],
];
const hex = program.map(([bytes]) => bytes).join("");
const code = Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

const CODE = 0x1_4000_0000;
const DATA = 0x2_0000_0000;
/** Each is translated anew: so often the host sees the functions that do it. */
const COPIES = 8;
const BUDGET = 10_000;

/** Each step takes some milliseconds; the host does something else between them, and may stop at any. */
export function* warmUp(): Generator<void, void, void> {
  const cpu = createCpu({ level: 3, translateAfter: 0, seed: 1 });
  try {
    yield;
    const space = cpu.createAddressSpace();
    space.map(CODE, COPIES * PAGE_SIZE, Protection.Read | Protection.Execute);
    space.map(DATA, PAGE_SIZE, Protection.Read | Protection.Write);
    for (let copy = 0; copy < COPIES; copy++) {
      const context = new Context();
      context.rip = CODE + copy * PAGE_SIZE;
      space.poke(context.rip, code);
      context.setNumber(Register.RSI, DATA);
      context.setNumber(Register.RSP, DATA + PAGE_SIZE);
      const exit = cpu.run(space, context, BUDGET);
      if (exit.reason !== "breakpoint") throw new Error(`the engine warms up and stops: ${exit.reason}`);
      yield;
    }
  } finally {
    cpu.dispose();
  }
  reserveAhead();
}
