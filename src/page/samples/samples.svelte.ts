import { SvelteMap } from "svelte/reactivity";
import { sampleBytes, samples, type Sample } from "../../../samples/index.ts";
import { joinCommandLine } from "../../worker/interface.ts";
import { launchOf, type Launch } from "../session/launch.ts";

export type { Sample };

/** What a sample was seen to do when it was run in this browser. */
export interface SampleRecord {
  readonly calls: number;
  readonly modules: number;
  /** Of the modules' images, together. */
  readonly bytes: number;
}

const storageKey = "ring3.samples";

/** The samples as the page offers them; what they are is at home in samples/index.ts. */
export class Samples {
  readonly ladder: readonly Sample[] = [1, 2, 3, 4].flatMap((rung) => samples.find((s) => s.ladder === rung) ?? []);
  readonly others: readonly Sample[] = samples.filter((sample) => !this.ladder.includes(sample));
  records = $state.raw<Readonly<Record<string, SampleRecord>>>(storedRecords());
  readonly #programs = new SvelteMap<string, Uint8Array>();

  size(sample: Sample): number | undefined {
    return this.#programs.get(sample.id)?.length;
  }

  /** Brings the ladder's programs, which are small, so that a click runs at once. */
  async prefetch(): Promise<void> {
    await Promise.allSettled(this.ladder.map((sample) => this.bytes(sample)));
  }

  async bytes(sample: Sample): Promise<Uint8Array> {
    const known = this.#programs.get(sample.id);
    if (known !== undefined) return known;
    const response = await fetch(`samples/${sample.file}`).catch(() => undefined);
    if (response?.ok !== true) {
      throw new Error(
        `${sample.file} could not be fetched${response ? ` (HTTP ${response.status})` : ""}. Is the server still running?`,
      );
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.#programs.set(sample.id, bytes);
    return bytes;
  }

  async launch(sample: Sample): Promise<Launch> {
    return {
      ...launchOf(sample.file, await this.bytes(sample)),
      title: sample.title,
      sample: sample.id,
      image: sample.image,
      arguments: joinCommandLine(sample.arguments),
      stdin: sample.stdin === "" ? undefined : sample.stdin,
      files: sample.given.map((file) => ({ path: file.path, bytes: sampleBytes(file) })),
    };
  }

  record(id: string, record: SampleRecord): void {
    this.records = { ...this.records, [id]: record };
    try {
      localStorage.setItem(storageKey, JSON.stringify(this.records));
    } catch {
      // Storage may be full or forbidden; the record then lasts as long as the page.
    }
  }
}

function storedRecords(): Record<string, SampleRecord> {
  try {
    return JSON.parse(localStorage.getItem(storageKey) ?? "{}") as Record<string, SampleRecord>;
  } catch {
    return {};
  }
}
