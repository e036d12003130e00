/** The code of the image's DLLs that programs run when they start and end, as blocks to keep. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createCpu, type EngineCpu } from "../../emulator/engine.ts";
import { Decoder, isInstruction } from "../../emulator/decoder/decoder.ts";
import type { CodeReader } from "../../emulator/decoder/prefixes.ts";
import type { SavedBlocks } from "../../emulator/interpreter/block-library.ts";
import { saveBlocks, SHIFT, type KeptBlock } from "../../emulator/interpreter/saving-blocks.ts";
import { HandlerLibrary, type SavedHandlers } from "../../emulator/interpreter/handler-library.ts";
import type { Block } from "../../emulator/interpreter/block-cache.ts";
import { instructions } from "../../emulator/isa/index.ts";
import type { Instruction } from "../../emulator/isa/instruction.ts";
import { LARGEST_WINDOW } from "../../emulator/memory/window-size.ts";
import { PEB } from "../../kernel-shim/abi/structures.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { workDirectory } from "../../src/sandbox/options.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";

/** Of samples/bin: with either C runtime, with threads, with exceptions. */
const programs = ["hello-clib.exe", "hello-clib-ucrt.exe", "threads.exe", "cpp-exceptions.exe"];
const SLICE = 50_000;

/** Undefined where the image or the programs are not built. */
export function makeBlocks(handlers: SavedHandlers): SavedBlocks | undefined {
  const imageDirectory = resolve("images/wine");
  const files = programs.map((name) => resolve("samples/bin", name)).filter((file) => existsSync(file));
  if (!existsSync(join(imageDirectory, "manifest.json")) || !files.length) return undefined;
  const image = openBuiltImage(imageDirectory);
  const keeper = new Keeper(new HandlerLibrary(instructions, LARGEST_WINDOW, handlers));
  for (const file of files) {
    const cpu = createCpu({ level: 3, translateAfter: Infinity, seed: 1 });
    const given = new MemoryLayer("given", [[`${workDirectory.slice(3)}\\program.exe`, readFileSync(file)]]);
    const sandbox = new Sandbox({ cpu, layers: [given, image], program: `${workDirectory}\\program.exe` });
    while (sandbox.run(SLICE).reason === "slice") keeper.take(cpu, sandbox);
    sandbox.dispose();
  }
  return saveBlocks(keeper.kept.values(), keeper.library, handlers.handlers.length / 3);
}

class Keeper {
  readonly library: HandlerLibrary;
  readonly kept = new Map<string, KeptBlock>();
  readonly #decoder = new Decoder(instructions, 3);
  readonly #seen = new Set<Block>();

  constructor(library: HandlerLibrary) {
    this.library = library;
  }

  /** The blocks so far of the first process, those of the program itself aside. */
  take(cpu: EngineCpu, sandbox: Sandbox): void {
    const process = sandbox.machine.mainProcess;
    if (!process) return;
    const { virtualMemory, memory } = process;
    const own = virtualMemory.imageAt(PEB.get(memory, process.peb, "ImageBaseAddress"));
    for (const block of cpu.core(virtualMemory.space).blocks.all) {
      if (this.#seen.has(block)) continue;
      this.#seen.add(block);
      const image = virtualMemory.imageAt(block.rip);
      if (image && image !== own) this.#keep(block, (address) => memory.readUint8(address));
    }
  }
  #keep({ rip, instructions: count }: Block, byteAt: CodeReader["byteAt"]): void {
    const decode = (shift: number): Instruction[] => {
      const reader = { byteAt: (address: number) => byteAt(address - shift) };
      const decoded: Instruction[] = [];
      for (let address = rip + shift; decoded.length < count;) {
        const instruction = this.#decoder.decode(reader, address);
        if (!isInstruction(instruction)) throw new Error("a block that ran is not code");
        decoded.push(instruction);
        address += instruction.length;
      }
      return decoded;
    };
    const decoded = decode(0);
    const last = decoded[decoded.length - 1];
    const code = Uint8Array.from({ length: last.address + last.length - rip }, (_unused, at) => byteAt(rip + at));
    this.kept.set(`${rip} ${code.join()}`, {
      rip,
      code,
      instructions: decoded,
      shifted: decode(SHIFT),
      ended: this.library.handler(last).endsBlock,
    });
  }
}
