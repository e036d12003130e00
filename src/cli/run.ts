import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Cpu } from "../../emulator/cpu.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { MemoryLayer, MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { joinCommandLine } from "../sandbox/command-line.ts";
import { Disassembler } from "../sandbox/disassembler.ts";
import { findFile } from "../sandbox/find-file.ts";
import { workDirectory } from "../sandbox/options.ts";
import { Pace } from "../sandbox/pace.ts";
import { profileText, runProfile } from "../sandbox/run-profile.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { TimedCpu } from "../sandbox/timed-cpu.ts";
import { LoadError } from "../../kernel-shim/boot/load-error.ts";
import { crashText } from "../sandbox/report.ts";
import { createCpu } from "./cpu.ts";
import { writeFilesOut } from "./files-out.ts";
import { HostDirectory } from "./host-directory.ts";
import { openImageDirectory } from "./image-directory.ts";
import { imagesDirectory } from "./paths.ts";
import type { RunOptions } from "./options.ts";
import { TraceWriter } from "./trace-writer.ts";

/** As `docker run` and env(1) use them. */
export const ExitCode = {
  /** Our own failure: wrong options, a host error, an instruction that the CPU lacks. */
  Failure: 125,
  /** The program was found and cannot be run. */
  CannotRun: 126,
  /** The program was not found. */
  NotFound: 127,
} as const;

/** An error of ours, in words for the user. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Between two looks at clock, output and standard input. */
const SLICE_MS = 20;

/** Runs the program to its end and returns our exit code. */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<number> {
  const started = performance.now();
  const { path, layers } = locate(program, options);
  const cpu = options.profile === true ? await timed(() => chooseCpu(options)) : await chooseCpu(options);
  const sandbox = createSandbox();
  if (options.cwd !== undefined && findFile(sandbox.volume, options.cwd)?.isDirectory !== true)
    throw new RunError(ExitCode.Failure, `--cwd: there is no directory ${options.cwd}`);
  const trace = options.trace && new TraceWriter(sandbox.trace, options.trace, options.filter, options.traceFile);
  const deadline = options.timeout === undefined ? Infinity : started + options.timeout * 1000;
  const quiet = options.json === "-";
  const output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const running = performance.now();
  const pace = new Pace(SLICE_MS);

  for (;;) {
    const begin = performance.now();
    const stop = sandbox.run(pace.instructions);
    if (stop.reason === "slice") pace.took(performance.now() - begin);
    for (const { stream, bytes } of sandbox.takeOutput()) {
      output[stream].push(bytes);
      if (!quiet) writeAll(stream === "stdout" ? 1 : 2, bytes);
    }
    trace?.flush();
    if (stop.reason === "content") await stop.arrival;
    else if (stop.reason === "input") sandbox.type(await nextInput());
    else if (stop.reason === "ended") break;
    if (performance.now() >= deadline) sandbox.end("timeout");
    // Lets signals through.
    await new Promise((next) => setImmediate(next));
  }

  const wallTimeMs = performance.now() - running;
  trace?.close();
  const { exit } = sandbox;
  if (!exit) throw new Error("the run ended without an exit");
  const profile =
    cpu instanceof TimedCpu ? runProfile(cpu, performance.now() - started, sandbox.instructions) : undefined;
  const changes = sandbox.changes();
  if (options.filesOut !== undefined) {
    const files = changes.flatMap(({ path: file, read }) => (read ? [{ path: file, bytes: read() }] : []));
    writeFilesOut(options.filesOut, files);
  }
  if (options.json !== undefined) {
    const report = {
      exit: { reason: exit.reason, status: exit.status, statusName: exit.statusName ?? null },
      instructions: sandbox.instructions,
      virtualTimeMs: sandbox.virtualTimeMs,
      wallTimeMs: Math.round(wallTimeMs * 1000) / 1000,
      systemCalls: sandbox.systemCalls(),
      unimplemented: sandbox.unimplemented(),
      files: changes.map(({ path: file, change, directory, size, from, read }) => ({
        path: file,
        change,
        ...(directory && { directory }),
        ...(from !== undefined && { from }),
        size,
        sha256: read ? createHash("sha256").update(read()).digest("hex") : null,
      })),
      ...(profile && { profile }),
      stdout: decodeOutput(output.stdout),
      stderr: decodeOutput(output.stderr),
    };
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    if (quiet) writeAll(1, new TextEncoder().encode(text));
    else writeFileSync(options.json, text);
  }
  if (exit.crash) process.stderr.write(crashText(exit.crash, await Disassembler.load()));
  if (exit.reason !== "exited" && exit.reason !== "fault") process.stderr.write(`ring3: ${exit.meaning}\n`);
  if (profile) process.stderr.write(profileText(profile));
  for (const message of sandbox.limitMessages()) process.stderr.write(`ring3: ${message}\n`);
  sandbox.dispose();
  return exit.reason === "exited" || exit.reason === "fault" ? exit.status & 0xff : ExitCode.Failure;

  function createSandbox(): Sandbox {
    try {
      return new Sandbox({
        cpu,
        layers,
        program: path,
        commandLine: joinCommandLine([path, ...args]),
        currentDirectory: options.cwd ?? workDirectory,
        environment: Object.fromEntries(options.env),
        stdin: options.stdin === undefined ? undefined : readHostFile(options.stdin, "standard input"),
        limits: { instructions: options.maxInstructions, ...(options.trace === undefined && { events: 0 }) },
        ...(options.windows !== undefined && { build: options.windows }),
        ...(options.seed !== undefined && { seed: options.seed }),
      });
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      throw new RunError(
        error.kind === "not-found" ? ExitCode.NotFound : ExitCode.CannotRun,
        `${program}: ${error.message}`,
      );
    }
  }
}

