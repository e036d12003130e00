import type { CrashReport } from "../../kernel-shim/process-manager/crash-report.ts";
import type { Disassembler } from "../sandbox/disassembler.ts";
import { crashTitle, locationText } from "../sandbox/report.ts";
import { Pace } from "../sandbox/pace.ts";
import { runProfile } from "../sandbox/run-profile.ts";
import type { Sandbox, SandboxStop } from "../sandbox/sandbox.ts";
import type { TimedCpu } from "../sandbox/timed-cpu.ts";
import { parseFilter, type Filter } from "../sandbox/trace/filter.ts";
import { familyOf, isUnimplemented, rowOf, targetOf } from "../sandbox/trace/render.ts";
import type { CrashView, ExitView, Problem, RunState, SessionUpdate, Summary, TraceRow } from "./interface.ts";
import { fileChanges } from "./volume-view.ts";

/** After which the worker answers its messages. */
const SLICE_MS = 8;
const UPDATE_MS = 50;

/** A loaded program: runs it in slices, tells the page what is new, and answers for its trace. */
export class Session {
  readonly sandbox: Sandbox;
  #state: RunState = "ready";
  #wallTime = 0;
  #lastUpdate = 0;
  #inputEnded = false;
  #filter: Filter | undefined;
  /** Sequence numbers of the events that pass the filter, and how far the trace was looked at. */
  #matching: number[] = [];
  #looked = 0;
  #changes = "";
  readonly #cpu: TimedCpu;
  readonly #loadTime: number;
  readonly #timeLimit: number;
  readonly #onUpdate: (update: SessionUpdate) => void;
  readonly #disassembler: () => Disassembler | undefined;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  readonly #channel = new MessageChannel();
  readonly #pace = new Pace(SLICE_MS);

  /** `loadTime`: milliseconds that the making of `cpu` and `sandbox` took. */
  constructor(
    sandbox: Sandbox,
    cpu: TimedCpu,
    loadTime: number,
    timeLimit: number,
    onUpdate: (update: SessionUpdate) => void,
    disassembler: () => Disassembler | undefined,
  ) {
    this.sandbox = sandbox;
    this.#cpu = cpu;
    this.#loadTime = loadTime;
    this.#timeLimit = timeLimit;
    this.#onUpdate = onUpdate;
    this.#disassembler = disassembler;
    this.#channel.port1.onmessage = () => this.#slice();
  }

