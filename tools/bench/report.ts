/** Measurements to the tables that `npm run bench` prints. */
import type { ColdCodeMeasurement } from "../../src/bench/cold-code.ts";
import type { KernelDescription, KernelMeasurement, RunSize } from "../../src/bench/kernel.ts";
import type { StartUpMeasurement } from "../../src/bench/start-up.ts";
import { geometricMean, spread } from "../../src/bench/statistics.ts";
import type { RealWorkResult } from "./in-node.ts";
import type { RealWork } from "./real-work.ts";

/** One round of a kernel. Undefined: that reference or browser is not here. */
export interface KernelRound {
  /** Milliseconds of the size that was asked for. */
  readonly native: number | undefined;
  /** Milliseconds of the small run. */
  readonly libunicorn: number | undefined;
  readonly node: KernelMeasurement;
  readonly chromium: KernelMeasurement | undefined;
  /** The small run. */
  readonly interpreter: KernelMeasurement;
  /** Runs of `firstRunSize`. */
  readonly first: Readonly<Record<"node" | "chromium", KernelMeasurement | undefined>>;
}

/** What a first run takes above a later one is told by runs that are not much longer: in a second the machine's noise is larger. */
export const firstRunSize = (size: RunSize): RunSize => (size === "full" ? "medium" : size);

export interface StartUpRound {
  readonly node: StartUpMeasurement;
  readonly chromium: StartUpMeasurement | undefined;
  readonly libunicorn: StartUpMeasurement | undefined;
}

/** "12.3 (11.9–14.0)"; a dash where nothing was measured. */
function cell(values: readonly (number | undefined)[], digits = 1): string {
  const present = values.filter((value) => value !== undefined);
  if (present.length === 0) return "–";
  const { median, least, most } = spread(present);
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row.map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column]))).join("  "),
    )
    .join("\n");
}

/** Host milliseconds divided by native ones, round by round. */
function ratios(rounds: readonly KernelRound[], host: "node" | "chromium"): (number | undefined)[] {
  return rounds.map(({ native, [host]: ours }) => native && ours && ours.steadyMs / native);
}

/** How many times libunicorn's speed, an instruction, round by round. */
function gains(
  kernel: KernelDescription,
  rounds: readonly KernelRound[],
  host: "node" | "chromium",
): (number | undefined)[] {
  return rounds.map(({ libunicorn, [host]: ours }) => {
    if (libunicorn === undefined || !ours) return undefined;
    return libunicorn / kernel.runs.small.instructions / (ours.steadyMs / ours.instructions);
  });
}

/** `sysc` measures the system call, not instructions. */
export const SYSTEM_CALLS = "sysc";

export function kernelReport(rounds: ReadonlyMap<KernelDescription, readonly KernelRound[]>, size: RunSize): string {
  const kernels = [...rounds].filter(([{ name }]) => name !== SYSTEM_CALLS);
  const speed = (values: readonly (number | undefined)[], instructions: number): number | undefined => {
    const present = values.filter((value) => value !== undefined);
    return present.length === 0 ? undefined : instructions / spread(present).median / 1000;
  };
  const columns = (kernel: KernelDescription, taken: readonly KernelRound[]): (number | undefined)[] => {
    const { instructions } = kernel.runs[size];
    const small = kernel.runs.small.instructions;
    return [
      speed(taken.map(({ native }) => native), instructions),
      speed(taken.map(({ libunicorn }) => libunicorn), small),
      speed(taken.map(({ interpreter }) => interpreter.steadyMs), small),
      speed(taken.map(({ node }) => node.steadyMs), instructions),
      speed(taken.map(({ chromium }) => chromium?.steadyMs), instructions),
    ]; // prettier-ignore
  };
  const speeds = kernels.map(([kernel, taken]) => columns(kernel, taken));
  const overall = (values: readonly (number | undefined)[], digits: number): string => {
    const present = values.filter((value) => value !== undefined);
    return present.length === 0 || present.length < values.length ? "–" : geometricMean(present).toFixed(digits);
  };
  const speedTable = table([
    ["kernel", "native", "libunicorn", "interpreter", "Node", "Chromium"],
    ...kernels.map(([{ name }], row) => [name, ...speeds[row].map((value) => value?.toFixed(0) ?? "–")]),
    ["geometric mean", ...speeds[0].map((_, column) => overall(speeds.map((row) => row[column]), 0))], // prettier-ignore
  ]);

  const hosts = ["node", "chromium"] as const;
  const median = (values: readonly (number | undefined)[]): number | undefined => {
    const present = values.filter((value) => value !== undefined);
    return present.length === 0 ? undefined : spread(present).median;
  };
  const ratioTable = table([
    ["kernel", "native ms", "Node ÷ native", "Chromium ÷ native", "Node × libunicorn", "Chromium × libunicorn"],
    ...kernels.map(([kernel, taken]) => [
      kernel.name,
      cell(taken.map(({ native }) => native)),
      ...hosts.map((host) => cell(ratios(taken, host), 2)),
      ...hosts.map((host) => cell(gains(kernel, taken, host), 1)),
    ]),
    [
      "geometric mean",
      "",
      ...hosts.map((host) => overall(kernels.map(([, taken]) => median(ratios(taken, host))), 2)), // prettier-ignore
      ...hosts.map((host) => overall(kernels.map(([kernel, taken]) => median(gains(kernel, taken, host))), 1)), // prettier-ignore
    ],
  ]);
  const timeTable = table([
    ["kernel", "Node first ms", "steady ms", "above", "Chromium first ms", "steady ms", "above"],
    ...[...rounds].map(([{ name }, taken]) => [
      name,
      ...hosts.flatMap((host) => {
        const ours = taken.map(({ first }) => first[host]);
        return [
          cell(ours.map((one) => one?.firstMs)),
          cell(ours.map((one) => one?.steadyMs)),
          median(ours.map((one) => one && one.firstMs - one.steadyMs))?.toFixed(0) ?? "–",
        ];
      }),
    ]),
  ]);
  return [
    `Million instructions a second (kernels' ${size} runs; libunicorn and the interpreter: small runs)\n\n${speedTable}`,
    `Against this processor and libunicorn, an instruction: median (least–most) of the rounds\n\n${ratioTable}`,
    `First run in a fresh process, and a later one (${firstRunSize(size)} runs)\n\n${timeTable}`,
  ].join("\n\n");
}

