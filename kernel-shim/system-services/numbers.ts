/**
 * The numbers of NT's system calls by Windows build, for code that brings its own `syscall` instructions.
 * (Stubs of a loaded ntdll or win32u carry their numbers themselves and are scanned.)
 */
import { numbersByService, windowsBuilds } from "./numbers-data.ts";

export { windowsBuilds } from "./numbers-data.ts";

/** Windows 10 22H2. */
export const defaultWindowsBuild = 19045;

/** A build whose numbers are known, or the newest known one before it; undefined for builds older than Windows 10. */
export function knownBuild(build: number): number | undefined {
  return windowsBuilds.findLast((known) => known.build <= build)?.build;
}

const tables = new Map<number, ReadonlyMap<number, string>>();

/** Number → service name for a build (see `knownBuild`). */
export function numbersOf(build: number): ReadonlyMap<number, string> {
  const known = knownBuild(build);
  if (known === undefined) return new Map();
  let table = tables.get(known);
  if (!table) tables.set(known, (table = tableOf(known)));
  return table;
}

/** The name of the service that a build calls by this number, such as "NtCreateFile" for 0x55. */
export function lookup(build: number, number: number): string | undefined {
  return numbersOf(build).get(number);
}

function tableOf(build: number): ReadonlyMap<number, string> {
  const table = new Map<number, string>();
  for (const line of numbersByService.split("\n")) {
    const [name, ...changes] = line.split(" ");
    const inForce = changes.findLast((change) => Number.parseInt(change) <= build);
    const number = inForce?.slice(inForce.indexOf(":") + 1);
    if (number !== undefined && number !== "-") table.set(Number.parseInt(number, 16), name);
  }
  return table;
}
