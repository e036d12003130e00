/**
 * What the page may ask of the worker, and the view types that cross between them. Structured-clonable data only.
 * One worker holds one session at a time: a program that is loaded, running, or has ended and can be looked at.
 */
import type { RunProfile } from "../sandbox/run-profile.ts";
import type { TraceDetail, TraceRow } from "../sandbox/trace/view.ts";

/** Arguments as one line, for `SessionOptions.arguments`. */
export { joinCommandLine } from "../sandbox/command-line.ts";
export type { RunProfile } from "../sandbox/run-profile.ts";
export type { Severity, TraceDetail, TraceParameter, TraceRow } from "../sandbox/trace/view.ts";

export type ImageName = "scratch" | "wine" | "folder";

/** A folder of the user's own DLLs, or a whole C: drive. Its files are read when the guest reads them. */
export interface ImageFolder {
  readonly name: string;
  /** Paths relative to the folder, with slashes. */
  readonly files: readonly { readonly path: string; readonly file: File }[];
}

export interface GuestFile {
  /** Where the guest sees it, such as `C:\w\input.txt`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface SessionOptions {
  /** File name of the program, without folder: it is placed in `C:\w`, the current directory. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The command line after the program's name, as typed. */
  readonly arguments: string;
  /** Undefined: standard input stays open and takes what the user types into the console. */
  readonly stdin: string | undefined;
  readonly files: readonly GuestFile[];
  readonly environment: Readonly<Record<string, string>>;
  readonly image: ImageName;
  /** Of the image `folder`. */
  readonly folder?: ImageFolder;
  readonly limits: { readonly instructions: number; readonly seconds: number };
  readonly cpu: "translator" | "interpreter" | "unicornjs";
  /** A build of unicorn.js, for the CPU `unicornjs`. */
  readonly unicornJs?: File;
  /** Executions after which the translator takes code; undefined: the engine's own number. */
  readonly translateAfter?: number;
}

/** What the page shows of a program before it runs. */
export interface ProgramInfo {
  readonly size: number;
  /** A guess such as "MinGW", "MSVC", "Go"; undefined when nothing tells. */
  readonly toolchain: string | undefined;
  readonly subsystem: string;
  readonly imports: readonly { readonly module: string; readonly functions: number }[];
  readonly sections: readonly {
    readonly name: string;
    readonly address: number;
    readonly size: number;
    readonly protection: string;
  }[];
}

/** A failure in words: what happened, and what the user can do next. */
export interface Problem {
  readonly kind: "program" | "image" | "unimplemented" | "unsupported-instruction" | "fault" | "limit" | "internal";
  readonly title: string;
  readonly text: string;
  /** Sequence number of the event that it belongs to. */
  readonly event?: number;
  readonly count?: number;
}

export type RunState =
  "empty" | "loading" | "ready" | "running" | "paused" | "waiting-for-input" | "exited" | "stopped" | "failed";

export interface Counters {
  /** Virtual time, ms. */
  readonly virtualTime: number;
  /** Host time spent running, ms. */
  readonly wallTime: number;
  readonly instructions: number;
  readonly events: number;
  /** Events that pass the filter; equal to `events` without one. */
  readonly matching: number;
}

/** Sent at most every 50 ms while a session runs, and once at each change of state. */
export interface SessionUpdate {
  readonly state: RunState;
  readonly counters: Counters;
  /** Text that standard output and error received since the last update. */
  readonly console: readonly { readonly stream: "stdout" | "stderr" | "debug"; readonly text: string }[];
  /** Present when the set of changed files differs from the last update's. */
  readonly changes?: readonly FileChange[];
  readonly problems?: readonly Problem[];
  readonly exit?: ExitView;
}

export interface ExitView {
  readonly reason: "exited" | "fault" | "stopped" | "limit" | "deadlock" | "unsupported-instruction";
  /** Unsigned 32-bit exit status. */
  readonly status: number;
  /** "STATUS_ACCESS_VIOLATION", or undefined for plain exit codes. */
  readonly statusName: string | undefined;
  /** One sentence: what this exit code means. */
  readonly meaning: string;
  readonly crash?: CrashView;
}

export interface CrashView {
  readonly title: string;
  readonly registers: readonly { readonly name: string; readonly value: string }[];
  readonly disassembly: readonly {
    readonly address: string;
    readonly bytes: string;
    readonly text: string;
    readonly current: boolean;
  }[];
  readonly stack: readonly { readonly address: string; readonly value: string; readonly symbol: string }[];
  /** module+offset of the faulting instruction. */
  readonly location: string;
}

export interface FileChange {
  readonly path: string;
  readonly change: "created" | "modified" | "deleted";
  readonly size: number;
  readonly directory: boolean;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly directory: boolean;
  readonly size: number;
  /** Against the image; `contains` marks a directory below which something changed. */
  readonly change: "created" | "modified" | "deleted" | "contains" | undefined;
}

export interface Summary {
  readonly calls: readonly {
    readonly name: string;
    readonly count: number;
    readonly errors: number;
    readonly unimplemented: boolean;
  }[];
  readonly modules: readonly ModuleView[];
  readonly files: readonly FileChange[];
  readonly profile: RunProfile;
}

export interface ModuleView {
  readonly name: string;
  readonly path: string;
  readonly base: string;
  readonly size: number;
}

export interface ImageProgress {
  readonly image: ImageName;
  readonly phase: "download" | "unpack" | "ready";
  readonly loaded: number;
  readonly total: number;
}

/** Comlink interface. Every method rejects with an Error whose message is a readable sentence. */
export interface SandboxWorker {
  /** Fetches the image (from the browser's storage when it is there). Idempotent. */
  loadImage(image: ImageName, onProgress: (progress: ImageProgress) => void): Promise<void>;
  /** Reads the program's headers. Rejects with the loader's sentence for what is no x86-64 Windows program. */
  inspect(name: string, bytes: Uint8Array): Promise<ProgramInfo>;
  /** Replaces the session. The program stands before its first instruction. */
  load(options: SessionOptions, onUpdate: (update: SessionUpdate) => void): Promise<void>;
  run(): Promise<void>;
  pause(): Promise<void>;
  /** Runs to the end of the next system call. */
  step(): Promise<void>;
  stop(): Promise<void>;
  /** Text typed into the console; `undefined` closes standard input. */
  type(text: string | undefined): Promise<void>;

  /** Sets the filter (src/sandbox/trace/filter.ts: `name:Nt*File status:error path:… tid:8 free text`). Returns the number of matching rows. */
  setFilter(text: string): Promise<number>;
  /** Rows of the filtered trace, `start` counted among the matching ones. */
  rows(start: number, count: number): Promise<readonly TraceRow[]>;
  /** Position of an event among the matching rows, or of the next one after it. */
  indexOf(sequence: number): Promise<number>;
  detail(sequence: number): Promise<TraceDetail | undefined>;
  /** Values for the filter's facets with their counts. */
  facets(): Promise<{
    readonly names: readonly [string, number][];
    readonly families: readonly [string, number][];
    readonly threads: readonly [number, number][];
  }>;
  summary(): Promise<Summary>;

  list(path: string): Promise<readonly DirectoryEntry[]>;
  /** Contents of a file as the guest sees it now; rejects for directories and missing files. */
  read(path: string): Promise<Uint8Array>;
  /** The trace as a file. */
  export(format: "text" | "jsonl" | "csv"): Promise<Uint8Array>;
  /** Answers at once; the page uses it to see that the worker is alive. */
  ping(): Promise<void>;
}
