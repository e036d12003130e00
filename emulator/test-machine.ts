/** A processor with code and data, for tests. */
import { layout } from "./context-layout.ts";
import { Context, Register } from "./context.ts";
import { Protection, type AddressSpace, type CpuLevel } from "./cpu.ts";
import { createCpu, TRANSLATE_AFTER } from "./engine.ts";

export const CODE = 0x1_4000_0000;
export const DATA = 0x2_0000_0000;
export const PAGE = 0x1000;
export const READ_WRITE = Protection.Read | Protection.Write;
export const READ_EXECUTE = Protection.Read | Protection.Execute;
export const ALL = READ_WRITE | Protection.Execute;

/** `translateAfter` of each way in which code may run. */
export const tiers: readonly (readonly [name: string, translateAfter: number])[] = [
  ["interpreter", Infinity],
  ["translation at once", 0],
  ["translation after a while", 50],
];
export const withDefault = [...tiers.slice(0, 2), ["translation when it is due", TRANSLATE_AFTER]] as const;

/** Bytes in hexadecimal, white space between them. */
export const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text.trim().split(/\s+/), (byte) => parseInt(byte, 16));

/** `code` at CODE, where RIP points, on two pages; RDI at DATA, two pages that end where RSP is in the middle. */
export function testMachine(code: string, translateAfter: number, level: CpuLevel = 3) {
  const cpu = createCpu({ level, translateAfter, seed: 1 });
  const space: AddressSpace = cpu.createAddressSpace();
  space.map(CODE, 2 * PAGE, ALL);
  space.map(DATA, 2 * PAGE, READ_WRITE);
  space.poke(CODE, bytesOf(code));
  const context = new Context();
  context.rip = CODE;
  context.setNumber(Register.RSP, DATA + PAGE);
  context.setNumber(Register.RDI, DATA);
  return {
    cpu,
    space,
    context,
    core: cpu.core(space),
    run: (budget = 100_000) => cpu.runWatched(space, context, budget),
    dr6: () => context.view.getUint32(layout.dr + 4 * 8, true),
  };
}
