/**
 * A worker that pretends, for the page's tests: what it does depends on the program's name. `big` makes 100,000 events, `huge` ten
 * million, `loop` runs until it is stopped, `hang` never answers again, `die` throws, `crash` faults, `input` reads a line.
 */
import * as Comlink from "comlink";
import { parseFilter, type FilterTarget } from "../../src/sandbox/trace/filter.ts";
import type {
  Counters,
  DirectoryEntry,
  ExitView,
  FileChange,
  Problem,
  RunState,
  SandboxWorker,
  SessionOptions,
  SessionUpdate,
  TraceRow,
} from "../../src/worker/interface.ts";
import { crash } from "./fake-crash.ts";
import { fakeDetail, fakeRow, greeting } from "./fake-trace.ts";

const totals: Readonly<Record<string, number>> = { big: 100_000, huge: 10_000_000, loop: 1_000_000_000 };
const tick = 20;

let options: SessionOptions | undefined;
let send: (update: SessionUpdate) => void = () => undefined;
let state: RunState = "empty";
let events = 0;
let wallTime = 0;
let filter = "";
let matching: number[] | undefined;
let filtered = 0;
let timer: ReturnType<typeof setInterval> | undefined;
let hanging: ReturnType<typeof setTimeout> | undefined;
let output: SessionUpdate["console"][number][] = [];
let exit: ExitView | undefined;
let problems: Problem[] = [];

const scenario = () => (options?.name ?? "").replace(/\.exe$/i, "").toLowerCase();
const total = () => totals[scenario()] ?? 412;

function row(index: number): TraceRow {
  return fakeRow(index, total());
}

function brushUpFilter(): void {
  const test = parseFilter(filter);
  if (test === undefined) {
    matching = undefined;
    return;
  }
  matching ??= [];
  for (; filtered < Math.min(events, 200_000); filtered++) {
    const candidate = row(filtered);
    const seen: FilterTarget = { ...candidate, text: () => candidate.summary };
    if (test(seen)) matching.push(filtered);
  }
}

function changes(): readonly FileChange[] {
  if (events < total() - 2) return [];
  const file: FileChange = { path: "C:\\testfile.txt", change: "created", size: greeting.length, directory: false };
  if (scenario() !== "files") return [file];
  return [
    { path: "C:\\work", change: "created", size: 0, directory: true },
    { path: "C:\\work\\title.txt", change: "created", size: greeting.length, directory: false },
    { path: "C:\\windows\\win.ini", change: "modified", size: 92, directory: false },
    { path: "C:\\windows\\system.ini", change: "deleted", size: 219, directory: false },
  ];
}

function counters(): Counters {
  brushUpFilter();
  const instructions = events * 1_337;
  return { virtualTime: events * 0.0137, wallTime, instructions, events, matching: matching?.length ?? events };
}

function update(next: RunState): void {
  state = next;
  send({
    state,
    counters: counters(),
    console: output,
    changes: changes(),
    problems,
    ...(exit === undefined ? {} : { exit }),
  });
  output = [];
}

function advance(by: number): void {
  const before = events;
  events = Math.min(total(), events + by);
  wallTime += tick;
  const unimplemented = events >= 8 ? Math.floor(events / 11) : 0;
  if (unimplemented > 0) {
    problems = [
      {
        kind: "unimplemented",
        title: "NtQueryInformationProcess(ProcessCookie) is not implemented",
        text: "The program got STATUS_NOT_IMPLEMENTED and went on. What depends on the cookie, such as encoded pointers, may differ.",
        event: 8,
        count: unimplemented,
      },
    ];
  }
  if (before < 100 && events >= 100) output.push({ stream: "stdout", text: "Hello, world!\r\nreals: 3.14159\r\n" });
  if (scenario() === "input" && before < 200 && events >= 200) {
    output.push({ stream: "stdout", text: "What is your name? " });
    halt("waiting-for-input");
    return;
  }
  if (events === total()) finish();
}

