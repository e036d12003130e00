import type { SessionOptions } from "../../worker/interface.ts";

/** A program and how it is to be run; `title` is what the page calls it. */
export interface Launch extends SessionOptions {
  readonly title: string;
  /** The sample it came from. */
  readonly sample: string | undefined;
}

export const defaultLimits = { instructions: 20_000_000_000, seconds: 120 };

export function launchOf(name: string, bytes: Uint8Array): Launch {
  return {
    title: name,
    sample: undefined,
    name,
    bytes,
    arguments: "",
    stdin: undefined,
    files: [],
    environment: {},
    image: "wine",
    limits: defaultLimits,
    cpu: "translator",
  };
}

export function isProgramName(name: string): boolean {
  return /\.(exe|com|scr)$/i.test(name);
}