  start(): void {
    if (this.#state === "running" || this.sandbox.exit) return;
    this.report("running");
    this.#next();
  }
  pause(): void {
    if (this.#state === "running") this.report("paused");
  }
  async step(): Promise<void> {
    if (this.sandbox.exit) return;
    for (;;) {
      const begin = performance.now();
      const stop = this.sandbox.step(this.#pace.instructions);
      this.#wallTime += performance.now() - begin;
      if (stop.reason === "content") await stop.arrival;
      else if (stop.reason !== "slice") return this.#afterStop(stop, "paused");
    }
  }
  stop(): void {
    if (this.sandbox.exit) return;
    this.sandbox.end("stopped");
    this.report("stopped");
  }
  type(text: string | undefined): void {
    this.#inputEnded = text === undefined;
    this.sandbox.type(text === undefined ? undefined : new TextEncoder().encode(text.replace(/\r?\n/g, "\r\n")));
    if (this.#state === "waiting-for-input") this.start();
  }
  dispose(): void {
    this.#state = "stopped";
    this.#channel.port1.close();
    this.sandbox.dispose();
  }

  #next(): void {
    this.#channel.port2.postMessage(undefined);
  }
  #slice(): void {
    if (this.#state !== "running") return;
    const begin = performance.now();
    try {
      const stop = this.sandbox.run(this.#pace.instructions);
      const spent = performance.now() - begin;
      this.#wallTime += spent;
      if (stop.reason === "content") {
        void stop.arrival.then(() => this.#next());
        return;
      }
      if (stop.reason !== "slice") {
        this.#afterStop(stop, "running");
        return;
      }
      this.#pace.took(spent);
      if (this.#wallTime > this.#timeLimit) {
        this.sandbox.end("timeout");
        this.#afterStop({ reason: "ended" }, "running");
        return;
      }
      if (performance.now() - this.#lastUpdate >= UPDATE_MS) this.report("running");
      this.#next();
    } catch (error) {
      this.#fail(error);
    }
  }
  #afterStop(stop: SandboxStop, state: RunState): void {
    if (stop.reason === "ended") {
      const reason = this.sandbox.exit?.reason;
      this.report(reason === "exited" || reason === "fault" ? "exited" : reason === "stopped" ? "stopped" : "failed");
    } else if (stop.reason === "input" && !this.#inputEnded) {
      this.report("waiting-for-input");
    } else {
      this.report(state);
    }
  }
  #fail(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#state = "failed";
    this.#onUpdate({
      ...this.#update(),
      problems: [{ kind: "internal", title: "Ring 3 failed", text: `The sandbox itself failed: ${text}` }],
    });
  }

  report(state: RunState): void {
    this.#state = state;
    this.#lastUpdate = performance.now();
    this.#onUpdate(this.#update());
  }
  #update(): SessionUpdate {
    const changes = fileChanges(this.sandbox);
    const text = JSON.stringify(changes);
    const changed = text !== this.#changes;
    this.#changes = text;
    const { exit } = this.sandbox;
    const problems = this.#problems();
    return {
      state: this.#state,
      counters: {
        virtualTime: this.sandbox.virtualTimeMs,
        wallTime: this.#wallTime,
        instructions: this.sandbox.instructions,
        events: this.sandbox.trace.length,
        matching: this.#countMatching(),
      },
      console: this.sandbox
        .takeOutput()
        .map(({ stream, bytes }) => ({ stream, text: this.#decoders[stream].decode(bytes, { stream: true }) })),
      ...(changed && { changes }),
      ...(problems.length > 0 && { problems }),
      ...(exit && { exit: this.#exitView() }),
    };
  }
  #exitView(): ExitView {
    const { exit } = this.sandbox;
    if (!exit) throw new Error("the program has not ended");
    const { reason, status, statusName, meaning, crash } = exit;
    return {
      reason: reason === "timeout" ? "limit" : reason,
      status,
      statusName,
      meaning,
      ...(crash && { crash: crashView(crash, this.#disassembler()) }),
    };
  }
  #problems(): Problem[] {
    const problems: Problem[] = Object.entries(this.sandbox.unimplemented()).map(([name, count]) => ({
      kind: "unimplemented",
      title: name,
      text: `${name} is not implemented. The program was told so${count > 1 ? ` ${count} times` : ""}.`,
      count,
    }));
    const { exit } = this.sandbox;
    if (exit?.crash) problems.unshift({ kind: "fault", title: crashTitle(exit.crash), text: exit.meaning });
    else if (exit && exit.reason !== "exited" && exit.reason !== "stopped") {
      const kind = exit.reason === "unsupported-instruction" ? "unsupported-instruction" : "limit";
      problems.unshift({ kind, title: "The run ended early", text: exit.meaning });
    }
    for (const text of this.sandbox.limitMessages())
      problems.push({ kind: "limit", title: "A limit was reached", text });
    return problems;
  }

  setFilter(text: string): number {
    this.#filter = parseFilter(text);
    this.#matching = [];
    this.#looked = 0;
    return this.#countMatching();
  }
  #countMatching(): number {
    const { trace } = this.sandbox;
    if (!this.#filter) return trace.length;
    for (; this.#looked < trace.length; this.#looked++) {
      if (this.#filter(targetOf(trace, this.#looked))) this.#matching.push(this.#looked);
    }
    return this.#matching.length;
  }
  rows(start: number, count: number): TraceRow[] {
    const { trace } = this.sandbox;
    const end = Math.min(start + count, this.#countMatching());
    const rows: TraceRow[] = [];
    for (let i = Math.max(0, start); i < end; i++) rows.push(rowOf(trace, this.#filter ? this.#matching[i] : i));
    return rows;
  }
  indexOf(sequence: number): number {
    this.#countMatching();
    if (!this.#filter) return sequence;
    const index = this.#matching.findIndex((one) => one >= sequence);
    return index < 0 ? this.#matching.length : index;
  }
  facets() {
    const { trace } = this.sandbox;
    const names = new Map<string, number>();
    const families = new Map<string, number>();
    const threads = new Map<number, number>();
    const add = <K>(map: Map<K, number>, key: K) => map.set(key, (map.get(key) ?? 0) + 1);
    for (let sequence = 0; sequence < trace.length; sequence++) {
      const event = trace.get(sequence);
      add(names, event.name);
      add(families, familyOf(event));
      add(threads, event.thread);
    }
    const ranked = <K>(map: Map<K, number>): [K, number][] => [...map].sort((a, b) => b[1] - a[1]);
    return { names: ranked(names), families: ranked(families), threads: ranked(threads) };
  }
  summary(): Summary {
    const { traceState, trace } = this.sandbox;
    const lacking = new Set<string>();
    for (let sequence = 0; sequence < trace.length; sequence++) {
      const event = trace.get(sequence);
      if (isUnimplemented(event)) lacking.add(event.name);
    }
    return {
      calls: [...traceState.calls]
        .map(([name, { count, errors }]) => ({ name, count, errors, unimplemented: lacking.has(name) }))
        .sort((a, b) => b.count - a.count),
      modules: traceState.modules
        .filter(({ loaded }) => loaded)
        .map(({ name, path, base, size }) => ({ name, path, base: `0x${base.toString(16)}`, size })),
      files: fileChanges(this.sandbox),
      profile: runProfile(this.#cpu, this.#loadTime + this.#wallTime, this.sandbox.instructions),
    };
  }
}

function crashView(report: CrashReport, disassembler: Disassembler | undefined): CrashView {
  const hex = (value: bigint | number) => `0x${value.toString(16)}`;
  const bytesText = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const { address } = report.location;
  return {
    title: crashTitle(report),
    location: locationText(report.location),
    registers: Object.entries(report.registers).map(([name, value]) => ({
      name,
      value: value.toString(16).padStart(16, "0"),
    })),
    disassembly: (disassembler?.disassemble(report.instructionBytes, address, 6) ?? []).map((one) => ({
      address: hex(one.address),
      bytes: bytesText(one.bytes),
      text: one.text,
      current: one.address === address,
    })),
    stack: report.stack.map((one) => ({
      address: hex(one.address),
      value: one.value.toString(16).padStart(16, "0"),
      symbol: one.location ? locationText(one.location) : "",
    })),
  };
}
