/** The translations of one address space: made when a block is hot, dropped with the modules whose guest code changes. */
import type { Decoder } from "./decoder/decoder.ts";
import type { Core, RegionSource } from "./interpreter/core.ts";
import { blockHeader } from "./interpreter/record.ts";
import { windowLayout } from "./memory/window-layout.ts";
import { DecodedCode } from "./translator/code-source.ts";
import { Translator, type TranslatorCounters } from "./translator/translator.ts";

interface Installed {
  readonly regions: readonly { readonly rip: number; readonly index: number }[];
  readonly pages: ReadonlySet<number>;
}

export class TranslatedRegions implements RegionSource {
  readonly translator: Translator;
  readonly #core: Core;
  readonly #byPage = new Map<number, Set<Installed>>();
  /** Executions from which on a function is translated along with its caller. */
  readonly #warm: number;
  /** At the first execution there is no past to go by. */
  readonly #atOnce: boolean;

  constructor(core: Core, decoder: Decoder, translateAfter: number) {
    this.#core = core;
    this.#warm = Math.max(1, Math.floor(translateAfter / 8));
    this.#atOnce = translateAfter <= 1;
    this.translator = new Translator({
      memory: core.space.memory,
      layout: { ...windowLayout, windowSize: core.space.bytes.length },
      enter: core.enter,
      bulk: core.bulk,
      source: new DecodedCode(decoder, core.reader, core.watch, (address) => core.blocks.jumpTargets.of(address)),
    });
  }

  get counters(): TranslatorCounters {
    return this.translator.counters;
  }

  translate(rip: number): void {
    const { blocks, space } = this.#core;
    const counter = (address: number): number => {
      const block = blocks.known(address);
      return block ? space.view.getUint32(block.at + blockHeader.counter, true) : 0;
    };
    const hasRegion = (address: number): boolean => {
      const block = blocks.known(address);
      return block !== undefined && space.view.getUint32(block.at + blockHeader.region, true) !== 0;
    };
    const translated = this.translator.translate(
      rip,
      (address) => counter(address) >= this.#warm && !hasRegion(address),
      (address) => this.#atOnce || blocks.known(address) !== undefined,
    );
    if (!translated) return;
    const { translations, pages } = translated;
    const installed: Installed = {
      regions: translations.map(({ entry, code }) => ({ rip: entry, index: this.#core.installRegion(entry, code) })),
      pages,
    };
    for (const page of pages) {
      space.markCode(page);
      const there = this.#byPage.get(page);
      if (there) there.add(installed);
      else this.#byPage.set(page, new Set([installed]));
    }
  }

  invalidate(page: number): void {
    for (const installed of this.#byPage.get(page) ?? []) {
      for (const { rip, index } of installed.regions) this.#core.dropRegion(rip, index);
      for (const other of installed.pages) if (other !== page) this.#byPage.get(other)?.delete(installed);
    }
    this.#byPage.delete(page);
  }
}
