import type { SessionUpdate } from "../../worker/interface.ts";

export type ConsoleText = SessionUpdate["console"][number];
export interface ConsoleSegment {
  readonly id: number;
  readonly stream: ConsoleText["stream"] | "typed";
  text: string;
}

const keptCharacters = 400_000;
const segmentCharacters = 4_000;

/** What the program wrote and what was typed, in order. The oldest output gives way when there is too much. */
export class ConsoleLog {
  segments = $state<ConsoleSegment[]>([]);
  omitted = $state(0);
  #characters = $state(0);
  #nextId = 0;

  get length(): number {
    return this.#characters + this.omitted;
  }

  get text(): string {
    return this.segments.map((segment) => segment.text).join("");
  }

  clear(): void {
    this.segments = [];
    this.omitted = 0;
    this.#characters = 0;
  }

  append(stream: ConsoleSegment["stream"], raw: string): void {
    const text = printable(raw);
    if (text === "") return;
    const last = this.segments.at(-1);
    if (last?.stream === stream && last.text.length + text.length <= segmentCharacters) last.text += text;
    else this.segments.push({ id: this.#nextId++, stream, text });
    this.#characters += text.length;
    while (this.#characters > keptCharacters && this.segments.length > 1) {
      const gone = this.segments.shift()?.text.length ?? 0;
      this.#characters -= gone;
      this.omitted += gone;
    }
  }
}

/** Line ends as the page breaks them; terminal escape sequences and other control characters have no picture here. */
function printable(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007]*\u0007|.)/g, "")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
}
