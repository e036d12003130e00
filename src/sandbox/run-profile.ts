/** Where the time of a run went, and what the engine did in it. */
import type { EngineProfile } from "../../emulator/engine.ts";
import type { TimedCpu } from "./timed-cpu.ts";

export interface RunProfile {
  /** Milliseconds of the host, by what they were spent on; together all of the run. */
  readonly times: readonly { readonly name: string; readonly milliseconds: number }[];
  readonly instructions: number;
  /** Absent where the CPU is none of ours. */
  readonly engine?: EngineFacts;
}
interface EngineFacts {
  /** Instructions that translated code executed; the interpreter did the rest. */
  readonly translated: number;
  readonly blocks: number;
  /** Of the blocks those that the build had decoded. */
  readonly kept: number;
  readonly regions: number;
  readonly handlers: number;
  /** Times that translated code was left, by why. */
  readonly exits: readonly { readonly reason: string; readonly count: number }[];
}

const exitReasons: Readonly<Record<keyof EngineProfile["exits"], string>> = {
  untranslated: "for code that is not translated, or the next region",
  memory: "for an access that is not direct",
  instruction: "for an instruction that the interpreter does",
  guard: "for a fault",
  budget: "because the slice was over",
};

/** `totalMs`: all that the run took, the CPU's time included. */
export function runProfile(cpu: TimedCpu, totalMs: number, instructions: number): RunProfile {
  const engine = cpu.profile();
  const { decodeMs = 0, handlersMs = 0, translateMs = 0, compileMs = 0 } = engine ?? {};
  const executing = Math.max(0, cpu.milliseconds - decodeMs - handlersMs - translateMs - compileMs);
  const services = { name: "System services and trace", milliseconds: Math.max(0, totalMs - cpu.milliseconds) };
  if (!engine) return { times: [{ name: "Executing", milliseconds: executing }, services], instructions };
  const times = [
    { name: "Executing", milliseconds: executing },
    { name: "Decoding", milliseconds: decodeMs },
    { name: "Handlers of the interpreter", milliseconds: handlersMs },
    { name: "Translating", milliseconds: translateMs },
    { name: "Compilation by the host", milliseconds: compileMs },
    services,
  ];
  const { translated, blocks, kept, regions, handlers } = engine;
  const exits = (Object.keys(exitReasons) as (keyof typeof exitReasons)[]).map((reason) => ({
    reason: exitReasons[reason],
    count: engine.exits[reason],
  }));
  return { times, instructions, engine: { translated, blocks, kept, regions, handlers, exits } };
}

const count = (value: number): string => value.toLocaleString("en-US");

/** A table for a terminal. */
export function profileText({ times, instructions, engine }: RunProfile): string {
  const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows: (readonly [string, string, string])[] = times.map(({ name, milliseconds }) => [
    name,
    `${milliseconds.toFixed(1)} ms`,
    total > 0 ? `${((100 * milliseconds) / total).toFixed(1)} %` : "",
  ]);
  rows.push(["All", `${total.toFixed(1)} ms`, ""]);
  const lines = rows.map(([name, time, share]) => `  ${name.padEnd(28)}${time.padStart(14)}${share.padStart(9)}`);
  lines.unshift("Time");
  lines.push("Instructions", `  ${"All".padEnd(28)}${count(instructions).padStart(14)}`);
  if (engine) {
    const share = instructions > 0 ? `${((100 * engine.translated) / instructions).toFixed(1)} %` : "";
    lines.push(`  ${"In translated code".padEnd(28)}${count(engine.translated).padStart(14)}${share.padStart(9)}`);
    lines.push("Code");
    for (const [name, value] of [
      ["Blocks", engine.blocks],
      ["… decoded by the build", engine.kept],
      ["Regions translated", engine.regions],
      ["Handlers", engine.handlers],
    ] as const)
      lines.push(`  ${name.padEnd(28)}${count(value).padStart(14)}`);
    lines.push("Translated code was left");
    for (const { reason, count: times } of engine.exits) lines.push(`  ${count(times).padStart(14)}  ${reason}`);
  }
  return `${lines.join("\n")}\n`;
}
