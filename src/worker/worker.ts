/** The web worker: one Sandbox behind the page's interface. Runs in slices and answers between them. */
import * as Comlink from "comlink";
import { warmUp } from "../../emulator/warm-up.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { MemoryLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
import { checkProgram, importsOf, parsePe, toolchainOf } from "../../kernel-shim/pe/index.ts";
import { Disassembler } from "../sandbox/disassembler.ts";
import { workDirectory } from "../sandbox/options.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { TimedCpu } from "../sandbox/timed-cpu.ts";
import { traceHeader, traceLine } from "../sandbox/trace/sinks.ts";
import { detailOf } from "../sandbox/trace/render.ts";
import { createChosenCpu } from "./cpu-choice.ts";
import { folderImage } from "./folder-image.ts";
import { loadImageLayer } from "./image-store.ts";
import type { SandboxWorker } from "./interface.ts";
import { Session } from "./session.ts";
import { listDirectory, readFile } from "./volume-view.ts";

let wine: Promise<Layer> | undefined;
let disassembler: Disassembler | undefined;
let session: Session | undefined;

function current(): Session {
  if (!session) throw new Error("No program is loaded.");
  return session;
}

/** Everything is here: whatever the guest may find a way to, it is not the network. Until then the CSP alone stands guard. */
function dropNetwork(): void {
  for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "importScripts", "eval"]) {
    Object.defineProperty(self, name, { value: undefined, writable: false, configurable: false });
  }
}

const api: SandboxWorker = {
  async loadImage(image, onProgress) {
    if (image !== "wine") return;
    wine ??= loadImageLayer(new URL("/images/wine/", self.location.origin), onProgress);
    try {
      await wine;
      disassembler ??= await Disassembler.load().catch(() => undefined);
      dropNetwork();
    } catch (error) {
      wine = undefined;
      throw error;
    }
  },

  inspect(_name, bytes) {
    const image = parsePe(bytes);
    checkProgram(image);
    const { language, linker, compiler } = toolchainOf(image);
    const protection = (bits: number) =>
      `${bits & 0x4000_0000 ? "r" : "-"}${bits & 0x8000_0000 ? "w" : "-"}${bits & 0x2000_0000 ? "x" : "-"}`;
    return Promise.resolve({
      size: bytes.length,
      toolchain: language ?? (compiler?.startsWith("GCC") ? "MinGW" : linker),
      subsystem: ["", "native", "GUI", "console"][image.headers.subsystem] ?? String(image.headers.subsystem),
      imports: importsOf(image).map(({ module, functions }) => ({ module, functions: functions.length })),
      sections: image.sections.map((section) => ({
        name: section.name,
        address: section.virtualAddress,
        size: section.virtualSize,
        protection: protection(section.characteristics),
      })),
    });
  },

  async load(options, onUpdate) {
    session?.dispose();
    session = undefined;
    const path = `${workDirectory}\\${options.name.replace(/[\\/:*?"<>|]/g, "_")}`;
    const files = new MemoryLayer("given", [
      ...options.files.map((file) => [file.path.replace(/^[A-Za-z]:\\/, ""), file.bytes] as const),
      [path.slice(3), options.bytes] as const,
    ]);
    const layers: Layer[] = [files];
    if (options.image === "wine") {
      if (!wine) throw new Error("The image is not loaded yet.");
      layers.push(await wine);
    }
    if (options.image === "folder") {
      if (!options.folder) throw new Error("No folder was chosen as the image.");
      layers.push(folderImage(options.folder));
    }
    const begin = performance.now();
    const engine = await createChosenCpu(options);
    const cpu = new TimedCpu(engine, performance.now() - begin);
    const sandbox = new Sandbox({
      cpu,
      layers,
      program: path,
      commandLine: `${/\s/.test(path) ? `"${path}"` : path}${options.arguments === "" ? "" : ` ${options.arguments}`}`,
      environment: options.environment,
      stdin: options.stdin === undefined ? undefined : new TextEncoder().encode(options.stdin),
      limits: { instructions: options.limits.instructions },
    });
    const loadTime = performance.now() - begin;
    session = new Session(sandbox, cpu, loadTime, options.limits.seconds * 1000, onUpdate, () => disassembler);
    session.report("ready");
  },

  run: () => Promise.resolve(current().start()),
  pause: () => Promise.resolve(current().pause()),
  step: () => current().step(),
  stop: () => Promise.resolve(current().stop()),
  type: (text) => Promise.resolve(current().type(text)),

  setFilter: (text) => Promise.resolve(current().setFilter(text)),
  rows: (start, count) => Promise.resolve(current().rows(start, count)),
  indexOf: (sequence) => Promise.resolve(current().indexOf(sequence)),
  detail(sequence) {
    const { trace } = current().sandbox;
    return Promise.resolve(sequence < trace.length ? detailOf(trace, sequence) : undefined);
  },
  facets: () => Promise.resolve(current().facets()),
  summary: () => Promise.resolve(current().summary()),
  list: (path) => Promise.resolve(listDirectory(current().sandbox, path)),
  read: (path) => Promise.resolve(readFile(current().sandbox, path)),
  export(format) {
    const { trace } = current().sandbox;
    let text = traceHeader(format);
    for (let sequence = 0; sequence < trace.length; sequence++) text += traceLine(trace, sequence, format);
    return Promise.resolve(new TextEncoder().encode(text));
  },
  ping: () => Promise.resolve(),
};

Comlink.expose(api);

/** Until a program is there, the time between messages is the engine's. */
const steps = warmUp();
function warm(): void {
  try {
    if (session || steps.next().done) steps.return();
    else setTimeout(warm);
  } catch {
    // The host has no memory for it; whoever loads a program is told.
  }
}
setTimeout(warm);
