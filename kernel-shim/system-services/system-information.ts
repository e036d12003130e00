/** NtQuerySystemInformation: the machine as programs may know it. One processor, and memory as far as the run's limit. */
import { BytesMemory } from "../abi/bytes-memory.ts";
import { encodeUtf16 } from "../abi/structures.ts";
import { enumeration, PVOID, ULONG_LENGTH } from "../abi/type.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { registryOf } from "../configuration-manager/registry.ts";
import type { Machine } from "../machine.ts";
import { answerExact, answerWhole } from "./information-answer.ts";
import { extendedHandleList, handleList } from "./handle-list.ts";
import { processList } from "./process-list.ts";
import type { OutBuffer, OutPointer, ServiceCall } from "./service.ts";
import { inBuffer, missing, optional, out, outBuffer, partial, systemService, value } from "./service.ts";

const SYSTEM_INFORMATION_CLASS = enumeration("SYSTEM_INFORMATION_CLASS", {
  SystemBasicInformation: 0, SystemProcessorInformation: 1, SystemPerformanceInformation: 2, SystemTimeOfDayInformation: 3,
  SystemPathInformation: 4, SystemProcessInformation: 5, SystemDeviceInformation: 7, SystemProcessorPerformanceInformation: 8,
  SystemFlagsInformation: 9, SystemModuleInformation: 11, SystemHandleInformation: 16, SystemPageFileInformation: 18,
  SystemFileCacheInformation: 21, SystemInterruptInformation: 23, SystemTimeAdjustmentInformation: 28,
  SystemKernelDebuggerInformation: 35, SystemContextSwitchInformation: 36, SystemRegistryQuotaInformation: 37,
  SystemCurrentTimeZoneInformation: 44, SystemLookasideInformation: 45, SystemRangeStartInformation: 50,
  SystemNumaProcessorMap: 55, SystemExtendedProcessInformation: 57, SystemEmulationBasicInformation: 62,
  SystemEmulationProcessorInformation: 63, SystemExtendedHandleInformation: 64, SystemLogicalProcessorInformation: 73,
  SystemFirmwareTableInformation: 76, SystemModuleInformationEx: 77, SystemProcessIdInformation: 88,
  SystemBootEnvironmentInformation: 90, SystemDynamicTimeZoneInformation: 102, SystemCodeIntegrityInformation: 103,
  SystemLogicalProcessorInformationEx: 107, SystemNativeBasicInformation: 114, SystemSecureBootInformation: 145,
  SystemKernelDebuggerInformationEx: 149, SystemFullProcessInformation: 148, SystemCpuSetInformation: 175,
  SystemSupportedProcessorArchitectures: 181, SystemHypervisorSharedPageInformation: 197,
}); // prettier-ignore

const PAGE_SIZE = 0x1000;
const ALLOCATION_GRANULARITY = 0x10000;
const HIGHEST_USER_ADDRESS = 0x7fff_fffe_ffff;
const PROCESSOR_ARCHITECTURE_AMD64 = 9;
/** KF_*: RDTSC, CMOV, CMPXCHG8B, MMX, FXSR, SYSCALL, SSE, SSE2, NX. */
const FEATURE_BITS = 0x2001_398a;
const CLOCK_INTERVAL = 156_250;
const UTC = "Coordinated Universal Time";

const C = SYSTEM_INFORMATION_CLASS;