async function timed(create: () => Promise<Cpu>): Promise<TimedCpu> {
  const start = performance.now();
  const cpu = await create();
  return new TimedCpu(cpu, performance.now() - start);
}

/** Finds the program, and the layers of C: that the options ask for. */
function locate(program: string, options: RunOptions): { path: string; layers: Layer[] } {
  const layers: Layer[] = options.mount.map(({ guest, host }) => new MountedLayer(guest.slice(3), hostDirectory(host)));
  let path = program.replaceAll("/", "\\");
  if (!/^[A-Za-z]:\\/.test(path)) {
    if (!existsSync(program)) throw new RunError(ExitCode.NotFound, `there is no program ${program}`);
    if (statSync(program).isDirectory()) throw new RunError(ExitCode.CannotRun, `${program} is a directory`);
    path = `${workDirectory}\\${basename(program)}`;
    layers.unshift(new MemoryLayer("program", [[path.slice(3), readHostFile(program, "program")]]));
  }
  layers.push(...openImage(options.image));
  return { path, layers };
}

async function chooseCpu(options: RunOptions): Promise<Cpu> {
  try {
    return await createCpu(options);
  } catch (error) {
    throw new RunError(ExitCode.Failure, `--cpu: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function openImage(image: string): Layer[] {
  if (image === "scratch") return [];
  const directory = image === "wine" ? resolve(imagesDirectory, "wine") : image;
  try {
    return [openImageDirectory(directory)];
  } catch (error) {
    const hint =
      image === "wine" ? " `npm run image` builds it in the repository; --image takes a folder of DLLs." : "";
    throw new RunError(ExitCode.Failure, `${error instanceof Error ? error.message : String(error)}.${hint}`);
  }
}

function hostDirectory(path: string): HostDirectory {
  try {
    return new HostDirectory(path);
  } catch {
    throw new RunError(ExitCode.Failure, `--mount: there is no directory ${path}`);
  }
}

function readHostFile(path: string, what: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new RunError(ExitCode.Failure, `${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The next piece of our standard input: a line of a terminal, everything of a file or pipe; undefined at its end. */
let inputEnded = false;
async function nextInput(): Promise<Uint8Array | undefined> {
  if (inputEnded) return undefined;
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    pieces.push(piece);
    if (process.stdin.isTTY) return new Uint8Array(Buffer.from(piece.toString().replace(/\r?\n/g, "\r\n")));
  }
  inputEnded = true;
  return pieces.length > 0 ? new Uint8Array(Buffer.concat(pieces)) : undefined;
}

/** Output as text: UTF-8 where it is that, else one character a byte. */
function decodeOutput(pieces: readonly Uint8Array[]): string {
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : bytes.toString("latin1");
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // The reader of a pipe is slow (EAGAIN) or has gone (EPIPE).
      if (error instanceof Error && "code" in error && error.code === "EAGAIN") continue;
      if (error instanceof Error && "code" in error && error.code === "EPIPE") return;
      throw error;
    }
  }
}
