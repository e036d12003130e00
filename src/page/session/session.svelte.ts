import { proxy } from "comlink";
import type {
  Counters,
  ExitView,
  ImageName,
  ImageProgress,
  Problem,
  ProgramInfo,
  RunState,
  SessionUpdate,
  Summary,
} from "../../worker/interface.ts";
import { ConsoleLog } from "../console/console-log.svelte.ts";
import { FileTree } from "../files/file-tree.svelte.ts";
import { sentence } from "../format.ts";
import { TraceRows } from "../trace/trace-rows.svelte.ts";
import { Connection, EngineLost } from "./connection.svelte.ts";
import type { Launch } from "./launch.ts";

const none: Counters = { virtualTime: 0, wallTime: 0, instructions: 0, events: 0, matching: 0 };
const patience = 1000;
/** For how long a program that is opened waits for an engine that may only be busy. */
const openingPatience = 5000;

/** One program's run, as far as the page knows it. */
export class Session {
  readonly connection = new Connection((reason) => this.#lose(reason));
  readonly trace = new TraceRows(this.connection);
  readonly files = new FileTree(this.connection);
  readonly console = new ConsoleLog();
  launch = $state.raw<Launch | undefined>();
  program = $state.raw<ProgramInfo | undefined>();
  state = $state<RunState>("empty");
  stopping = $state(false);
  counters = $state.raw<Counters>(none);
  problems = $state.raw<readonly Problem[]>([]);
  exit = $state.raw<ExitView | undefined>();
  summary = $state.raw<Summary | undefined>();
  /** Loading the image; undefined when nothing is under way. */
  progress = $state.raw<ImageProgress | undefined>();
  /** Why the run could not start or go on, in a sentence. */
  failure = $state<string | undefined>();
  readonly active = $derived(this.state === "running" || this.state === "paused" || this.state === "waiting-for-input");
  readonly busy = $derived(this.active || this.state === "loading");
  /** Called when the run has ended by itself or was stopped, and its summary is there. */
  onEnd: () => void = () => undefined;
  #token = 0;
  #summaryAge = 0;

  /** Reads the headers; rejects with the loader's sentence. A worker that hangs is ended: a fresh one answers. */
  async inspect(name: string, bytes: Uint8Array): Promise<ProgramInfo> {
    if (!(await this.connection.answersWithin(openingPatience)))
      this.connection.end("The engine did not answer and was ended.");
    return this.connection.ask((sandbox) => sandbox.inspect(name, bytes));
  }

  /** Replaces the session. `first` is what happens once the program is loaded. */
  async start(launch: Launch, program: ProgramInfo, first: "run" | "step" | "wait"): Promise<void> {
    if (this.active) await this.stop();
    const token = ++this.#token;
    this.#reset(launch, program);
    try {
      await this.loadImage(launch);
      if (token !== this.#token) return;
      const { title: _title, sample: _sample, ...options } = launch;
      await this.connection.ask((sandbox) =>
        sandbox.load(
          options,
          proxy((update) => token === this.#token && this.#apply(update)),
        ),
      );
      if (token !== this.#token) return;
      this.connection.holdsSession = true;
      if (this.state === "loading") this.state = "ready";
      void this.files.list();
      await this.trace.restoreFilter();
      if (first !== "wait") await this.#command(first);
    } catch (error) {
      if (token !== this.#token || error instanceof EngineLost) return;
      this.failure = sentence(error);
      this.state = "failed";
      this.progress = undefined;
    }
  }

  /** Brings an image before anybody asks for it; what goes wrong is told when it is needed. */
  async prefetchImage(image: ImageName): Promise<void> {
    try {
      await this.connection.ask((sandbox) =>
        sandbox.loadImage(
          image,
          proxy(() => undefined),
        ),
      );
    } catch {
      // The next load asks again.
    }
  }

  async loadImage(launch: Pick<Launch, "image">): Promise<void> {
    await this.connection.ask((sandbox) =>
      sandbox.loadImage(
        launch.image,
        proxy((progress) => (this.progress = progress)),
      ),
    );
    this.progress = undefined;
  }

  run(): Promise<void> {
    return this.#command("run");
  }

  pause(): Promise<void> {
    return this.#command("pause");
  }

  step(): Promise<void> {
    return this.#command("step");
  }

  /** Asks the worker to stop; a worker that says nothing for a second is ended, and what it had sent is kept. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    if (this.state === "loading") {
      this.#token++;
      this.progress = undefined;
      this.state = "stopped";
      return;
    }
    this.stopping = true;
    const stopped = this.connection.ask((sandbox) => sandbox.stop());
    stopped.catch(() => undefined);
    try {
      while (this.busy && !(await settlesWithin(stopped, patience))) {
        if (!(await this.connection.answersWithin(patience / 4))) {
          this.connection.end("The engine did not answer for a second and was ended.");
          break;
        }
      }
    } finally {
      this.stopping = false;
    }
  }

  async type(text: string | undefined): Promise<void> {
    if (text !== undefined) this.console.append("typed", `${text}\n`);
    await this.connection.ask((sandbox) => sandbox.type(text === undefined ? undefined : `${text}\r\n`));
  }

  async refreshSummary(): Promise<void> {
    if (!this.connection.holdsSession) return;
    const age = ++this.#summaryAge;
    try {
      const summary = await this.connection.ask((sandbox) => sandbox.summary());
      if (age === this.#summaryAge) this.summary = summary;
    } catch {
      // The last summary stays.
    }
  }

  async #command(name: "run" | "pause" | "step"): Promise<void> {
    try {
      await this.connection.ask((sandbox) => sandbox[name]());
    } catch (error) {
      if (error instanceof EngineLost) return;
      this.failure = sentence(error);
    }
  }

  #apply(update: SessionUpdate): void {
    const ended = !isFinal(this.state) && isFinal(update.state);
    this.connection.holdsSession = true;
    this.state = update.state;
    this.counters = update.counters;
    this.trace.grow(update.counters.matching);
    for (const { stream, text } of update.console) this.console.append(stream, text);
    if (update.problems !== undefined) this.problems = update.problems;
    if (update.exit !== undefined) this.exit = update.exit;
    if (update.changes !== undefined) void this.files.update(update.changes);
    if (ended) {
      void this.files.refresh();
      void this.refreshSummary().then(() => this.onEnd());
    }
  }

  #reset(launch: Launch, program: ProgramInfo): void {
    this.connection.holdsSession = false;
    this.launch = launch;
    this.program = program;
    this.state = "loading";
    this.counters = none;
    this.problems = [];
    this.exit = undefined;
    this.summary = undefined;
    this.failure = undefined;
    this.progress = undefined;
    this.trace.clear();
    this.files.clear();
    this.console.clear();
  }

  #lose(reason: string): void {
    this.#token++;
    this.progress = undefined;
    if (this.state === "empty" || isFinal(this.state)) return;
    this.state = this.stopping ? "stopped" : "failed";
    this.failure = `${reason} What it had sent until then is still here; run the program again to go on.`;
  }
}

function isFinal(state: RunState): boolean {
  return state === "exited" || state === "stopped" || state === "failed";
}

async function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), milliseconds)));
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, late]);
  clearTimeout(timer);
  return inTime;
}
