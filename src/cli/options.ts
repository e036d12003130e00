import { InvalidArgumentError } from "commander";
import { knownBuild, windowsBuilds } from "../../kernel-shim/system-services/numbers.ts";
import { traceFormats, type TraceFormat } from "../sandbox/trace/sinks.ts";

/** Options of `ring3 run` after parsing. */
export interface RunOptions {
  readonly image: string;
  readonly trace?: TraceFormat;
  readonly traceFile?: string;
  readonly filter?: string;
  readonly json?: string;
  readonly filesOut?: string;
  readonly mount: readonly Mount[];
  readonly stdin?: string;
  readonly cwd?: string;
  readonly env: readonly [name: string, value: string][];
  readonly maxInstructions: number;
  readonly timeout?: number;
  readonly windows?: number;
  readonly cpu: CpuName | UnicornJsFile;
  readonly translateAfter?: number;
  readonly seed?: number;
  /** Say where the time went. */
  readonly profile?: boolean;
}

export interface Mount {
  /** `C:\tools`, without a backslash at the end. */
  readonly guest: string;
  readonly host: string;
}

export const cpuNames = ["translator", "interpreter", "libunicorn"] as const;
export type CpuName = (typeof cpuNames)[number];
/** A build of unicorn.js. */
export type UnicornJsFile = `unicornjs:${string}`;

export function isUnicornJsFile(text: string): text is UnicornJsFile {
  return text.startsWith("unicornjs:") && text.length > "unicornjs:".length;
}

export function parseMount(text: string, previous: readonly Mount[]): readonly Mount[] {
  const match = /^([Cc]:\\[^=]*?)\\*=(.+)$/.exec(text);
  if (!match)
    throw new InvalidArgumentError("Expected GUEST=HOSTDIR with a guest path on C:, such as C:\\tools=./tools.");
  return [...previous, { guest: match[1], host: match[2] }];
}

export function parseVariable(text: string, previous: readonly [string, string][]): readonly [string, string][] {
  const at = text.indexOf("=", 1);
  if (at < 0) throw new InvalidArgumentError("Expected NAME=VALUE.");
  return [...previous, [text.slice(0, at), text.slice(at + 1)]];
}

export function parseCount(text: string): number {
  if (/^inf(inity)?$/i.test(text)) return Infinity;
  const value = Number(text.replaceAll("_", ""));
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError("Expected a number that is not negative.");
  return value;
}

export function parseWindowsBuild(text: string): number {
  const build = Number(text);
  if (!Number.isInteger(build) || knownBuild(build) === undefined)
    throw new InvalidArgumentError(`Expected a build number from ${windowsBuilds[0].build} (${windowsBuilds[0].title}) on.`); // prettier-ignore
  return build;
}

export function parseTraceFormat(text: string): TraceFormat {
  const format = traceFormats.find((one) => one === text);
  if (!format) throw new InvalidArgumentError(`Expected ${traceFormats.join(" or ")}.`);
  return format;
}

export function parseCpuName(text: string): CpuName | UnicornJsFile {
  if (isUnicornJsFile(text)) return text;
  const name = cpuNames.find((one) => one === text);
  if (!name) throw new InvalidArgumentError(`Expected ${cpuNames.join(", ")} or unicornjs:FILE.`);
  return name;
}