export function systemCallReport(kernel: KernelDescription, rounds: readonly KernelRound[], size: RunSize): string {
  const each = (milliseconds: number | undefined, run: RunSize): number | undefined =>
    milliseconds === undefined ? undefined : (milliseconds * 1e6) / kernel.runs[run].syscalls;
  return `A system call that reads five registers, in nanoseconds\n\n${table([
    ["libunicorn", "interpreter", "Node", "Chromium"],
    [
      cell(rounds.map(({ libunicorn }) => each(libunicorn, "small")), 0),
      cell(rounds.map(({ interpreter }) => each(interpreter.steadyMs, "small")), 0),
      cell(rounds.map(({ node }) => each(node.steadyMs, size)), 0),
      cell(rounds.map(({ chromium }) => each(chromium?.steadyMs, size)), 0),
    ],
  ])}`; // prettier-ignore
}

const parts = ["total", "image", "decode", "handlers", "translate", "compile", "execute", "services"] as const;

export function startUpReport(title: string, rounds: readonly StartUpRound[]): string {
  const hosts = ["node", "chromium", "libunicorn"] as const;
  return `${title}, in milliseconds\n\n${table([
    ["", "Node", "Chromium", "libunicorn (Node)"],
    ...parts.map((part) => [part, ...hosts.map((host) => cell(rounds.map((round) => round[host]?.[part])))]),
  ])}`;
}

export function pageLoadReport(milliseconds: readonly number[]): string {
  return `From the page's navigation to the row of hello-kernel's first system call: ${cell(milliseconds, 0)} ms`;
}

export function coldCodeReport(rounds: readonly ColdCodeMeasurement[]): string {
  const { blocks, instructions, cutShort } = rounds[0];
  return `${blocks} distinct blocks of the image's code, once each (${instructions} instructions; ${cutShort} blocks fault), in Node: ${cell(rounds.map(({ milliseconds }) => milliseconds), 0)} ms`; // prettier-ignore
}

export interface RealWorkRound {
  readonly node: RealWorkResult;
  readonly libunicorn: RealWorkResult | undefined;
}

export function realWorkReport(rounds: ReadonlyMap<RealWork, readonly RealWorkRound[]>): string {
  const seconds = (values: readonly (RealWorkResult | undefined)[]): string =>
    cell(values.map((value) => value && value.milliseconds / 1000), 2); // prettier-ignore
  return `Whole programs under the same kernel, in seconds; outputs are equal. libunicorn shows x86-64-v1: 7za hashes without the SHA instructions there\n\n${table([
    ["", "million instructions", "system calls", "Node", "libunicorn", "Node × libunicorn"],
    ...[...rounds].map(([{ title }, taken]) => [
      title,
      (taken[0].node.instructions / 1e6).toFixed(0),
      String(taken[0].node.systemCalls),
      seconds(taken.map(({ node }) => node)),
      seconds(taken.map(({ libunicorn }) => libunicorn)),
      cell(taken.map(({ node, libunicorn }) => libunicorn && libunicorn.milliseconds / node.milliseconds), 1), // prettier-ignore
    ]),
  ])}`; // prettier-ignore
}
