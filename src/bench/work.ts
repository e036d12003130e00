/** A program's whole run, from its start to its end. */
import type { Cpu } from "../../emulator/cpu.ts";
import type { EngineCpu, EngineProfile } from "../../emulator/engine.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { joinCommandLine } from "../sandbox/command-line.ts";
import { Pace } from "../sandbox/pace.ts";
import { Sandbox } from "../sandbox/sandbox.ts";

export interface WorkOptions {
  readonly createCpu: () => Cpu | EngineCpu;
  readonly layers: readonly Layer[];
  /** Guest path. */
  readonly program: string;
  readonly args: readonly string[];
}

export interface WorkMeasurement {
  readonly milliseconds: number;
  /** As far as the CPU counts them. */
  readonly instructions: number;
  readonly systemCalls: number;
  readonly stdout: Uint8Array;
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** Undefined: the CPU tells nothing. */
  readonly profile: EngineProfile | undefined;
}

const SLICE_MS = 20;

/** Nobody looks at a trace, as in `ring3 run` without `--trace`. Throws where the program does not end with 0. */
export function measureWork({ createCpu, layers, program, args }: WorkOptions): WorkMeasurement {
  const start = performance.now();
  const cpu = createCpu();
  const commandLine = joinCommandLine([program, ...args]);
  const sandbox = new Sandbox({ cpu, layers, program, commandLine, limits: { events: 0 } });
  try {
    const pace = new Pace(SLICE_MS);
    for (;;) {
      const begin = performance.now();
      const { reason } = sandbox.run(pace.instructions);
      if (reason === "ended") break;
      if (reason !== "slice") throw new Error(`the program stopped: ${reason}`);
      pace.took(performance.now() - begin);
    }
    const milliseconds = performance.now() - start;
    const { exit } = sandbox;
    if (exit?.reason !== "exited" || exit.status !== 0) throw new Error(`the program ended: ${exit?.meaning}`);
    const pieces = sandbox.takeOutput().filter(({ stream }) => stream === "stdout");
    return {
      milliseconds,
      instructions: sandbox.instructions,
      systemCalls: Object.values(sandbox.systemCalls()).reduce((sum, count) => sum + count, 0),
      stdout: Uint8Array.from(pieces.flatMap(({ bytes }) => [...bytes])),
      files: sandbox.changes().flatMap(({ path, read }) => (read ? [{ path, bytes: read() }] : [])),
      profile: "profile" in cpu ? cpu.profile() : undefined,
    };
  } finally {
    sandbox.dispose();
  }
}
