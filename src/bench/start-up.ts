/** What a program's start takes, and where the time goes. */
import type { Context } from "../../emulator/context.ts";
import type { AddressSpace, Cpu, Exit } from "../../emulator/cpu.ts";
import type { EngineCpu } from "../../emulator/engine.ts";
import { PEB } from "../../kernel-shim/abi/structures.ts";
import type { Layer, LayerEntry } from "../../kernel-shim/io-manager/layer.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { exportsOf, parsePe } from "../../kernel-shim/pe/index.ts";
import { workDirectory } from "../sandbox/options.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { TimedCpu } from "../sandbox/timed-cpu.ts";

/** Milliseconds. `decode` to `compile` are our engine's; `execute` is the rest of the time inside the CPU. */
export interface StartUpMeasurement {
  readonly total: number;
  /** Reading the image's files. */
  readonly image: number;
  readonly decode: number;
  readonly handlers: number;
  readonly translate: number;
  readonly compile: number;
  readonly execute: number;
  /** The kernel: process start and system services. */
  readonly services: number;
}

export interface StartUpOptions {
  readonly createCpu: () => Cpu | EngineCpu;
  readonly program: Uint8Array;
  /** Undefined: an empty drive. */
  readonly image: Layer | undefined;
  /** An exported function of the program, or its first system call. */
  readonly until: { readonly function: string } | "system call";
}

const NAME = "program.exe";
const SLICE = 5_000_000;

/** From nothing but the program and the image in memory. Throws where the program ends before. */
export function measureStartUp({ createCpu, program, image, until }: StartUpOptions): StartUpMeasurement {
  const start = performance.now();
  const inner = createCpu();
  const cpu = new ObservedCpu(inner, performance.now() - start);
  const layer = image && new TimedLayer(image);
  const given = new MemoryLayer("given", [[`${workDirectory.slice(3)}\\${NAME}`, program]]);
  const layers = layer ? [given, layer] : [given];
  const sandbox = new Sandbox({ cpu, layers, program: `${workDirectory}\\${NAME}` });
  cpu.target = until === "system call" ? until : setBreakpoint(sandbox, program, until.function);
  try {
    for (;;) {
      const stop = sandbox.run(SLICE);
      if (stop.reason === "ended") throw new Error(`the program ended: ${sandbox.exit?.meaning}`);
      if (stop.reason !== "slice") throw new Error(`the program stopped: ${stop.reason}`);
    }
  } catch (error) {
    if (!(error instanceof TargetReached)) throw error;
    const total = performance.now() - start;
    const { decodeMs = 0, handlersMs = 0, translateMs = 0, compileMs = 0 } = cpu.profile() ?? {};
    const read = layer?.milliseconds ?? 0;
    return {
      total,
      image: read,
      decode: decodeMs,
      handlers: handlersMs,
      translate: translateMs,
      compile: compileMs,
      execute: cpu.milliseconds - decodeMs - handlersMs - translateMs - compileMs,
      services: total - cpu.milliseconds - read,
    };
  } finally {
    sandbox.dispose();
  }
}

const INT3 = 0xcc;

/** Returns the address behind the breakpoint. */
function setBreakpoint(sandbox: Sandbox, program: Uint8Array, name: string): number {
  const target = exportsOf(parsePe(program))?.byName(name);
  if (!target || !("rva" in target)) throw new Error(`the program does not export ${name}`);
  const process = sandbox.machine.mainProcess;
  if (!process) throw new Error("there is no process");
  const address = PEB.get(process.memory, process.peb, "ImageBaseAddress") + target.rva;
  process.memory.poke(address, Uint8Array.of(INT3));
  return address + 1;
}

class TargetReached extends Error {
  override readonly name = "TargetReached";
}

/** Throws when the program is where it should come to. */
class ObservedCpu extends TimedCpu {
  /** RIP after a breakpoint. */
  target: number | "system call" | undefined;

  override run(space: AddressSpace, context: Context, budget: number): Exit {
    const exit = super.run(space, context, budget);
    if (this.target === "system call" ? exit.reason === "syscall" : context.rip === this.target)
      throw new TargetReached();
    return exit;
  }
}

class TimedLayer implements Layer {
  milliseconds = 0;
  readonly name: string;
  readonly #layer: Layer;

  constructor(layer: Layer) {
    this.name = layer.name;
    this.#layer = layer;
  }
  list(path: string): readonly LayerEntry[] | undefined {
    return this.#layer.list(path);
  }
  read(path: string): Uint8Array {
    const start = performance.now();
    try {
      return this.#layer.read(path);
    } finally {
      this.milliseconds += performance.now() - start;
    }
  }
}
