/** Calls of system services with arguments that no honest program passes, made by a guest's own SYSCALL instructions. */
import { Register } from "../../../emulator/context.ts";
import { createCpu } from "../../../emulator/engine.ts";
import { ntstatus } from "../../../kernel-shim/abi/ntstatus.ts";
import type { Process } from "../../../kernel-shim/process-manager/process.ts";
import { serviceFamilies } from "../../../kernel-shim/system-services/index.ts";
import { samples } from "../../../samples/index.ts";
import type { SandboxOptions } from "../../../src/sandbox/options.ts";
import { Sandbox, type SandboxSnapshot } from "../../../src/sandbox/sandbox.ts";
import { Random } from "../../hardware/random.ts";
import { sampleOptions, tiers, traceOf } from "../../support/sample-run.ts";
import { fillArena, SLOT_SIZE, SLOTS, wildArgument, type Arena } from "./wild-arguments.ts";

const MEM_COMMIT_RESERVE = 0x3000;
const PAGE_EXECUTE_READWRITE = 0x40;
/** SYSCALL; JMP back to it. */
const CALL = [0x0f, 0x05, 0xeb, 0xfc];
/** Events of the program before it turns hostile. */
const HONEST_EVENTS = 150;
/** Instructions in which a call comes back that does not wait. */
const STEP = 20_000;
const CALLS_PER_RUN = 40;
/** Calls of each service that makes handles, before. */
const COLLECTING = 12;

export const services = Object.values(serviceFamilies).flat();

/** What a call did to us that none may do. */
export interface Finding {
  readonly call: string;
  readonly error: unknown;
}

export interface Summary {
  readonly findings: readonly Finding[];
  /** How often calls ended with each status, and runs for each reason. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly ends: ReadonlyMap<string, number>;
}

/** Object types that a service took a handle of, learned as calls go. */
type Accepted = Map<string, Set<string>>;

/** A program amid its work, which then calls whatever it can. */
export class HostileGuest {
  readonly #snapshot: SandboxSnapshot;
  readonly #base: number;
  readonly #stack: number;
  readonly #accepted: Accepted = new Map();
  /** A call that takes longer is a finding: milliseconds. */
  readonly #patience: number;

