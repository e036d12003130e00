/** The CPU seam over the interpreter and the translator. */
import type { Context } from "./context.ts";
import type { AddressSpace, AddressSpaceImage, Cpu, CpuOptions, Exit } from "./cpu.ts";
import { countersOf, exitsOf, sumCounters, type Leave } from "./core-counters.ts";
import { Decoder } from "./decoder/decoder.ts";
import { Identity } from "./identity.ts";
import { BlockLibrary } from "./interpreter/block-library.ts";
import { Core } from "./interpreter/core.ts";
import type { CoreExit } from "./interpreter/exits.ts";
import { HandlerLibrary } from "./interpreter/handler-library.ts";
import { savedHandlers } from "./interpreter/saved-handlers.ts";
import { savedBlocks } from "./interpreter/saved-blocks.ts";
import { instructions } from "./isa/index.ts";
import { LARGEST_WINDOW, reserveLargest, reserveWindow } from "./memory/window-size.ts";
import { WindowSpace } from "./memory/window-space.ts";
import { RandomSource } from "./random-source.ts";
import { flatSegmentation } from "./segmentation.ts";
import { TranslatedRegions } from "./translated-regions.ts";

/**
 * `translateAfter` where nothing else is asked for. Translating a block takes as long as interpreting it some thousand times: an earlier translation
 * is lost on code that runs so often and no more, as most of a program's start does.
 */
export const TRANSLATE_AFTER = 8000;

/** Where an engine's time went, in milliseconds, and what it made. */
export interface EngineProfile {
  /** Blocks to instructions to records. */
  readonly decodeMs: number;
  /** Handlers from lifts: emitted, compiled, instantiated. */
  readonly handlersMs: number;
  /** Regions to WebAssembly. */
  readonly translateMs: number;
  /** That WebAssembly's compilation by the host. */
  readonly compileMs: number;
  readonly blocks: number;
  /** Of the blocks those that the build had decoded. */
  readonly kept: number;
  readonly handlers: number;
  readonly regions: number;
  /** Instructions that regions executed. */
  readonly translated: number;
  /** Times that regions were left: `untranslated` by a jump that leads out of them, else as `GiveUp` says. */
  readonly exits: Readonly<Record<Leave, number>>;
}

export interface EngineCpu extends Cpu {
  profile(): EngineProfile;
  /** What executes in `space`, for who watches instructions or accesses. */
  core(space: AddressSpace): Core;
  /** As `run`, but ends at the stops of the space's core too. */
  runWatched(space: AddressSpace, context: Context, budget: number): CoreExit;
}

export function createCpu(options: CpuOptions): EngineCpu {
  return new Engine(options);
}

/** What engines share, because it depends on nothing but the instruction set. */
const decoders = new Map<CpuOptions["level"], Decoder>();
/** By the size of the window. */
const libraries = new Map<number, HandlerLibrary>();

function decoderOf(level: CpuOptions["level"]): Decoder {
  let decoder = decoders.get(level);
  if (!decoder) decoders.set(level, (decoder = new Decoder(instructions, level)));
  return decoder;
}

function libraryOf(windowSize: number): HandlerLibrary {
  let library = libraries.get(windowSize);
  if (!library) {
    library = new HandlerLibrary(instructions, windowSize, windowSize === LARGEST_WINDOW ? savedHandlers : undefined);
    libraries.set(windowSize, library);
  }
  return library;
}

let blocks: BlockLibrary | undefined;
/** They were decoded for level 3, to the handlers that the build made. */
function keptBlocks(level: CpuOptions["level"], library: HandlerLibrary): BlockLibrary | undefined {
  if (level !== 3 || !library.saved.length || savedBlocks === undefined) return undefined;
  return (blocks ??= new BlockLibrary(savedBlocks));
}

