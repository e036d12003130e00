/**
 * Hot code to WebAssembly: discovers regions, several a module, compiles them at once and hands back functions for the
 * dispatcher's table. The counters are for the profiler view.
 */
import { bulkParameters, type BulkFunctions } from "../memory/bulk.ts";
import { windowPages } from "../memory/window-size.ts";
import { ModuleBuilder } from "../wasm/module-builder.ts";
import { RegionEmitter } from "./region-emitter.ts";
import type { EnterFunction, RegionFunction, RegionMemory } from "./region-contract.ts";
import { defaultLimits, discover, type CodeSource, type Region, type RegionLimits } from "./region.ts";
import { printStructure, structure } from "./structure.ts";

export interface TranslatorHost {
  readonly memory: WebAssembly.Memory;
  readonly layout: RegionMemory;
  /** The dispatcher's exported function; see region-contract.ts. */
  readonly enter: EnterFunction;
  /** The same of what computes owed flags. */
  readonly settleFlags: () => void;
  readonly bulk: BulkFunctions;
  readonly source: CodeSource;
  /** Address in the memory of the ring (emulator/interpreter/jump-targets.ts) of the computed jump at `address`. */
  ring(address: number): number | undefined;
}

export interface Translation {
  /** The guest address for which the function is to be installed. */
  readonly entry: number;
  readonly code: RegionFunction;
  readonly region: Region;
}

/** Translations that call each other directly: they are dropped together when a page of any of them changes. */
export interface TranslatedModule {
  readonly translations: readonly Translation[];
  /** Numbers (address / 4096) of the pages that hold the guest code. */
  readonly pages: ReadonlySet<number>;
  readonly size: number;
}

export interface TranslatorCounters {
  modules: number;
  regions: number;
  blocks: number;
  /** Guest instructions. */
  instructions: number;
  /** Bytes of WebAssembly. */
  bytes: number;
  translateMs: number;
  compileMs: number;
}

const REGIONS_PER_MODULE = 10;
const PAGE_SHIFT = 0x1000;

export class Translator {
  readonly counters: TranslatorCounters = { modules: 0, regions: 0, blocks: 0, instructions: 0, bytes: 0, translateMs: 0, compileMs: 0 }; // prettier-ignore
  readonly #host: TranslatorHost;
  readonly #limits: RegionLimits;

  constructor(host: TranslatorHost, limits: RegionLimits = defaultLimits) {
    this.#host = host;
    this.#limits = limits;
  }

  /**
   * Translates the region at `entry` and those of the functions it calls for which `wanted` says so, together.
   * Undefined when not even the first instruction can be translated.
   */
  translate(
    entry: number,
    wanted: (address: number) => boolean,
    reached?: (address: number) => boolean,
  ): TranslatedModule | undefined {
    const start = performance.now();
    const regions = this.#collect(entry, wanted, reached);
    if (!regions.length) return undefined;
    const { bytes, exports } = this.#emit(regions);
    const emitted = performance.now();
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      host: {
        ...this.#host.bulk,
        memory: this.#host.memory,
        enter: this.#host.enter,
        settleFlags: this.#host.settleFlags,
      },
    });
    const translations = regions.map((region, index) => ({
      entry: region.entry,
      code: instance.exports[exports[index]] as RegionFunction,
      region,
    }));
    this.counters.translateMs += emitted - start;
    this.counters.compileMs += performance.now() - emitted;
    this.counters.modules++;
    this.counters.bytes += bytes.length;
    const pages = new Set<number>();
    for (const region of regions) {
      this.counters.regions++;
      this.counters.blocks += region.blocks.length;
      this.counters.instructions += region.instructionCount;
      region.forEachRange((from, to) => {
        for (let page = Math.floor(from / PAGE_SHIFT); page * PAGE_SHIFT < to; page++) pages.add(page);
      });
    }
    return { translations, pages, size: bytes.length };
  }

  #collect(entry: number, wanted: (address: number) => boolean, reached?: (address: number) => boolean): Region[] {
    const regions: Region[] = [];
    const seen = new Set([entry]);
    for (const address of seen) {
      const region = discover(this.#host.source, address, this.#limits, reached);
      // What the interpreter would have to begin with is no region.
      if (!region.blocks[0].instructions.length) continue;
      regions.push(region);
      if (regions.length === REGIONS_PER_MODULE) break;
      for (const callee of region.callees()) if (!seen.has(callee) && wanted(callee)) seen.add(callee);
    }
    return regions[0]?.entry === entry ? regions : [];
  }

  #emit(regions: readonly Region[]): { bytes: Uint8Array<ArrayBuffer>; exports: string[] } {
    const { layout } = this.#host;
    const module = new ModuleBuilder();
    module.importMemory("host", "memory", windowPages(layout.windowSize), windowPages(layout.windowSize));
    const enter = module.importFunction("host", "enter", ["i64", "i64", "i32"], ["i64"]);
    const settleFlags = module.importFunction("host", "settleFlags", [], []);
    const bulk = {
      copy: module.importFunction("host", "copy", bulkParameters, ["i32"]),
      fill: module.importFunction("host", "fill", bulkParameters, ["i32"]),
    };
    const exports = regions.map((_region, index) => `r${index}`);
    const functions = regions.map((_region, index) => module.function(["i32"], ["i64"], exports[index]));
    const byEntry = new Map(regions.map((region, index) => [region.entry, functions[index].index]));
    regions.forEach((region, index) => {
      const calls = {
        enter,
        settleFlags,
        bulk,
        direct: (address: number) => byEntry.get(address),
        ring: this.#host.ring,
      };
      new RegionEmitter(functions[index].builder, region, layout, calls).emit();
    });
    return { bytes: module.finish(), exports };
  }
}

/** A readable listing of a region: its control structure with the guest instructions. @public */
export function printRegion(region: Region): string {
  const hex = (address: number): string => `0x${address.toString(16)}`;
  return printStructure(structure(region.graph.successors).body, (index) => {
    const { address, instructions, terminator } = region.blocks[index];
    const text = instructions.map(({ mnemonic }) => mnemonic).join("; ");
    return `${hex(address)} ${text}${terminator.kind === "giveUp" ? ` | give up at ${hex(terminator.address)}` : ""}`;
  });
}
