import { createContext, flushSync } from "svelte";
import { MediaQuery } from "svelte/reactivity";
import type { GuestFile } from "../../worker/interface.ts";
import { folderOf, guestPath, type NamedFile } from "../files/dropped-files.ts";
import { sentence } from "../format.ts";
import { LaunchDraft } from "../launch/launch-draft.svelte.ts";
import { Samples, type Sample } from "../samples/samples.svelte.ts";
import { isProgramName, launchOf, type Launch } from "../session/launch.ts";
import { Session } from "../session/session.svelte.ts";
import { Theme } from "./theme.svelte.ts";

export const places = ["files", "trace", "event", "dock"] as const;
export type Place = (typeof places)[number];
export type DockTab = "console" | "summary" | "modules" | "profile" | "problems" | "crash";
export type DialogName = "launch" | "help" | "palette";

/** What the window shows, and what the user can do that concerns more than one place in it. */
export class Application {
  readonly session = new Session();
  readonly samples = new Samples();
  readonly draft = new LaunchDraft();
  readonly theme = new Theme();
  readonly compact = new MediaQuery("(max-width: 899px)");
  screen = $state<"home" | "workspace">("home");
  dialog = $state<DialogName | undefined>();
  dockTab = $state<DockTab>("console");
  /** The place that is in view on a small screen. */
  place = $state<Place>("trace");
  /** A failure that belongs to no run: a dropped file that is no program, a sample that cannot be fetched. */
  notice = $state<string | undefined>();
  /** What is being opened, before its session exists. */
  opening = $state<string | undefined>();

  constructor() {
    this.session.onEnd = () => this.#afterRun();
  }

  /** What can wait until the page stands: small programs and the image that nearly everything needs. Returns the clean-up. */
  afterPaint(): () => void {
    const timer = setTimeout(() => {
      void this.samples.prefetch();
      void this.session.prefetchImage("wine");
    }, 300);
    return () => clearTimeout(timer);
  }