class Engine implements EngineCpu {
  readonly name: "translator" | "interpreter";
  readonly level: CpuOptions["level"];
  timeStamp = 0n;
  executed = 0;
  readonly #options: CpuOptions;
  readonly #decoder: Decoder;
  readonly #windowSize: number;
  /** The memory that told how much the host can give, for the first address space. */
  #spare: WebAssembly.Memory | undefined;
  readonly #library: HandlerLibrary;
  readonly #keptBlocks: BlockLibrary | undefined;
  /** Of the library's milliseconds, those before this engine, and those of its first engine's creation. */
  readonly #earlierMs: number;
  readonly #creationMs: number;
  readonly #identity: Identity;
  readonly #random: RandomSource;
  readonly #cores = new Map<AddressSpace, Core>();
  /** Of the address spaces that are gone. */
  #past = sumCounters([]);
  #running: Core | undefined;

  constructor(options: CpuOptions) {
    this.#options = options;
    this.level = options.level;
    this.name = options.translateAfter === Infinity ? "interpreter" : "translator";
    this.#decoder = decoderOf(options.level);
    this.#spare = reserveLargest(options.windowSize ?? LARGEST_WINDOW);
    this.#windowSize = this.#spare.buffer.byteLength;
    const made = !libraries.has(this.#windowSize);
    this.#library = libraryOf(this.#windowSize);
    this.#keptBlocks = keptBlocks(options.level, this.#library);
    this.#earlierMs = this.#library.milliseconds;
    this.#creationMs = made ? this.#earlierMs : 0;
    this.#identity = new Identity(instructions, options.level);
    this.#random = new RandomSource(options.seed);
  }

  createAddressSpace(image?: AddressSpaceImage): AddressSpace {
    const memory = this.#spare ?? reserveWindow(this.#windowSize);
    this.#spare = undefined;
    return new WindowSpace(image, memory, (space) => this.#forget(space));
  }
  #forget(space: AddressSpace): void {
    const core = this.#cores.get(space);
    if (!core) return;
    this.#past = sumCounters([this.#past, countersOf(core)]);
    this.#cores.delete(space);
  }

  core(space: AddressSpace): Core {
    let core = this.#cores.get(space);
    if (!core) {
      if (!(space instanceof WindowSpace)) throw new TypeError("the address space belongs to another CPU");
      core = new Core(space, this.#decoder, this.#library, this.#keptBlocks, {
        level: this.level,
        timeStamp: () => this.timeStamp + BigInt(this.#running?.executed ?? 0),
        random: () => this.#random.next(),
        cpuid: (leaf, subleaf) => this.#identity.cpuid(leaf, subleaf),
        segmentation: this.#options.segmentation ?? flatSegmentation,
      });
      const { translateAfter } = this.#options;
      if (translateAfter !== Infinity) core.regions = new TranslatedRegions(core, this.#decoder, translateAfter);
      this.#cores.set(space, core);
    }
    return core;
  }

  run(space: AddressSpace, context: Context, budget: number): Exit {
    const exit = this.runWatched(space, context, budget);
    if (exit.reason === "stop") throw new Error("a run ended at a stop that its caller does not know of");
    return exit;
  }
  runWatched(space: AddressSpace, context: Context, budget: number): CoreExit {
    const core = this.core(space);
    const { translateAfter } = this.#options;
    this.#running = core;
    // A threshold of 0 is never reached.
    const threshold = translateAfter === Infinity ? 0 : Math.max(1, translateAfter);
    const { exit, executed } = core.run(context, budget, threshold);
    this.executed = executed;
    return exit;
  }

  profile(): EngineProfile {
    const sum = sumCounters([this.#past, ...[...this.#cores.values()].map(countersOf)]);
    const { missMs, instantiateMs, translateMs, compileMs, blocks, kept, regions, translated } = sum;
    const handlersMs = this.#library.milliseconds - this.#earlierMs + instantiateMs;
    return {
      decodeMs: missMs - handlersMs,
      handlersMs: this.#creationMs + handlersMs,
      translateMs,
      compileMs,
      blocks,
      kept,
      handlers: this.#library.size,
      regions,
      translated,
      exits: exitsOf(sum),
    };
  }

  dispose(): void {
    this.#cores.clear();
  }
}
