/** KUSER_SHARED_DATA: one page that every process reads and only the kernel writes. */
import { PAGE_SIZE } from "../../emulator/cpu.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { MemoryType, PageProtection } from "../abi/memory.ts";
import { KUSER_SHARED_DATA, KUSER_SHARED_DATA_ADDRESS, KSYSTEM_TIME, XSTATE_CONFIGURATION } from "../abi/structures.ts";
import type { Machine } from "../machine.ts";
import { hardwareProtection } from "../memory-manager/protection.ts";
import { Region } from "../memory-manager/region.ts";
import { extendedStateConfiguration } from "./extended-state.ts";
import type { Process } from "./process.ts";

/** PF_* by the micro-architecture level of the CPU that brings them. */
const PROCESSOR_FEATURES = {
  1: [2, 3, 6, 8, 9, 10, 12, 23], // CMPXCHG8B MMX SSE RDTSC PAE SSE2 NX FASTFAIL
  2: [13, 14, 32, 36, 37, 38], // SSE3 CMPXCHG16B RDTSCP SSSE3 SSE4.1 SSE4.2
  3: [17, 22, 28, 33, 39, 40], // XSAVE RDWRFSGSBASE RDRAND RDPID AVX AVX2
} as const;

const NATIVE_ARCHITECTURE_AMD64 = 9;
const PRODUCT_WORKSTATION = 1;
/** Ticks are shown as milliseconds: 2^24 is a multiplier of 1. */
const TICK_COUNT_MULTIPLIER = 0x100_0000;
const UNITS_PER_MILLISECOND = 10_000;
const SYSTEM_ROOT = "C:\\windows";

export function mapSharedData(machine: Machine, process: Process): void {
  const { virtualMemory } = process;
  const address = KUSER_SHARED_DATA_ADDRESS;
  const region = new Region(address, address + PAGE_SIZE, MemoryType.MEM_PRIVATE, PageProtection.PAGE_READONLY);
  region.permanent = true;
  region.set(region.start, region.end, PageProtection.PAGE_READONLY);
  virtualMemory.insert(region);
  virtualMemory.space.map(address, PAGE_SIZE, hardwareProtection(PageProtection.PAGE_READONLY));
  const features = new Uint8Array(64);
  for (const level of [1, 2, 3] as const) {
    if (level <= machine.cpu.level) for (const feature of PROCESSOR_FEATURES[level]) features[feature] = 1;
  }
  const data = new BytesMemory(PAGE_SIZE);
  KUSER_SHARED_DATA.set(data, 0, {
    TickCountMultiplier: TICK_COUNT_MULTIPLIER,
    ImageNumberLow: 0x8664,
    ImageNumberHigh: 0x8664,
    NtSystemRoot: Array.from({ length: 260 }, (_, i) => SYSTEM_ROOT.charCodeAt(i) || 0),
    NtBuildNumber: machine.build,
    NtProductType: PRODUCT_WORKSTATION,
    ProductTypeIsValid: 1,
    NativeProcessorArchitecture: NATIVE_ARCHITECTURE_AMD64,
    NtMajorVersion: 10,
    NtMinorVersion: 0,
    ProcessorFeatures: features,
    SuiteMask: 0x110, // VER_SUITE_TERMINAL | VER_SUITE_SINGLEUSERTS
    NXSupportPolicy: 2,
    ActiveConsoleId: 1,
    NumberOfPhysicalPages: machine.limits.committedBytes / PAGE_SIZE,
    QpcFrequency: 10_000_000n,
    // 0: stubs use SYSCALL and not INT 2E.
    SystemCall: 0,
    Cookie: machine.random.next(),
    ActiveProcessorCount: 1,
    ActiveGroupCount: 1,
    UnparkedProcessorCount: 1,
  });
  const extendedState = extendedStateConfiguration(machine.cpu);
  XSTATE_CONFIGURATION.set(data, KUSER_SHARED_DATA.offsetOf("XState"), extendedState);
  virtualMemory.space.poke(address, data.bytes);
  updateSharedData(machine, process);
}

/** Shows the time, in steps of a millisecond. Called at exact points: before a thread of the process runs on. */
export function updateSharedData({ clock }: Machine, process: Process): void {
  const millisecond = Math.floor(clock.upTime / UNITS_PER_MILLISECOND);
  if (millisecond === process.sharedDataTime) return;
  process.sharedDataTime = millisecond;
  const sinceBoot = BigInt(millisecond * UNITS_PER_MILLISECOND);
  poke(process, interruptTime, sinceBoot);
  poke(process, systemTime, clock.bootTime + sinceBoot);
  poke(process, tickCount, BigInt(millisecond));
}

const [interruptTime, systemTime, tickCount] = (["InterruptTime", "SystemTime", "TickCount"] as const).map(
  (field) => KUSER_SHARED_DATA_ADDRESS + KUSER_SHARED_DATA.offsetOf(field),
);
const shown = new BytesMemory(KSYSTEM_TIME.size);

/** LowPart, High1Time and the same again as High2Time. */
function poke(process: Process, address: number, time: bigint): void {
  shown.writeUint64(0, time);
  shown.writeUint32(8, shown.readUint32(4));
  process.memory.poke(address, shown.bytes);
}
