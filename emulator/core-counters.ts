/** What is counted in one address space, for the engine's profile. */
import { GiveUp } from "./translator/region-contract.ts";
import { windowLayout } from "./memory/window-layout.ts";
import type { Core } from "./interpreter/core.ts";

/** Why translated code was left: by a jump that leads out of it, or as `GiveUp` says. */
const leaves = { untranslated: 0, ...GiveUp } as const;
export type Leave = keyof typeof leaves;

const counted = [
  "missMs",
  "instantiateMs",
  "translateMs",
  "compileMs",
  "blocks",
  "kept",
  "regions",
  "translated",
] as const;
export type CoreCounters = Record<(typeof counted)[number] | Leave, number>;

const leaveNames = Object.keys(leaves) as Leave[];

export function countersOf(core: Core): CoreCounters {
  const { view } = core.space;
  const cell = (offset: number): number => Number(view.getBigUint64(offset, true));
  const { translateMs = 0, compileMs = 0, regions = 0 } = core.regions?.counters ?? {};
  const { missMs, instantiateMs, blocks } = core;
  const exits = Object.fromEntries(leaveNames.map((name) => [name, cell(windowLayout.exits + leaves[name] * 8)]));
  return {
    missMs,
    instantiateMs,
    translateMs,
    compileMs,
    regions,
    blocks: blocks.decoded,
    kept: blocks.restored,
    translated: cell(windowLayout.translated),
    ...(exits as Record<Leave, number>),
  };
}

export function sumCounters(all: readonly CoreCounters[]): CoreCounters {
  const names = [...counted, ...leaveNames];
  const sums = names.map((name) => [name, all.reduce((sum, counters) => sum + counters[name], 0)]);
  return Object.fromEntries(sums) as CoreCounters;
}

export function exitsOf(counters: CoreCounters): Readonly<Record<Leave, number>> {
  return Object.fromEntries(leaveNames.map((name) => [name, counters[name]])) as Record<Leave, number>;
}