function finish(): void {
  if (scenario() === "crash") {
    output.push({ stream: "stderr", text: "Unhandled exception\r\n" });
    exit = {
      reason: "fault",
      status: 0xc0000005,
      statusName: "STATUS_ACCESS_VIOLATION",
      meaning: "The program wrote to address 0x10, where nothing is mapped, and nobody handled the exception.",
      crash,
    };
    problems = [
      ...problems,
      { kind: "fault", title: "Access violation writing 0x10", text: exit.meaning, event: total() },
    ];
  } else {
    exit = { reason: "exited", status: 0, statusName: undefined, meaning: "The program reports success." };
  }
  halt("exited");
}

function halt(next: RunState): void {
  clearInterval(timer);
  timer = undefined;
  update(next);
}

function folder(path: string): readonly DirectoryEntry[] {
  const directory = (name: string, change?: DirectoryEntry["change"]) => ({ name, directory: true, size: 0, change });
  const file = (name: string, size: number, change?: DirectoryEntry["change"]) => ({
    name,
    directory: false,
    size,
    change,
  });
  const changed = new Map(changes().map((change) => [change.path, change.change]));
  switch (path.toLowerCase()) {
    case "c:\\":
      return [
        directory("windows", changed.has("C:\\windows\\win.ini") ? "contains" : undefined),
        directory("Program Files"),
        directory("users"),
        directory("w"),
        ...(changed.has("C:\\work") ? [directory("work", "created")] : []),
        ...(changed.has("C:\\testfile.txt") ? [file("testfile.txt", greeting.length, "created")] : []),
      ];
    case "c:\\windows":
      return [
        directory("system32"),
        directory("globalization"),
        file("win.ini", 92, changed.get("C:\\windows\\win.ini")),
        file("notes with a rather long name that does not fit.txt", 4_000),
      ];
    case "c:\\windows\\system32":
      return Array.from({ length: 690 }, (_, index) => file(`library-${index}.dll`, 30_000 + index * 971));
    case "c:\\work":
      return [file("title.txt", greeting.length, "created")];
    case "c:\\w":
      return [
        file(options?.name ?? "program.exe", options?.bytes.length ?? 0),
        ...(options?.files ?? []).map((f) => file(f.path.slice(5), f.bytes.length)),
      ];
    default:
      return [];
  }
}

