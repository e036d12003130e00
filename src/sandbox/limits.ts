import type { Limits } from "../../kernel-shim/machine.ts";
import type { VolumeLimits } from "../../kernel-shim/io-manager/volume.ts";

/** The limits of a run that make themselves felt while it goes on. */
export interface LimitsReached {
  readonly machine: { readonly limits: Limits; readonly limitsReached: ReadonlySet<keyof Limits> };
  readonly volume: { readonly limits: VolumeLimits; readonly limitsReached: ReadonlySet<keyof VolumeLimits> };
  readonly trace: { readonly capacity: number; readonly dropped: number };
}

/** What a limit kept from the program or from the reader, a sentence each. The end of a run has its own sentence (exit.ts). */
export function limitMessages({ machine, volume, trace }: LimitsReached): string[] {
  const messages: string[] = [];
  const refused = (what: string, limit: string) =>
    messages.push(`The program was refused ${what}: the run may have ${limit}.`);
  for (const limit of machine.limitsReached) {
    const allowed = machine.limits[limit];
    switch (limit) {
      case "instructions":
        break; // ends the run
      case "committedBytes":
        refused("memory", `${size(allowed)} in all its processes together`);
        break;
      case "threads":
        refused("a thread", `${count(allowed)} threads in each process`);
        break;
      case "processes":
        refused("a process", `${count(allowed)} processes at a time`);
        break;
    }
  }
  for (const limit of volume.limitsReached) {
    const allowed = volume.limits[limit];
    switch (limit) {
      case "bytes":
        refused("space on the disk", `${size(allowed)} of files of its own`);
        break;
      case "files":
        refused("a new file or folder", `${count(allowed)} of them`);
        break;
    }
  }
  if (trace.capacity > 0 && trace.dropped > 0)
    messages.push(
      `The trace is full: it holds the first ${count(trace.capacity)} events; ${count(trace.dropped)} later ones are missing.`,
    );
  return messages;
}

const count = (n: number) => n.toLocaleString("en-US");

function size(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}
