/** Virtual time as guests read it. */
import { ntstatus } from "../abi/ntstatus.ts";
import { BOOLEAN, LARGE_INTEGER, PVOID, ULONG } from "../abi/type.ts";
import { full, missing, optional, out, systemService, value } from "./service.ts";

const QPC_FREQUENCY = 10_000_000n;
const UNITS_PER_MILLISECOND = 10_000;
/** The one resolution that the clock has, in units of 100 ns: 15.625 ms. */
const CLOCK_RESOLUTION = 156_250;

export const NtQuerySystemTime = systemService("NtQuerySystemTime", {
  support: full,
  params: { SystemTime: out(LARGE_INTEGER) },
  run({ machine }, { SystemTime }) {
    SystemTime.set(machine.clock.systemTime);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtQueryPerformanceCounter = systemService("NtQueryPerformanceCounter", {
  support: full,
  params: { PerformanceCounter: out(LARGE_INTEGER), PerformanceFrequency: optional(out(LARGE_INTEGER)) },
  run({ machine }, { PerformanceCounter, PerformanceFrequency }) {
    PerformanceCounter.set(machine.clock.performanceCounter);
    PerformanceFrequency?.set(QPC_FREQUENCY);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtGetTickCount = systemService("NtGetTickCount", {
  support: full,
  params: {},
  returns: ULONG,
  run: ({ machine }) => BigInt(Math.floor(machine.clock.upTime / UNITS_PER_MILLISECOND) % 2 ** 32),
});

export const NtQueryTimerResolution = systemService("NtQueryTimerResolution", {
  support: full,
  params: { MaximumTime: out(ULONG), MinimumTime: out(ULONG), CurrentTime: out(ULONG) },
  run(_, { MaximumTime, MinimumTime, CurrentTime }) {
    for (const pointer of [MaximumTime, MinimumTime, CurrentTime]) pointer.set(CLOCK_RESOLUTION);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtSetTimerResolution = systemService("NtSetTimerResolution", {
  support: full,
  params: { DesiredTime: value(ULONG), SetResolution: value(BOOLEAN), ActualTime: out(ULONG) },
  /** Waits end exactly when they are to end whatever the resolution: the one that is shown does not change. */
  run(_, { ActualTime }) {
    ActualTime.set(CLOCK_RESOLUTION);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtSetSystemTime = systemService("NtSetSystemTime", {
  support: missing,
  params: { SystemTime: value(PVOID), PreviousTime: value(PVOID) },
});
