/** Runs the command line as a user does, in a process of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";

export const root = join(import.meta.dirname, "..", "..");
const cli = join(root, "dist", "cli", "ring3.js");

/** Which command line: the one that was built for users, or one made of the sources as they are. */
type CommandLineOrigin = "built" | "sources";

const ownBuild = join(root, ".cache", `cli-${process.pid}`);
let fromSources: Promise<string> | undefined;

/** Starting a bundle takes a fraction of what starting sources takes. */
async function buildFromSources(): Promise<string> {
  await build({ configFile: join(root, "vite.cli.config.ts"), root, logLevel: "error", build: { outDir: ownBuild } });
  return join(ownBuild, "ring3.js");
}

/** What starts the command line that is made of the sources. */
export const commandLineFromSources = (): Promise<string> => (fromSources ??= buildFromSources());

/** For afterAll, where the command line was made of the sources. */
export function deleteBuild(): void {
  rmSync(ownBuild, { recursive: true, force: true });
  fromSources = undefined;
}

/** What `--json` gives. */
export interface RunReport {
  readonly exit: { readonly reason: string; readonly status: number; readonly statusName: string | null };
  readonly instructions: number;
  readonly virtualTimeMs: number;
  readonly wallTimeMs: number;
  readonly systemCalls: Readonly<Record<string, number>>;
  readonly unimplemented: Readonly<Record<string, number>>;
  readonly files: readonly {
    readonly directory?: boolean;
    readonly path: string;
    readonly change: string;
    readonly size: number;
    readonly sha256: string | null;
  }[];
  readonly stdout: string;
  readonly stderr: string;
}

export interface Ring3Run {
  /** The exit code of our process; null where it was killed. */
  readonly code: number | null;
  /** Undefined where there was no run, or it had to be killed. */
  readonly report: RunReport | undefined;
  /** Our own messages. */
  readonly messages: string;
  readonly seconds: number;
}

/** Why runs cannot be made here, or undefined. */
export function whyNoRing3(from: CommandLineOrigin): string | undefined {
  if (from === "built" && !existsSync(cli)) return "dist/cli/ring3.js is missing: npm run build";
  if (!existsSync(join(root, "images", "wine", "manifest.json"))) return "images/wine is missing: npm run image";
  return undefined;
}

export interface Ring3Options {
  /** Seconds, of the run and for the process to end after them. */
  readonly timeout?: number;
  readonly grace?: number;
  readonly from?: CommandLineOrigin;
}

/** `ring3 run --json … ARGS`; a process that is still there `grace` seconds after its own time limit is killed. */
export async function ring3(
  args: readonly string[],
  { timeout = 60, grace = 15, from = "built" }: Ring3Options = {},
): Promise<Ring3Run> {
  const started = performance.now();
  const directory = mkdtempSync(join(tmpdir(), "ring3-run-"));
  const json = join(directory, "report.json");
  try {
    const { code, stderr } = await commandLine(["run", "--timeout", String(timeout), "--json", json, ...args], {
      from,
      seconds: timeout + grace,
    });
    const report = existsSync(json) ? (JSON.parse(readFileSync(json, "utf8")) as RunReport) : undefined;
    return { code, report, messages: stderr, seconds: (performance.now() - started) / 1000 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface CommandResult {
  /** Null where it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `ring3 ARGS` with this text on standard input. It is killed after so many seconds. */
export async function commandLine(
  args: readonly string[],
  { from = "sources", input = "", seconds = 60 }: { from?: CommandLineOrigin; input?: string; seconds?: number } = {},
): Promise<CommandResult> {
  const program = from === "built" ? cli : await commandLineFromSources();
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: "pipe" });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on("data", (bytes: Buffer) => output.stdout.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => output.stderr.push(bytes));
  // A command that does not read its input is no error.
  child.stdin.on("error", () => undefined).end(input);
  const killer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearTimeout(killer);
  const text = (pieces: readonly Buffer[]) => Buffer.concat(pieces).toString("utf8");
  return { code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/** Calls `work` for each item, so many at a time, and returns the results in the items' order. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  jobs: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  return results;
}
