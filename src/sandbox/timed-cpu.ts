import type { Context } from "../../emulator/context.ts";
import type { AddressSpace, AddressSpaceImage, Cpu, Exit } from "../../emulator/cpu.ts";
import type { EngineCpu, EngineProfile } from "../../emulator/engine.ts";

/** Measures the time inside a CPU. */
export class TimedCpu implements Cpu {
  /** Milliseconds so far, of the host's time. */
  milliseconds: number;
  readonly #cpu: Cpu | EngineCpu;

  /** `millisecondsToMake`: what the making of `cpu` took. */
  constructor(cpu: Cpu | EngineCpu, millisecondsToMake = 0) {
    this.#cpu = cpu;
    this.milliseconds = millisecondsToMake;
  }
  /** Undefined where the CPU is none of ours. */
  profile(): EngineProfile | undefined {
    return "profile" in this.#cpu ? this.#cpu.profile() : undefined;
  }

  get name(): Cpu["name"] {
    return this.#cpu.name;
  }
  get level(): Cpu["level"] {
    return this.#cpu.level;
  }
  get executed(): number {
    return this.#cpu.executed;
  }
  get timeStamp(): bigint {
    return this.#cpu.timeStamp;
  }
  set timeStamp(ticks: bigint) {
    this.#cpu.timeStamp = ticks;
  }
  createAddressSpace(image?: AddressSpaceImage): AddressSpace {
    const start = performance.now();
    const space = this.#cpu.createAddressSpace(image);
    this.milliseconds += performance.now() - start;
    return space;
  }
  run(space: AddressSpace, context: Context, budget: number): Exit {
    const start = performance.now();
    const exit = this.#cpu.run(space, context, budget);
    this.milliseconds += performance.now() - start;
    return exit;
  }
  dispose(): void {
    this.#cpu.dispose();
  }
}
