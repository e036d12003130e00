import { FOREVER } from "./wait.ts";
import { stateClass } from "./state.ts";

/** Windows was up for ten minutes when the run began: programs take a tick count near zero for "never". */
const UP_BEFORE = 6_000_000_000;

/** Virtual time runs at 1,000 instructions a microsecond. */
export const INSTRUCTIONS_PER_100NS = 100;

/** Virtual time: what was executed, and what was skipped while every thread waited. Times are in units of 100 ns. */
export class Clock {
  /** System time when the run began, since 1601. */
  readonly startTime: bigint;
  /** Instructions executed by all threads. */
  instructions = 0;
  /** Time that passed while nobody ran. */
  skipped = 0;
  constructor(startTime: bigint) {
    this.startTime = startTime;
  }

  /** Time since the run began. */
  get interruptTime(): number {
    return Math.floor(this.instructions / INSTRUCTIONS_PER_100NS) + this.skipped;
  }
  /** Time since Windows was started, as guests see it. */
  get upTime(): number {
    return UP_BEFORE + this.interruptTime;
  }
  get systemTime(): bigint {
    return this.startTime + BigInt(this.interruptTime);
  }
  /** System time when Windows was started. */
  get bootTime(): bigint {
    return this.startTime - BigInt(UP_BEFORE);
  }
  /** What RDTSC shows: 1 GHz. */
  get timeStamp(): bigint {
    return BigInt(this.instructions) + BigInt(UP_BEFORE + this.skipped) * BigInt(INSTRUCTIONS_PER_100NS);
  }
  /** 10 MHz, as NtQueryPerformanceCounter tells. */
  get performanceCounter(): bigint {
    return BigInt(this.upTime);
  }
  /** Instructions until the interrupt time is `time`; at least 1. */
  instructionsUntil(time: number): number {
    return Math.max(1, (time - this.skipped) * INSTRUCTIONS_PER_100NS - this.instructions);
  }
  /** Lets time pass until `time` without executing anything. */
  skipTo(time: number): void {
    this.skipped += Math.max(0, time - this.interruptTime);
  }
  /** The interrupt time at which a timeout of the API ends: negative is relative, positive absolute, undefined never. */
  deadlineOf(timeout: bigint | undefined): number {
    if (timeout === undefined || timeout === -0x8000_0000_0000_0000n) return FOREVER;
    return timeout <= 0n ? this.interruptTime + Number(-timeout) : Number(timeout - this.startTime);
  }
}
stateClass("Clock", Clock);