/** Undefined for classes that are not there. `address` is where the answer will lie. */
function systemInformation(machine: Machine, informationClass: number, address: number): Uint8Array | undefined {
  switch (informationClass) {
    case C.SystemBasicInformation:
    case C.SystemEmulationBasicInformation:
    case C.SystemNativeBasicInformation:
      return basic(machine);
    case C.SystemProcessorInformation:
    case C.SystemEmulationProcessorInformation:
      return fill(0xc, (m) => {
        // Emulated is the 32-bit processor that WOW64 shows.
        m.writeUint16(0x0, informationClass === C.SystemProcessorInformation ? PROCESSOR_ARCHITECTURE_AMD64 : 0);
        m.writeUint16(0x2, 6); // family
        m.writeUint16(0x4, 0x5e03); // model and stepping
        m.writeUint16(0x6, 1);
        m.writeUint32(0x8, FEATURE_BITS);
      });
    case C.SystemPerformanceInformation:
      return performanceInformation(machine);
    case C.SystemTimeOfDayInformation:
      return fill(0x30, (m) => {
        m.writeUint64(0x0, machine.clock.bootTime);
        m.writeUint64(0x8, machine.clock.systemTime);
      });
    case C.SystemProcessInformation:
    case C.SystemExtendedProcessInformation:
      return processList(machine, address, informationClass === C.SystemExtendedProcessInformation);
    case C.SystemProcessorPerformanceInformation:
      return fill(0x30, (m) => {
        m.writeUint64(0x0, BigInt(machine.clock.skipped)); // idle; kernel time includes it
        m.writeUint64(0x8, BigInt(machine.clock.skipped));
        m.writeUint64(0x10, BigInt(machine.clock.interruptTime - machine.clock.skipped));
      });
    case C.SystemFlagsInformation:
      return new Uint8Array(4);
    case C.SystemTimeAdjustmentInformation:
      return fill(0xc, (m) => {
        m.writeUint32(0x0, CLOCK_INTERVAL);
        m.writeUint32(0x4, CLOCK_INTERVAL);
        m.writeUint8(0x8, 1); // no adjustment
      });
    case C.SystemModuleInformation: {
      const bytes = new Uint8Array(8 + MODULE_SIZE);
      bytes[0] = 1;
      bytes.set(kernelModule(), 8);
      return bytes;
    }
    case C.SystemModuleInformationEx: {
      // Offset of the next entry, which is an empty one that ends the list.
      const bytes = new Uint8Array(MODULE_EX_SIZE + 2);
      new DataView(bytes.buffer).setUint16(0, MODULE_EX_SIZE, true);
      bytes.set(kernelModule(), 8);
      return bytes;
    }
    case C.SystemHandleInformation:
      return handleList(machine);
    case C.SystemExtendedHandleInformation:
      return extendedHandleList(machine);
    case C.SystemKernelDebuggerInformation:
      return Uint8Array.of(0, 1); // not enabled, not present
    case C.SystemKernelDebuggerInformationEx:
      return new Uint8Array(3);
    case C.SystemRegistryQuotaInformation:
      return fill(0x18, (m) => {
        m.writeUint32(0x0, registryOf(machine).quota);
        m.writeUint32(0x4, registryOf(machine).used);
      });
    case C.SystemCurrentTimeZoneInformation:
      return timeZone(0xac);
    case C.SystemDynamicTimeZoneInformation: {
      const bytes = timeZone(0x1b0);
      bytes.set(encodeUtf16("UTC"), 0xac);
      return bytes;
    }
    case C.SystemRangeStartInformation:
      return new Uint8Array(BigUint64Array.of(0xffff_8000_0000_0000n).buffer);
    case C.SystemLogicalProcessorInformation:
      return logicalProcessors();
    case C.SystemCodeIntegrityInformation:
      return fill(0x8, (m) => {
        m.writeUint32(0x0, 8);
        m.writeUint32(0x4, 1); // drivers must be signed
      });
    case C.SystemSecureBootInformation:
      return new Uint8Array(2);
    default:
      return undefined;
  }
}

function fill(size: number, write: (memory: BytesMemory) => void): Uint8Array {
  const memory = new BytesMemory(size);
  write(memory);
  return memory.bytes;
}

const MODULE_SIZE = 0x128;
const MODULE_EX_SIZE = 0x140;
const KERNEL_IMAGE = "\\SystemRoot\\system32\\ntoskrnl.exe";
const KERNEL_BASE = 0xffff_f800_0000_0000n;
const KERNEL_SIZE = 0x100_0000;

/** RTL_PROCESS_MODULE_INFORMATION of the kernel, which is the only module in kernel mode: there are no drivers. */
function kernelModule(): Uint8Array {
  return fill(MODULE_SIZE, (m) => {
    m.writeUint64(0x10, KERNEL_BASE);
    m.writeUint32(0x18, KERNEL_SIZE);
    m.writeUint16(0x24, 1); // load count
    m.writeUint16(0x26, KERNEL_IMAGE.lastIndexOf("\\") + 1);
    m.write(0x28, new TextEncoder().encode(KERNEL_IMAGE));
  });
}

