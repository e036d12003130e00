/** A long run in parts, each in a process of its own: what a part piles up goes with it. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";

const PART = "RING3_PART";

/** In the process of a part: its number. */
export const partNumber = (): number | undefined =>
  process.env[PART] === undefined ? undefined : Number(process.env[PART]);

/** What the process of a part has found. */
export const reportPart = (report: unknown): void => void process.send?.(report);

/** Runs this program again for each of the parts, so many at once; `onReport` gets their reports as they come. */
export async function runParts<Report>(
  parts: number,
  onReport: (report: Report, part: number) => void,
  jobs = Math.min(2, availableParallelism()),
): Promise<void> {
  let next = 0;
  const runOne = (part: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(process.argv[1], process.argv.slice(2), { env: { ...process.env, [PART]: String(part) } });
      let reported = false;
      child.on("message", (message) => {
        reported = true;
        onReport(message as Report, part);
      });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (reported && code === 0) resolve();
        else reject(new Error(`part ${part} of ${parts} ended with ${code ?? signal}`));
      });
    });
  const work = async (): Promise<void> => {
    while (next < parts) await runOne(next++);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, parts) }, work));
}