const worker: SandboxWorker = {
  async loadImage(image, onProgress) {
    if (image === "scratch") return;
    const total = 4_300_000;
    for (let loaded = 0; loaded <= total; loaded += total / 4) {
      onProgress({ image, phase: "download", loaded, total });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  async inspect(name, bytes) {
    if (bytes[0] !== 0x4d || bytes[1] !== 0x5a) {
      throw new Error(
        `${name} is no Windows program: it does not start with the letters MZ. Choose an .exe for x86-64.`,
      );
    }
    return {
      size: bytes.length,
      toolchain: "MinGW",
      subsystem: "console",
      imports: [
        { module: "KERNEL32.dll", functions: 23 },
        { module: "msvcrt.dll", functions: 41 },
      ],
      sections: [
        { name: ".text", address: 0x1000, size: 8_240, protection: "r-x" },
        { name: ".data", address: 0x4000, size: 224, protection: "rw-" },
        { name: ".rdata", address: 0x5000, size: 1_392, protection: "r--" },
        { name: ".idata", address: 0x9000, size: 2_012, protection: "rw-" },
      ],
    };
  },
  async load(given, onUpdate) {
    clearInterval(timer);
    options = given;
    send = onUpdate;
    events = wallTime = filtered = 0;
    filter = "";
    matching = undefined;
    output = [];
    exit = undefined;
    problems = [];
    if (scenario() === "missing") {
      throw new Error("missing.exe imports KERNEL32.dll, and the image scratch has no DLLs. Run it with wine.");
    }
    update("ready");
  },
  async run() {
    if (scenario() === "die") {
      setTimeout(() => {
        throw new Error("The engine ran out of memory.");
      });
    }
    update("running");
    if (scenario() === "hang") {
      advance(150);
      update("running");
      hanging = setTimeout(() => {
        for (;;);
      }, 100);
      return;
    }
    timer ??= setInterval(() => {
      advance(Math.max(40, Math.ceil(Math.min(total(), 10_000_000) / 40)));
      if (timer !== undefined) update("running");
    }, tick);
  },
  async pause() {
    halt("paused");
  },
  async step() {
    advance(1);
    if (exit === undefined) update("paused");
  },
  async stop() {
    clearTimeout(hanging);
    exit = { reason: "stopped", status: 0, statusName: undefined, meaning: "You stopped the program." };
    halt("stopped");
  },
  async type(text) {
    output.push({ stream: "stdout", text: `Hello, ${text?.trim() ?? "nobody"}!\r\n` });
    if (state === "waiting-for-input") await worker.run();
  },
  async setFilter(text) {
    filter = text;
    matching = undefined;
    filtered = 0;
    brushUpFilter();
    return matching === undefined ? events : (matching as number[]).length;
  },
  async rows(start, count) {
    const end = Math.min(start + count, matching?.length ?? events);
    return Array.from({ length: Math.max(0, end - start) }, (_, i) => row(matching?.[start + i] ?? start + i));
  },
  async indexOf(sequence) {
    if (matching === undefined) return sequence - 1;
    const position = matching.findIndex((index) => index >= sequence - 1);
    return position < 0 ? matching.length : position;
  },
  async detail(sequence) {
    return sequence <= events ? fakeDetail(row(sequence - 1)) : undefined;
  },
  async facets() {
    const names = new Map<string, number>();
    const families = new Map<string, number>();
    for (let index = 0; index < Math.min(events, 20_000); index++) {
      const { name, family } = row(index);
      names.set(name, (names.get(name) ?? 0) + 1);
      families.set(family, (families.get(family) ?? 0) + 1);
    }
    const ranked = (counts: Map<string, number>) => [...counts].sort((a, b) => b[1] - a[1]);
    return {
      names: ranked(names),
      families: ranked(families),
      threads: [
        [8, events - 4],
        [12, 4],
      ],
    };
  },
  async summary() {
    const { names } = await worker.facets();
    return {
      calls: names.map(([name, count]) => ({
        name,
        count,
        errors: name === "NtOpenKey" ? count : 0,
        unimplemented: name === "NtQueryInformationProcess",
      })),
      modules: [
        { name: options?.name ?? "", path: `C:\\w\\${options?.name}`, base: "0x0000000140000000", size: 60_000 },
        { name: "ntdll.dll", path: "C:\\windows\\system32\\ntdll.dll", base: "0x00007ffb00000000", size: 700_000 },
        {
          name: "kernel32.dll",
          path: "C:\\windows\\system32\\kernel32.dll",
          base: "0x00007ffb10000000",
          size: 390_000,
        },
      ],
      files: changes(),
      profile: {
        times: [
          { name: "Executing", milliseconds: wallTime * 0.6 },
          { name: "Translating", milliseconds: wallTime * 0.1 },
          { name: "System services and trace", milliseconds: wallTime * 0.3 },
        ],
        instructions: counters().instructions,
        engine: {
          translated: Math.floor(counters().instructions * 0.9),
          blocks: 4_321,
          kept: 900,
          regions: 123,
          handlers: 456,
          exits: [{ reason: "for an access that is not direct", count: 7_890 }],
        },
      },
    };
  },
  async list(path) {
    return folder(path);
  },
  async read(path) {
    if (path.endsWith(".txt") && changes().length > 0) return greeting;
    if (path.endsWith(".ini"))
      return new TextEncoder().encode("; for 16-bit app support\r\n[fonts]\r\n[extensions]\r\n[mci extensions]\r\n");
    if (path.endsWith(".dll"))
      return Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
    throw new Error(`${path} does not exist.`);
  },
  async export(format) {
    return new TextEncoder().encode(`${format} of ${events} events\n`);
  },
  async ping() {},
};

Comlink.expose(worker);
