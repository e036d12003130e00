/** Long runs in parts, each in a process of its own: what a part piles up goes with it. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";

export interface Part {
  /** Of the program's runs, the one that it belongs to. */
  readonly run: string;
  /** From 0 on. */
  readonly number: number;
}

const PART = "RING3_PART";

/** In the process of a part: which. */
export function thisPart(): Part | undefined {
  const text = process.env[PART];
  return text === undefined ? undefined : (JSON.parse(text) as Part);
}

/** What the process of a part has found. */
export const reportPart = (report: unknown): void => void process.send?.(report);

/** Runs this program again for each of the parts, so many at once; `onReport` gets their reports as they come. */
export async function runParts<Report>(
  run: string,
  parts: number,
  onReport: (report: Report) => void,
  jobs = Math.min(2, availableParallelism()),
): Promise<void> {
  let next = 0;
  const runOne = (number: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const part = JSON.stringify({ run, number } satisfies Part);
      const child = fork(process.argv[1], process.argv.slice(2), { env: { ...process.env, [PART]: part } });
      let reported = false;
      child.on("message", (message) => {
        reported = true;
        onReport(message as Report);
      });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (reported && code === 0) resolve();
        else reject(new Error(`${run}: part ${number} of ${parts} ended with ${code ?? signal}`));
      });
    });
  const work = async (): Promise<void> => {
    while (next < parts) await runOne(next++);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, parts) }, work));
}
