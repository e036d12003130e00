/**
 * What a host with time to spare does before the first program comes: the tables that engines share are made, and a small program runs as if it were hot,
 * so that the host has compiled what decodes and translates code when a user waits for it.
 */
import { Context, Register } from "./context.ts";
import { PAGE_SIZE, Protection } from "./cpu.ts";
import { createCpu } from "./engine.ts";

/** A loop with loads and stores of all sizes, vectors, floating point, and a call of a function with what compilers like to use; INT3 at the end. */
const program = `
  b918000000 8b048e 01c8 c1c007 31c2 c1ea03 69c03f000100 89048e 39d0 7218 488d544205 440fb6c2 4183e07f 468a0c06 4183e901 4d19d2
  f6c103 7505 e838000000 f30f6f06 660ffec1 660f70c84e 660fefc8 f30f7f8e80000000 f20f2ad1 f20f59d2 f20f58da 660f2eda 7a08 f20f119e90000000 ffc9 758d cc
  53 4889d3 4c63d8 49c1fb05 49f7db 4c39db 490f4fdb 0f9cc0 0fb6c0 4809d8 4883d003 0fbae004 7308 48f7d0 48894424f8 0fc8 48ffc0 5b c3`;
const code = Uint8Array.from(program.replace(/\s/g, "").match(/../g) ?? [], (byte) => parseInt(byte, 16));

const CODE = 0x1_4000_0000;
const DATA = 0x2_0000_0000;
/** Functions that the host calls so often are compiled by the last of its compilers, or near it. */
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
}
