/** Runs in the page: speaks to the page's own worker as the page does, and brings a sample's trace back. */
import { proxy, wrap } from "comlink";
import { sampleBytes, samples } from "../../samples/index.ts";
import { joinCommandLine, type SandboxWorker, type SessionUpdate } from "../../src/worker/interface.ts";
import type { SampleTrace } from "../support/sample-run.ts";

interface Question {
  /** Of the worker's script. */
  readonly address: string;
  /** Of the sample. */
  readonly id: string;
  readonly tier: { readonly translateAfter: number; readonly instructions: number };
}

/** The trace of a sample as JSON Lines, from a worker of its own. */
export async function traceInWorker({ address, id, tier }: Question): Promise<SampleTrace> {
  const sample = samples.find((one) => one.id === id);
  if (!sample) throw new Error(`there is no sample ${id}`);
  const bytes = new Uint8Array(await (await fetch(new URL(`../samples/${sample.file}`, address))).arrayBuffer());
  const worker = new Worker(address, { type: "module" });
  try {
    const sandbox = wrap<SandboxWorker>(worker);
    await sandbox.loadImage(
      sample.image,
      proxy(() => undefined),
    );
    let ended: (update: SessionUpdate) => void;
    const end = new Promise<SessionUpdate>((resolve) => (ended = resolve));
    const options = {
      name: sample.file,
      bytes,
      arguments: joinCommandLine(sample.arguments),
      stdin: sample.stdin,
      files: sample.given.map((file) => ({ path: file.path, bytes: sampleBytes(file) })),
      environment: {},
      image: sample.image,
      limits: { instructions: tier.instructions, seconds: 300 },
      cpu: "translator",
      translateAfter: tier.translateAfter,
    } as const;
    const onUpdate = (update: SessionUpdate) => {
      if (update.exit !== undefined || update.state === "failed") ended(update);
    };
    await sandbox.load(options, proxy(onUpdate));
    await sandbox.run();
    const { state, problems, counters } = await end;
    if (state === "failed" && problems?.some(({ kind }) => kind === "internal")) throw new Error(problems[0].text);
    return { trace: new TextDecoder().decode(await sandbox.export("jsonl")), instructions: counters.instructions };
  } finally {
    worker.terminate();
  }
}
