/** The translations of one address space: made when a block is hot, dropped with the modules whose guest code changes. */
import type { Decoder } from "./decoder/decoder.ts";
import type { Core, RegionSource } from "./interpreter/core.ts";
import { blockHeader } from "./interpreter/record.ts";
import { Exceptions } from "./soft-float/environment.ts";
import { windowLayout } from "./memory/window-layout.ts";
import { DecodedCode } from "./translator/code-source.ts";
import { defaultLimits, successorAddresses, type Region } from "./translator/region.ts";
import { Translator, type TranslatorCounters } from "./translator/translator.ts";

/** Where control goes on outside of a region that would be part of it, had it gone there before. */
interface WaysOut {
  readonly direct: ReadonlySet<number>;
  /** Addresses of computed jumps, and where they are expected to lead. */
  readonly computed: ReadonlyMap<number, readonly number[]>;
}

interface InstalledRegion {
  readonly rip: number;
  /** In the dispatcher's table. */
  readonly index: number;
  readonly ways: WaysOut;
}

interface Installed {
  readonly regions: readonly InstalledRegion[];
  /** Addresses at which the regions' blocks begin. */
  readonly blocks: readonly number[];
  readonly pages: ReadonlySet<number>;
}

/**
 * So many times as often must a block run by itself that other regions contain already. It is where they were left for a rare reason, and its own region
 * would be theirs once more, at the price of all its blocks.
 */
const COVERED_FACTOR = 16;

/** Bytes behind a function's beginning where its blocks are looked for. */
const FUNCTION_SIZE = 0x4000;
/** Who was called so often while a loop of his became hot is soon called again. */
const ENTERED_OFTEN = 16;

export class TranslatedRegions implements RegionSource {
  readonly translator: Translator;
  readonly #core: Core;
  readonly #source: DecodedCode;
  readonly #byPage = new Map<number, Set<Installed>>();
  /** Regions that may grow, by their entries. */
  readonly #extensible = new Map<number, InstalledRegion>();
  /** Blocks that are part of regions: of how many. */
  readonly #covered = new Map<number, number>();
  /** What the counters of blocks hold besides the number of their executions, by address: they are to be hot earlier or later. */
  readonly #adjustments = new Map<number, number>();
  readonly #translateAfter: number;
  /** Executions from which on a function is translated along with its caller. */
  readonly #warm: number;
  /** At the first execution there is no past to go by. */
  readonly #atOnce: boolean;

  constructor(core: Core, decoder: Decoder, translateAfter: number) {
    this.#core = core;
    this.#translateAfter = translateAfter;
    this.#warm = Math.max(1, Math.floor(translateAfter / 8));
    this.#atOnce = translateAfter <= 1;
    this.#source = new DecodedCode(decoder, core.reader, core.watch, (address) => core.blocks.jumpTargets.of(address));
    this.translator = new Translator({
      memory: core.space.memory,
      layout: { ...windowLayout, windowSize: core.space.bytes.length },
      enter: core.enter,
      settleFlags: core.settleFlags,
      bulk: core.bulk,
      source: this.#source,
      ring: (address) => core.blocks.jumpTargets.known(address),
    });
  }

  get counters(): TranslatorCounters {
    return this.translator.counters;
  }