  constructor(patience: number) {
    this.#patience = patience;
    const sandbox = new Sandbox(options());
    while (sandbox.trace.length < HONEST_EVENTS)
      if (sandbox.step(1_000_000).reason === "ended") throw new Error("the program ended too early");
    const process = mainProcess(sandbox);
    const size = SLOTS * SLOT_SIZE + services.length * CALL.length;
    this.#base = process.virtualMemory.allocate(0, size, MEM_COMMIT_RESERVE, PAGE_EXECUTE_READWRITE).base;
    const [thread] = process.livingThreads;
    this.#stack = thread.context.getNumber(Register.RSP) - 0x1000;
    services.forEach(({ name }, index) => {
      process.memory.poke(this.#codeOf(index), Uint8Array.from(CALL));
      process.stubs.push({ address: this.#codeOf(index), size: CALL.length, service: name });
    });
    for (const object of [process, thread]) process.handles.insert(object, 0x1f_ffff);
    this.#collectHandles(sandbox);
    this.#snapshot = sandbox.snapshot();
    sandbox.dispose();
  }
  #codeOf(index: number): number {
    return this.#base + SLOTS * SLOT_SIZE + index * CALL.length;
  }
  /** Objects of many types to pass to calls. */
  #collectHandles(sandbox: Sandbox): void {
    const random = new Random(1);
    const makers = services.flatMap(({ name }, index) =>
      /^Nt(Create|Open)/.test(name) && !/Thread|Process/.test(name) ? Array<number>(COLLECTING).fill(index) : [],
    );
    for (const index of makers) if (!this.#callOne(sandbox, random, index)) return;
  }

  /** Undefined: no thread can call. */
  #callOne(sandbox: Sandbox, random: Random, index: number): Called | undefined {
    const process = mainProcess(sandbox);
    const thread = process.livingThreads.find(({ pendingCall, state }) => !pendingCall && state === "ready");
    if (!thread) return undefined;
    const { name, parameters } = services[index];
    const handles = [...process.handles].map(([handle, { object }]) => ({ handle, type: object.type.name }));
    const accepted = this.#accepted.get(name);
    const fitting = accepted && random.below(4) ? handles.filter(({ type }) => accepted.has(type)) : [];
    const arena: Arena = {
      memory: process.memory,
      base: this.#base,
      handles: (fitting.length ? fitting : handles).map(({ handle }) => handle),
      landmarks: [this.#base, this.#stack, process.peb, process.entries?.base ?? 0, 0x7ffe_0000],
    };
    fillArena(random, arena);
    const args = parameters.map(([, { typeName }]) => wildArgument(random, arena, typeName));
    const { context } = thread;
    context.rip = this.#codeOf(index);
    context.setNumber(Register.RSP, this.#stack);
    [Register.R10, Register.RDX, Register.R8, Register.R9].forEach((register, i) =>
      context.set(register, args[i] ?? 0n),
    );
    const above = new DataView(new ArrayBuffer(0x80));
    args.slice(4).forEach((value, i) => above.setBigUint64(i * 8, value, true));
    process.memory.poke(this.#stack + 0x28, new Uint8Array(above.buffer));
    const call = `${name}(${args.map((one) => `0x${one.toString(16)}`).join(", ")})`;
    const passed = handles.find(({ handle }) => BigInt(handle) === args[0])?.type;
    const events = sandbox.trace.length;
    const started = performance.now();
    let error: unknown;
    let stop: string | undefined;
    try {
      stop = sandbox.step(STEP).reason;
      traceOf(sandbox, events);
    } catch (thrown) {
      error = thrown;
    }
    const took = performance.now() - started;
    if (!error && took > this.#patience) error = new Error(`it took ${Math.round(took)} ms`);
    const status = context.getLow32(Register.RAX) >>> 0;
    if (passed && status !== ntstatus.STATUS_OBJECT_TYPE_MISMATCH) {
      const known = this.#accepted.get(name);
      if (known) known.add(passed);
      else this.#accepted.set(name, new Set([passed]));
    }
    return { call, error, status, stop };
  }

  /** Runs from `seed`, each of some calls, until every service whose name `chosen` matches was called `rounds` times. */
  call(seed: number, rounds: number, chosen = /^/): Summary {
    const random = new Random(seed);
    const indices = services.flatMap(({ name }, index) => (chosen.test(name) ? Array<number>(rounds).fill(index) : []));
    shuffle(random, indices);
    const findings: Finding[] = [];
    const statuses = new Map<number, number>();
    const ends = new Map<string, number>();
    while (indices.length) {
      const sandbox = Sandbox.restore(this.#snapshot, options());
      let end: string | undefined;
      let said = "";
      try {
        for (let count = 0; count < CALLS_PER_RUN && indices.length && !end; count++) {
          const called = this.#callOne(sandbox, random, indices[indices.length - 1]);
          if (called) {
            indices.pop();
            said = called.call;
            statuses.set(called.status, (statuses.get(called.status) ?? 0) + 1);
            if (called.error) findings.push({ call: said, error: called.error });
          }
          const stop = called ? called.stop : sandbox.step(STEP).reason;
          if (stop === "ended") end = sandbox.exit?.reason;
          else if (stop === "input" || stop === undefined) end = stop ?? "error";
        }
        sandbox.snapshot();
      } catch (error) {
        findings.push({ call: said, error });
      }
      ends.set(end ?? "calls", (ends.get(end ?? "calls") ?? 0) + 1);
      sandbox.dispose();
    }
    return { findings, statuses, ends };
  }
}

interface Called {
  readonly call: string;
  readonly status: number;
  readonly error: unknown;
  readonly stop: string | undefined;
}

function options(): SandboxOptions {
  const sample = samples.find(({ id }) => id === "threads");
  if (!sample) throw new Error("the sample is missing");
  const cpu = createCpu({ level: 3, translateAfter: tiers.default, seed: 1 });
  return { ...sampleOptions(sample, cpu), limits: { memory: 2 ** 28, fileBytes: 2 ** 26, files: 1000 } };
}
function mainProcess({ machine }: Sandbox): Process {
  if (!machine.mainProcess) throw new Error("there is no process");
  return machine.mainProcess;
}
function shuffle(random: Random, values: number[]): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
}
