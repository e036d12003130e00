import type { ExitView, RunState } from "../../worker/interface.ts";
import { hex } from "../format.ts";

/** A status as people read it: small exit codes in decimal, NTSTATUS values in hex with their name. */
export function statusText(exit: ExitView): string {
  if (exit.statusName !== undefined) return `${exit.statusName} (0x${hex(exit.status)})`;
  return exit.status < 0x8000_0000 ? String(exit.status) : `0x${hex(exit.status)}`;
}

export function exitLine(exit: ExitView): string {
  switch (exit.reason) {
    case "exited":
      return `Exited with ${statusText(exit)}`;
    case "fault":
      return `Ended by ${statusText(exit)}`;
    case "stopped":
      return "Stopped";
    case "limit":
      return "Ended at a limit";
    case "deadlock":
      return "Every thread waits for something that cannot happen";
    case "unsupported-instruction":
      return "Ended at an instruction that Ring 3 does not have";
  }
}

export type Tone = "idle" | "active" | "good" | "bad" | "attention";

/** The run's state in one or two words. */
export function stateLabel(
  state: RunState,
  stopping: boolean,
  exit: ExitView | undefined,
): { text: string; tone: Tone } {
  if (stopping) return { text: "Stopping", tone: "attention" };
  switch (state) {
    case "empty":
      return { text: "Empty", tone: "idle" };
    case "loading":
      return { text: "Loading", tone: "active" };
    case "ready":
      return { text: "Ready", tone: "idle" };
    case "running":
      return { text: "Running", tone: "active" };
    case "paused":
      return { text: "Paused", tone: "attention" };
    case "waiting-for-input":
      return { text: "Waits for input", tone: "attention" };
    case "stopped":
      return { text: "Stopped", tone: "attention" };
    case "failed":
      return { text: exit?.reason === "fault" ? "Crashed" : "Failed", tone: "bad" };
    case "exited":
      if (exit === undefined) return { text: "Exited", tone: "good" };
      if (exit.reason !== "exited") return { text: exit.reason === "fault" ? "Crashed" : "Ended", tone: "bad" };
      return {
        text: exit.status < 0x8000_0000 ? `Exited ${exit.status}` : `Exited 0x${hex(exit.status)}`,
        tone: exit.status === 0 ? "good" : "bad",
      };
  }
}
