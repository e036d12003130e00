import type { GuestFile, ImageFolder, ImageName, ProgramInfo } from "../../worker/interface.ts";
import { count } from "../format.ts";
import type { Launch } from "../session/launch.ts";

/** What the run form holds: a launch being edited. */
export class LaunchDraft {
  program = $state.raw<ProgramInfo | undefined>();
  arguments = $state("");
  stdin = $state("");
  interactive = $state(true);
  files = $state.raw<readonly GuestFile[]>([]);
  environment = $state("");
  image = $state<ImageName>("wine");
  folder = $state.raw<ImageFolder | undefined>();
  instructions = $state("");
  seconds = $state("");
  cpu = $state<Launch["cpu"]>("translator");
  /** A build of unicorn.js, once one was chosen. */
  unicornJs = $state.raw<File | undefined>();
  base = $state.raw<Launch | undefined>();
  readonly problems = $derived(this.#check());

  edit(launch: Launch, program: ProgramInfo | undefined): void {
    this.base = launch;
    this.program = program;
    this.arguments = launch.arguments;
    this.stdin = launch.stdin ?? "";
    this.interactive = launch.stdin === undefined;
    this.files = launch.files;
    this.environment = Object.entries(launch.environment)
      .map(([name, value]) => `${name}=${value}`)
      .join("\n");
    this.image = launch.image;
    this.folder = launch.folder ?? this.folder;
    this.instructions = count(launch.limits.instructions);
    this.seconds = String(launch.limits.seconds);
    this.cpu = launch.cpu;
    this.unicornJs = launch.unicornJs ?? this.unicornJs;
  }

  addFiles(files: readonly GuestFile[]): void {
    const added = new Set(files.map((file) => file.path.toLowerCase()));
    this.files = [...this.files.filter((file) => !added.has(file.path.toLowerCase())), ...files];
  }

  /** Takes the files of a folder that the browser's chooser gives. Without any, nothing changes. */
  chooseFolder(files: readonly File[]): void {
    const name = files.at(0)?.webkitRelativePath.split("/", 1)[0];
    if (name === undefined) return;
    this.folder = {
      name,
      files: files.map((file) => ({ path: file.webkitRelativePath.slice(name.length + 1), file })),
    };
    this.image = "folder";
  }

  /** Takes the file that the browser's chooser gives, if it gives one. */
  chooseUnicornJs(file: File | null | undefined): void {
    if (!file) return;
    this.unicornJs = file;
    this.cpu = "unicornjs";
  }

  removeFile(path: string): void {
    this.files = this.files.filter((file) => file.path !== path);
  }

  rename(path: string, renamed: string): void {
    this.files = this.files.map((file) => (file.path === path ? { ...file, path: renamed } : file));
  }

  /** Undefined without a program, or while a field is wrong. */
  result(): Launch | undefined {
    if (this.base === undefined || this.problems.length > 0) return undefined;
    return {
      ...this.base,
      arguments: this.arguments,
      stdin: this.interactive ? undefined : this.stdin.replaceAll(/\r?\n/g, "\r\n"),
      files: this.files,
      environment: Object.fromEntries(this.#environmentLines().map((line) => splitOnce(line, "="))),
      image: this.image,
      ...(this.image === "folder" && this.folder && { folder: this.folder }),
      limits: { instructions: numberOf(this.instructions), seconds: numberOf(this.seconds) },
      cpu: this.cpu,
      ...(this.cpu === "unicornjs" && this.unicornJs && { unicornJs: this.unicornJs }),
    };
  }

  #environmentLines(): string[] {
    return this.environment.split("\n").filter((line) => line.trim() !== "");
  }

  #check(): string[] {
    const problems: string[] = [];
    for (const line of this.#environmentLines()) {
      if (line.indexOf("=") < 1) problems.push(`“${line}” is no environment variable: write NAME=value.`);
    }
    if (!(numberOf(this.instructions) > 0)) problems.push("The limit of instructions must be a number above zero.");
    if (!(numberOf(this.seconds) > 0)) problems.push("The limit of seconds must be a number above zero.");
    for (const { path } of this.files) {
      if (!/^[a-z]:\\[^<>"|?*/]+$/i.test(path))
        problems.push(`“${path}” is no path: write one such as C:\\w\\input.txt.`);
    }
    return problems;
  }
}

function numberOf(text: string): number {
  return Number(text.replaceAll(/[,_\s]/g, ""));
}

function splitOnce(text: string, separator: string): [string, string] {
  const cut = text.indexOf(separator);
  return [text.slice(0, cut), text.slice(cut + separator.length)];
}
