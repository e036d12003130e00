/** Runs one program on two CPUs, a system call at a time, and tells where they part. */
import type { Context } from "../../emulator/context.ts";
import { registerNames, Register } from "../../emulator/context.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";

export interface Divergence {
  /** System calls that both made alike before. */
  readonly call: number;
  readonly what: string;
  readonly first: string;
  readonly second: string;
}

export interface LockstepResult {
  readonly systemCalls: number;
  readonly instructions: number;
  readonly divergence: Divergence | undefined;
}

const SLICE = 50_000_000;

/** Both sandboxes must have been made from equal options. `systemCalls` bounds the comparison. */
export function runInLockstep(first: Sandbox, second: Sandbox, systemCalls = Infinity): LockstepResult {
  let call = 0;
  const result = (divergence: Divergence | undefined): LockstepResult => ({
    systemCalls: call,
    instructions: first.instructions,
    divergence,
  });
  for (; call < systemCalls; call++) {
    const [a, b] = [first, second].map((sandbox) => stepOf(sandbox));
    const difference = compare(a, b);
    if (difference) return result({ call, ...difference });
    if (a.stop !== "step") return result(undefined);
  }
  return result(undefined);
}

interface Moment {
  readonly stop: string;
  /** What it is compared by: names to values, in the order in which differences are told. */
  readonly values: ReadonlyMap<string, string>;
}

function stepOf(sandbox: Sandbox): Moment {
  let stop = sandbox.step(SLICE);
  while (stop.reason === "slice") stop = sandbox.step(SLICE);
  const values = new Map<string, string>();
  values.set("stop", stop.reason);
  if (sandbox.exit)
    values.set("exit", `${sandbox.exit.reason} 0x${sandbox.exit.status.toString(16)} ${sandbox.exit.meaning}`);
  const { trace } = sandbox;
  const last = trace.length - 1;
  if (last >= 0) values.set("event", trace.get(last).name);
  values.set("instructions", String(sandbox.instructions));
  for (const process of sandbox.machine.processes) {
    for (const thread of process.threads) {
      if (thread.state === "terminated") continue;
      for (const [name, value] of registersOf(thread.context)) values.set(`thread ${thread.id} ${name}`, value);
    }
  }
  return { stop: stop.reason, values };
}

/** Integer registers, RIP and XMM. Flags are left out: at a system call they hold what instructions leave undefined. So is R11, which SYSCALL fills with them. */
function* registersOf(context: Context): Generator<readonly [string, string]> {
  yield ["RIP", context.rip.toString(16)];
  for (const name of registerNames) if (name !== "R11") yield [name, context.get(Register[name]).toString(16)];
  for (let index = 0; index < 16; index++) {
    yield [`XMM${index}`, Array.from(context.xmm(index), (byte) => byte.toString(16).padStart(2, "0")).join("")];
  }
}

function compare(a: Moment, b: Moment): Omit<Divergence, "call"> | undefined {
  for (const [what, first] of a.values) {
    const second = b.values.get(what) ?? "nothing";
    if (first !== second) return { what, first, second };
  }
  return undefined;
}
