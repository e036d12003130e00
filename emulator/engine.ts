/** The CPU seam over the interpreter and the translator. */
import type { Context } from "./context.ts";
import type { AddressSpace, AddressSpaceImage, Cpu, CpuOptions, Exit } from "./cpu.ts";
import { Decoder } from "./decoder/decoder.ts";
import { Identity } from "./identity.ts";
import { Core } from "./interpreter/core.ts";
import { HandlerLibrary } from "./interpreter/handler-library.ts";
import { instructions } from "./isa/index.ts";
import { WindowSpace } from "./memory/window-space.ts";
import { RandomSource } from "./random-source.ts";
import { TranslatedRegions } from "./translated-regions.ts";

export function createCpu(options: CpuOptions): Cpu {
  return new Engine(options);
}

class Engine implements Cpu {
  readonly name: "translator" | "interpreter";
  readonly level: CpuOptions["level"];
  timeStamp = 0n;
  executed = 0;
  readonly #options: CpuOptions;
  readonly #decoder: Decoder;
  readonly #library = new HandlerLibrary();
  readonly #identity: Identity;
  readonly #random: RandomSource;
  readonly #cores = new Map<AddressSpace, Core>();
  #running: Core | undefined;

  constructor(options: CpuOptions) {
    this.#options = options;
    this.level = options.level;
    this.name = options.translateAfter === Infinity ? "interpreter" : "translator";
    this.#decoder = new Decoder(instructions, options.level);
    this.#identity = new Identity(instructions, options.level);
    this.#random = new RandomSource(options.seed);
  }

  createAddressSpace(image?: AddressSpaceImage): AddressSpace {
    return new WindowSpace(image, (space) => this.#cores.delete(space));
  }

  #core(space: AddressSpace): Core {
    let core = this.#cores.get(space);
    if (!core) {
      if (!(space instanceof WindowSpace)) throw new TypeError("the address space belongs to another CPU");
      core = new Core(space, this.#decoder, this.#library, {
        level: this.level,
        timeStamp: () => this.timeStamp + BigInt(this.#running?.executed ?? 0),
        random: () => this.#random.next(),
        cpuid: (leaf, subleaf) => this.#identity.cpuid(leaf, subleaf),
      });
      const { translateAfter } = this.#options;
      if (translateAfter !== Infinity) core.regions = new TranslatedRegions(core, this.#decoder, translateAfter);
      this.#cores.set(space, core);
    }
    return core;
  }

  run(space: AddressSpace, context: Context, budget: number): Exit {
    const core = this.#core(space);
    const { translateAfter } = this.#options;
    this.#running = core;
    // A threshold of 0 is never reached.
    const threshold = translateAfter === Infinity ? 0 : Math.max(1, translateAfter);
    const { exit, executed } = core.run(context, budget, threshold);
    this.executed = executed;
    return exit;
  }

  dispose(): void {
    this.#cores.clear();
  }
}