  translate(rip: number): void {
    this.#forgetUnreachable();
    if (this.#defer(rip)) return;
    const larger = this.#leftFor(rip) ?? this.#functionOf(rip);
    if (larger === undefined) {
      this.#translate(rip);
      return;
    }
    this.#translate(larger);
    if (!this.#defer(rip)) this.#translate(rip);
  }

  /** The entry of a region that is left for `rip`. */
  #leftFor(rip: number): number | undefined {
    const { jumpTargets } = this.#core.blocks;
    for (const { ways, rip: entry } of this.#extensible.values()) {
      if (ways.direct.has(rip)) return entry;
      for (const [jump, targets] of ways.computed)
        if (!targets.includes(rip) && jumpTargets.leads(jump, rip)) return entry;
    }
    return undefined;
  }

  /**
   * Where the function of `rip` begins, if it is entered so often that its region is in use soon. It has all loops of the function, which become hot
   * one after the other: the region of each would have what follows it once more.
   */
  #functionOf(rip: number): number | undefined {
    if (this.#atOnce) return undefined;
    const entry = this.#core.blocks.functionAt(rip);
    if (entry === undefined || entry === rip || rip - entry > FUNCTION_SIZE) return undefined;
    return this.#ranUntranslated(entry) >= ENTERED_OFTEN ? entry : undefined;
  }
  /** Times that the block at `address` ran; 0 if it has a region. */
  #ranUntranslated(address: number): number {
    const { blocks, space } = this.#core;
    const block = blocks.known(address);
    if (!block || space.view.getUint32(block.at + blockHeader.region, true) !== 0) return 0;
    return space.view.getInt32(block.at + blockHeader.counter, true) - (this.#adjustments.get(address) ?? 0);
  }

  #translate(rip: number): void {
    const { blocks, space } = this.#core;
    // Nearly every program with floating point sets it once and for all.
    this.#source.inexact = (this.#core.stickyFlags & Exceptions.PE) !== 0;
    const translated = this.translator.translate(
      rip,
      (address) => this.#ranUntranslated(address) >= this.#warm,
      (address) => this.#atOnce || blocks.known(address) !== undefined,
    );
    if (!translated) return;
    const { translations, pages } = translated;
    const installed: Installed = {
      regions: translations.map(({ entry, code, region }) => ({
        rip: entry,
        index: this.#core.installRegion(entry, code),
        ways: waysOut(region),
      })),
      blocks: translations.flatMap(({ region }) => region.blocks.map(({ address }) => address)),
      pages,
    };
    for (const region of installed.regions) this.#extensible.set(region.rip, region);
    for (const address of installed.blocks) this.#covered.set(address, (this.#covered.get(address) ?? 0) + 1);
    for (const { region } of translations) for (const callee of region.callees()) this.#advance(callee);
    for (const page of pages) {
      space.markCode(page);
      const there = this.#byPage.get(page);
      if (there) there.add(installed);
      else this.#byPage.set(page, new Set([installed]));
    }
  }

  /** Whether the block at `rip`, which reached the threshold, is to go on being interpreted. */
  #defer(rip: number): boolean {
    if (this.#atOnce || !this.#covered.has(rip) || (this.#adjustments.get(rip) ?? 0) < 0) return false;
    this.#adjust(rip, -this.#translateAfter * COVERED_FACTOR);
    return true;
  }
  /** What regions call is soon hot, and each call leaves them until then. */
  #advance(address: number): void {
    if (this.#atOnce || this.#covered.has(address) || this.#adjustments.has(address)) return;
    if (this.#ranUntranslated(address) < this.#warm) this.#adjust(address, this.#translateAfter - this.#warm);
  }
  #adjust(address: number, by: number): void {
    const { blocks, space } = this.#core;
    const block = blocks.known(address);
    if (!block) return;
    const counter = block.at + blockHeader.counter;
    space.view.setInt32(counter, space.view.getInt32(counter, true) + by, true);
    this.#adjustments.set(address, (this.#adjustments.get(address) ?? 0) + by);
  }

  /** The block cache was full and began anew: nothing leads to the regions any more. */
  #forgetUnreachable(): void {
    const { generation } = this.#core.blocks;
    if (generation === this.#generation) return;
    this.#generation = generation;
    for (const page of [...this.#byPage.keys()]) this.invalidate(page);
  }
  #generation = 0;

  invalidate(page: number): void {
    this.#source.forget();
    for (const address of this.#adjustments.keys())
      if (!this.#core.blocks.known(address)) this.#adjustments.delete(address);
    for (const installed of this.#byPage.get(page) ?? []) {
      for (const address of installed.blocks) {
        const regions = this.#covered.get(address) ?? 0;
        if (regions > 1) this.#covered.set(address, regions - 1);
        else this.#covered.delete(address);
      }
      for (const region of installed.regions) {
        this.#core.dropRegion(region.rip, region.index);
        if (this.#extensible.get(region.rip) === region) this.#extensible.delete(region.rip);
      }
      for (const other of installed.pages) if (other !== page) this.#byPage.get(other)?.delete(installed);
    }
    this.#byPage.delete(page);
  }
}

function waysOut(region: Region): WaysOut {
  const direct = new Set<number>();
  const computed = new Map<number, readonly number[]>();
  const { blocks } = region;
  // What the limits have cut would be cut again.
  if (blocks.length < defaultLimits.blocks && region.instructionCount < defaultLimits.instructions)
    for (const block of blocks) {
      const { terminator, instructions } = block;
      if (terminator.kind === "indirect") {
        if (terminator.targets.length) computed.set(instructions[instructions.length - 1].address, terminator.targets);
      } else
        for (const address of successorAddresses(block)) if (region.blockAt(address) === undefined) direct.add(address);
    }
  return { direct, computed };
}