function physicalPages(machine: Machine): number {
  return Math.floor(machine.limits.committedBytes / PAGE_SIZE);
}

function basic(machine: Machine): Uint8Array {
  return fill(0x40, (m) => {
    m.writeUint32(0x4, CLOCK_INTERVAL);
    m.writeUint32(0x8, PAGE_SIZE);
    m.writeUint32(0xc, physicalPages(machine));
    m.writeUint32(0x10, 1);
    m.writeUint32(0x14, physicalPages(machine));
    m.writeUint32(0x18, ALLOCATION_GRANULARITY);
    m.writePointer(0x20, ALLOCATION_GRANULARITY);
    m.writePointer(0x28, HIGHEST_USER_ADDRESS);
    m.writePointer(0x30, 1);
    m.writeUint8(0x38, 1);
  });
}

function performanceInformation(machine: Machine): Uint8Array {
  const committed = Math.ceil(machine.committedBytes / PAGE_SIZE);
  return fill(0x158, (m) => {
    m.writeUint64(0x0, BigInt(machine.clock.skipped));
    m.writeUint32(0x2c, Math.max(0, physicalPages(machine) - committed));
    m.writeUint32(0x30, committed);
    m.writeUint32(0x34, physicalPages(machine));
    m.writeUint32(0x38, committed);
  });
}

/** RTL_TIME_ZONE_INFORMATION for UTC, which has no daylight saving. */
function timeZone(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(encodeUtf16(UTC), 0x4);
  bytes.set(encodeUtf16(UTC), 0x58);
  return bytes;
}

const Relation = { ProcessorCore: 0, NumaNode: 1, ProcessorPackage: 3, Group: 4, All: 0xffff } as const;

/** SYSTEM_LOGICAL_PROCESSOR_INFORMATION of one core in one node and one package. */
function logicalProcessors(): Uint8Array {
  const relations = [Relation.ProcessorCore, Relation.NumaNode, Relation.ProcessorPackage];
  return fill(relations.length * 0x20, (m) =>
    relations.forEach((relation, index) => {
      m.writePointer(index * 0x20, 1);
      m.writeUint32(index * 0x20 + 8, relation);
    }),
  );
}

/** SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX for one of the relations, or for all. */
function logicalProcessorsEx(wanted: number): Uint8Array {
  const groupMask = (m: BytesMemory, countAt: number): void => {
    m.writeUint16(countAt, 1);
    m.writePointer(0x20, 1);
  };
  const entries = [
    { relation: Relation.ProcessorCore, size: 0x30, write: (m: BytesMemory) => groupMask(m, 0x1e) },
    { relation: Relation.NumaNode, size: 0x30, write: (m: BytesMemory) => groupMask(m, 0x1e) },
    { relation: Relation.ProcessorPackage, size: 0x30, write: (m: BytesMemory) => groupMask(m, 0x1e) },
    {
      relation: Relation.Group,
      size: 0x50,
      write: (m: BytesMemory) => {
        m.writeUint16(0x8, 1);
        m.writeUint16(0xa, 1);
        m.writeUint8(0x20, 1);
        m.writeUint8(0x21, 1);
        m.writePointer(0x48, 1);
      },
    },
  ].filter(({ relation }) => wanted === Relation.All || wanted === relation);
  const parts = entries.map(({ relation, size, write }) =>
    fill(size, (m) => {
      m.writeUint32(0x0, relation);
      m.writeUint32(0x4, size);
      write(m);
    }),
  );
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Classes that answer with as much as there is room for, since they grew over the years. */
const growing: ReadonlySet<number> = new Set([C.SystemPerformanceInformation, C.SystemTimeOfDayInformation]);
const exact: ReadonlySet<number> = new Set([C.SystemBasicInformation, C.SystemNativeBasicInformation]);
const SMALLEST_PERFORMANCE_INFORMATION = 0x138;

function answer(
  call: ServiceCall,
  service: string,
  informationClass: number,
  buffer: OutBuffer,
  returnLength: OutPointer<number> | undefined,
): NtStatus {
  const bytes = systemInformation(call.machine, informationClass, buffer.address);
  if (bytes === undefined) {
    const name = C.nameOf(informationClass);
    return name === undefined ? ntstatus.STATUS_INVALID_INFO_CLASS : call.notImplemented(`${service} ${name}`);
  }
  if (exact.has(informationClass)) return answerExact(buffer, returnLength, bytes);
  if (!growing.has(informationClass)) return answerWhole(buffer, returnLength, bytes);
  const least = informationClass === C.SystemPerformanceInformation ? SMALLEST_PERFORMANCE_INFORMATION : 0;
  if (buffer.length < least || buffer.length > bytes.length) {
    returnLength?.set(bytes.length);
    return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
  }
  buffer.write(bytes.subarray(0, buffer.length));
  returnLength?.set(buffer.length);
  return ntstatus.STATUS_SUCCESS;
}

const queryParameters = {
  SystemInformationClass: value(SYSTEM_INFORMATION_CLASS),
  SystemInformation: outBuffer("SystemInformationLength"),
  SystemInformationLength: value(ULONG_LENGTH),
  ReturnLength: optional(out(ULONG_LENGTH)),
};
const QUERY_SUPPORT = partial(
  "basic, processor, performance, time, process, time zone, registry quota and debugger classes",
);

export const NtQuerySystemInformation = systemService("NtQuerySystemInformation", {
  support: QUERY_SUPPORT,
  params: queryParameters,
  run(call, { SystemInformationClass, SystemInformation, ReturnLength }) {
    return answer(call, "NtQuerySystemInformation", SystemInformationClass, SystemInformation, ReturnLength);
  },
});

/** What a program would see that is not emulated on another architecture: the same. */
export const RtlGetNativeSystemInformation = systemService("RtlGetNativeSystemInformation", {
  support: QUERY_SUPPORT,
  params: queryParameters,
  run(call, { SystemInformationClass, SystemInformation, ReturnLength }) {
    return answer(call, "RtlGetNativeSystemInformation", SystemInformationClass, SystemInformation, ReturnLength);
  },
});

export const NtQuerySystemInformationEx = systemService("NtQuerySystemInformationEx", {
  support: partial("SystemLogicalProcessorInformationEx without caches, SystemSupportedProcessorArchitectures"),
  params: {
    SystemInformationClass: value(SYSTEM_INFORMATION_CLASS),
    InputBuffer: inBuffer("InputBufferLength"),
    InputBufferLength: value(ULONG_LENGTH),
    SystemInformation: outBuffer("SystemInformationLength"),
    SystemInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { SystemInformationClass, InputBuffer, SystemInformation, ReturnLength }) {
    if (InputBuffer.address === 0 || InputBuffer.length === 0) return ntstatus.STATUS_INVALID_PARAMETER;
    switch (SystemInformationClass) {
      case C.SystemLogicalProcessorInformationEx: {
        if (InputBuffer.length < 4) return ntstatus.STATUS_INVALID_PARAMETER;
        const relation = call.memory.readUint32(InputBuffer.address);
        return answerWhole(SystemInformation, ReturnLength, logicalProcessorsEx(relation));
      }
      case C.SystemSupportedProcessorArchitectures:
        // AMD64: kernel, user, native, of this process; a zero ends the list.
        return answerWhole(
          SystemInformation,
          ReturnLength,
          new Uint8Array(Uint32Array.of(0x8664 | (0xf << 16), 0).buffer),
          ntstatus.STATUS_BUFFER_TOO_SMALL,
        );
      default: {
        const name = C.nameOf(SystemInformationClass);
        if (name === undefined) return ntstatus.STATUS_INVALID_INFO_CLASS;
        return call.notImplemented(`NtQuerySystemInformationEx ${name}`);
      }
    }
  },
});

export const NtSetSystemInformation = systemService("NtSetSystemInformation", {
  support: missing,
  params: {
    SystemInformationClass: value(SYSTEM_INFORMATION_CLASS),
    SystemInformation: value(PVOID),
    SystemInformationLength: value(ULONG_LENGTH),
  },
});
