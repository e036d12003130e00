import { flushSync } from "svelte";
import type { Application } from "../application/application.svelte.ts";

export interface Command {
  readonly title: string;
  readonly group: "Run" | "Go to" | "Trace" | "Page";
  /** As `KeyboardEvent.key` names it; a letter means either case. Undefined: only in the palette. */
  readonly key?: string;
  /** With Ctrl, or Command on a Mac. */
  readonly control?: boolean;
  enabled?(application: Application): boolean;
  run(application: Application): void;
}

const hasProgram = ({ session }: Application) => session.launch !== undefined;
const hasTrace = (application: Application) => application.session.counters.events > 0;

/** Everything that a key or the palette can do. The keyboard, the palette and the map of keys all read this. */
export const commands: readonly Command[] = [
  { title: "Run or pause", group: "Run", key: " ", enabled: hasProgram, run: (a) => void a.runOrPause() },
  {
    title: "Step to the end of the next system call",
    group: "Run",
    key: "s",
    enabled: hasProgram,
    run: (a) => void a.step(),
  },
  { title: "Stop", group: "Run", key: ".", enabled: ({ session }) => session.busy, run: (a) => void a.session.stop() },
  { title: "Start again", group: "Run", key: "r", enabled: hasProgram, run: (a) => void a.restart("run") },
  { title: "Run with options …", group: "Run", key: "o", enabled: hasProgram, run: (a) => a.editLaunch() },
  { title: "Filter the trace", group: "Trace", key: "/", enabled: hasProgram, run: focusFilter },
  {
    title: "Next event",
    group: "Trace",
    key: "j",
    enabled: hasTrace,
    run: (a) => void a.session.trace.selectIndex(a.session.trace.selectedIndex + 1),
  },
  {
    title: "Previous event",
    group: "Trace",
    key: "k",
    enabled: hasTrace,
    run: (a) => void a.session.trace.selectIndex(a.session.trace.selectedIndex - 1),
  },
  {
    title: "Follow the newest event",
    group: "Trace",
    key: "f",
    enabled: hasTrace,
    run: (a) => (a.session.trace.following = true),
  },
  { title: "Show only failures", group: "Trace", enabled: hasTrace, run: (a) => a.filterTrace("status:error") },
  { title: "Show only file calls", group: "Trace", enabled: hasTrace, run: (a) => a.filterTrace("family:File") },
  { title: "Clear the filter", group: "Trace", enabled: hasTrace, run: (a) => a.filterTrace("") },
  { title: "Save the trace as text", group: "Trace", enabled: hasTrace, run: (a) => void a.exportTrace("text") },
  { title: "Save the trace as JSON Lines", group: "Trace", enabled: hasTrace, run: (a) => void a.exportTrace("jsonl") },
  { title: "Save the trace as CSV", group: "Trace", enabled: hasTrace, run: (a) => void a.exportTrace("csv") },
  { title: "Files", group: "Go to", key: "1", enabled: hasProgram, run: (a) => a.focusPlace("files") },
  { title: "Trace", group: "Go to", key: "2", enabled: hasProgram, run: (a) => a.focusPlace("trace") },
  { title: "Event", group: "Go to", key: "3", enabled: hasProgram, run: (a) => a.focusPlace("event") },
  { title: "Console and reports", group: "Go to", key: "4", enabled: hasProgram, run: (a) => a.focusPlace("dock") },
  { title: "Samples", group: "Go to", key: "h", run: (a) => (a.screen = "home") },
  { title: "Find anything", group: "Page", key: "k", control: true, run: (a) => (a.dialog = "palette") },
  { title: "Light, dark or as the system", group: "Page", key: "t", run: (a) => a.theme.next() },
  { title: "Keys", group: "Page", key: "?", run: (a) => (a.dialog = "help") },
];

export function keyLabel(command: Command): string {
  if (command.key === undefined) return "";
  const key = command.key === " " ? "Space" : command.key.length === 1 ? command.key.toUpperCase() : command.key;
  return command.control ? `Ctrl ${key}` : key;
}

/** Runs the command that belongs to a key, unless the key is being typed into something or pressed on a button. */
export function handleKey(application: Application, event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const control = event.ctrlKey || event.metaKey;
  if (!control && (application.dialog !== undefined || takesKeys(event))) return;
  const pressed = event.key.toLowerCase();
  const command = commands.find((c) => c.key === pressed && (c.control ?? false) === control);
  if (command === undefined || command.enabled?.(application) === false) return;
  if (application.screen === "home" && (command.group === "Run" || command.group === "Trace")) return;
  event.preventDefault();
  command.run(application);
}

function takesKeys(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("input, textarea, select, [role=menuitem], [role=option]"))
    return true;
  return event.key === " " && target.matches("button, a, summary, [role=tab], [role=treeitem], [role=tree]");
}

function focusFilter(application: Application): void {
  application.place = "trace";
  // On a small screen the trace may have to appear first.
  flushSync();
  document.querySelector<HTMLInputElement>("[data-filter]")?.focus();
}