  /** Takes dropped or chosen files: the first program is run, everything else lies beside it in `C:\w`. */
  async openFiles(files: readonly NamedFile[]): Promise<void> {
    this.notice = undefined;
    if (files.length === 0) return;
    if (this.dialog === "launch") {
      await this.#addFiles(files);
      return;
    }
    const program = programOf(files) ?? (files.length === 1 ? files[0] : undefined);
    if (program === undefined) {
      this.notice =
        "None of these files is a program. Drop an .exe, alone or together with the files it needs, or their folder.";
      return;
    }
    const { file } = program;
    if (this.session.launch !== undefined && !isProgramName(file.name) && !(await startsWithMZ(file))) {
      this.editLaunch();
      await this.#addFiles(files);
      return;
    }
    await this.#open(file.name, async () => ({
      ...launchOf(file.name, await bytesOf(file)),
      files: await guestFiles(
        files.filter((other) => other !== program),
        folderOf(program.path),
      ),
    }));
  }
  /** To the run form. */
  async #addFiles(files: readonly NamedFile[]): Promise<void> {
    try {
      this.draft.addFiles(await guestFiles(files, ""));
    } catch (error) {
      this.notice = sentence(error);
    }
  }

  async openSample(sample: Sample): Promise<void> {
    await this.#open(sample.title, () => this.samples.launch(sample));
  }

  async #open(title: string, prepare: () => Promise<Launch>): Promise<void> {
    if (this.opening !== undefined) return;
    this.notice = undefined;
    this.opening = title;
    try {
      const launch = await prepare();
      const program = await this.session.inspect(launch.name, launch.bytes);
      this.screen = "workspace";
      this.session.trace.filter = "";
      this.#begin();
      void this.session.start(launch, program, "run");
    } catch (error) {
      this.notice = sentence(error);
    } finally {
      this.opening = undefined;
    }
  }

  /** Starts the run, goes on with it, or starts it again: what the big button says. */
  async runOrPause(): Promise<void> {
    const { session } = this;
    if (session.state === "running" || session.state === "waiting-for-input") await session.pause();
    else if (session.state === "paused" || session.state === "ready") await session.run();
    else await this.restart("run");
  }

  async step(): Promise<void> {
    const { session } = this;
    if (session.state === "paused" || session.state === "ready") await session.step();
    else if (!session.busy) await this.restart("step");
  }

  async restart(first: "run" | "step" | "wait"): Promise<void> {
    const { launch, program } = this.session;
    if (launch === undefined || program === undefined) return;
    this.#begin();
    await this.session.start(launch, program, first);
  }

  editLaunch(): void {
    const { launch, program } = this.session;
    if (launch === undefined) return;
    this.draft.edit(launch, program);
    this.dialog = "launch";
  }

  async runDraft(first: "run" | "wait"): Promise<void> {
    const launch = this.draft.result();
    const { program } = this.draft;
    if (launch === undefined || program === undefined) return;
    this.dialog = undefined;
    this.screen = "workspace";
    this.#begin();
    await this.session.start(launch, program, first);
  }

  #afterRun(): void {
    const { exit, launch, summary, counters } = this.session;
    if (exit?.crash !== undefined) {
      this.dockTab = "crash";
      this.place = "dock";
    }
    if (exit?.reason === "exited" && launch?.sample !== undefined && summary !== undefined) {
      const bytes = summary.modules.reduce((sum, module) => sum + module.size, 0);
      this.samples.record(launch.sample, { calls: counters.events, modules: summary.modules.length, bytes });
    }
  }

  #begin(): void {
    this.dockTab = "console";
    this.place = "trace";
  }

  /** Shows a file or folder in its place. */
  async showPath(path: string): Promise<void> {
    this.place = "files";
    await this.session.files.reveal(path);
  }

  async showEvent(sequence: number): Promise<void> {
    this.place = "trace";
    await this.session.trace.selectEvent(sequence);
  }

  filterTrace(text: string): void {
    this.place = "trace";
    this.session.trace.setFilter(text);
  }

  focusPlace(place: Place): void {
    this.place = place;
    // On a small screen the place may have to appear first.
    flushSync();
    document.querySelector<HTMLElement>(`[data-place="${place}"] [data-focus]`)?.focus();
  }

  save(name: string, bytes: Uint8Array): void {
    const address = URL.createObjectURL(new Blob([new Uint8Array(bytes)]));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  async exportTrace(format: "text" | "jsonl" | "csv"): Promise<void> {
    try {
      const bytes = await this.session.connection.ask((sandbox) => sandbox.export(format));
      this.save(`${this.session.launch?.name ?? "trace"}.${format === "text" ? "txt" : format}`, bytes);
    } catch (error) {
      this.notice = sentence(error);
    }
  }
}

export const [application, provideApplication] = createContext<Application>();

async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} cannot be read. It may have changed since it was dropped: drop it again.`);
  }
}

async function guestFiles(files: readonly NamedFile[], programFolder: string): Promise<GuestFile[]> {
  return Promise.all(
    files.map(async ({ path, file }) => ({ path: guestPath(path, programFolder), bytes: await bytesOf(file) })),
  );
}

/** The program nearest to the top, and of several there the one that is called as its folder, or the first by name. */
function programOf(files: readonly NamedFile[]): NamedFile | undefined {
  const rank = ({ path, file }: NamedFile): string => {
    const folders = folderOf(path).split("/").slice(0, -1);
    const isNamesake = file.name.replace(/\.[^.]*$/, "").toLowerCase() === folders.at(-1)?.toLowerCase();
    return [String(folders.length).padStart(4, "0"), isNamesake ? 0 : 1, path.toLowerCase()].join("/");
  };
  const programs = files.filter(({ file }) => isProgramName(file.name));
  return programs.sort((left, right) => (rank(left) < rank(right) ? -1 : 1)).at(0);
}

async function startsWithMZ(file: File): Promise<boolean> {
  const head = await bytesOf(new File([file.slice(0, 2)], file.name));
  return head[0] === 0x4d && head[1] === 0x5a;
}
