/** What code costs that runs once: blocks of real code, each executed a single time in an engine that has seen nothing yet. */
import { Context, Register } from "../../emulator/context.ts";
import { Protection, type Cpu } from "../../emulator/cpu.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { layoutImage, parsePe } from "../../kernel-shim/pe/index.ts";

/** Blocks of one image: no two begin at the same address. */
export interface CodeBlocks {
  /** On the layer. */
  readonly path: string;
  /** An RVA and the number of instructions there, in turn. */
  readonly blocks: readonly number[];
}

export interface ColdCodeMeasurement {
  readonly milliseconds: number;
  readonly blocks: number;
  /** Executed: fewer than the blocks have where one of them faulted. */
  readonly instructions: number;
  /** Blocks that left before their end, by a fault or an exception. */
  readonly cutShort: number;
}

const CODE = 0x1_8000_0000;
const DATA = 0x10_0000;
const DATA_SIZE = 0x10_0000;
/** PAGE_EXECUTE to PAGE_EXECUTE_WRITECOPY. */
const EXECUTABLE = 0xf0;

/** Every general register points into the middle of zeroes, so that most blocks find memory where they look for it. */
export function measureColdCode(
  createCpu: () => Cpu,
  image: Layer,
  sources: readonly CodeBlocks[],
): ColdCodeMeasurement {
  const files = sources.map(({ path, blocks }) => ({ pe: parsePe(image.read(path)), blocks }));
  const start = performance.now();
  const cpu = createCpu();
  const space = cpu.createAddressSpace();
  const context = new Context();
  space.map(DATA, DATA_SIZE, Protection.Read | Protection.Write);
  let base = CODE;
  let instructions = 0;
  let count = 0;
  let cutShort = 0;
  for (const { pe, blocks } of files) {
    const { segments, size } = layoutImage(pe, base, false);
    for (const { rva, size: length, protection, bytes } of segments) {
      const access = protection & EXECUTABLE ? Protection.Execute : Protection.Write;
      space.map(base + rva, length, Protection.Read | access, bytes);
    }
    for (let i = 0; i < blocks.length; i += 2) {
      for (const register of Object.values(Register)) context.setNumber(register, DATA + DATA_SIZE / 2);
      context.rip = base + blocks[i];
      const { reason } = cpu.run(space, context, blocks[i + 1]);
      instructions += cpu.executed;
      if (reason === "fault" || reason === "exception") cutShort++;
      if (reason === "unsupported") throw new Error(`an instruction at 0x${context.rip.toString(16)} is missing`);
      count++;
    }
    base += size;
  }
  const milliseconds = performance.now() - start;
  space.dispose();
  cpu.dispose();
  return { milliseconds, blocks: count, instructions, cutShort };
}
