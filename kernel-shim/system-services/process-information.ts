/** What processes tell of themselves, and what can be set. */
import { ProcessAccess } from "../abi/access.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { AllocationType, PageProtection } from "../abi/memory.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { at, struct } from "../abi/struct.ts";
import { PEB, readUnicodeString, RTL_USER_PROCESS_PARAMETERS, SECTION_IMAGE_INFORMATION } from "../abi/structures.ts";
import { enumeration, HANDLE, PVOID, SIZE_T, ULONG_LENGTH } from "../abi/type.ts";
import { highestAddress } from "../memory-manager/zero-bits.ts";
import { Process } from "../process-manager/process.ts";
import { SESSION_ID } from "../security/identity.ts";
import { answerExact, answerWhole, referenceWithEither, unicodeStringAt } from "./information-answer.ts";
import { userTime } from "./process-list.ts";
import type { InBuffer, ServiceCall } from "./service.ts";
import { inBuffer, optional, out, outBuffer, partial, systemService, value } from "./service.ts";

const PROCESSINFOCLASS = enumeration("PROCESSINFOCLASS", {
  ProcessBasicInformation: 0, ProcessQuotaLimits: 1, ProcessIoCounters: 2, ProcessVmCounters: 3, ProcessTimes: 4,
  ProcessBasePriority: 5, ProcessRaisePriority: 6, ProcessDebugPort: 7, ProcessExceptionPort: 8, ProcessAccessToken: 9,
  ProcessDefaultHardErrorMode: 12, ProcessPooledUsageAndLimits: 14, ProcessWorkingSetWatch: 15, ProcessPriorityClass: 18,
  ProcessWx86Information: 19, ProcessHandleCount: 20, ProcessAffinityMask: 21, ProcessPriorityBoost: 22, ProcessDeviceMap: 23,
  ProcessSessionInformation: 24, ProcessForegroundInformation: 25, ProcessWow64Information: 26, ProcessImageFileName: 27,
  ProcessLUIDDeviceMapsEnabled: 28, ProcessBreakOnTermination: 29, ProcessDebugObjectHandle: 30, ProcessDebugFlags: 31,
  ProcessHandleTracing: 32, ProcessIoPriority: 33, ProcessExecuteFlags: 34, ProcessTlsInformation: 35, ProcessCookie: 36,
  ProcessImageInformation: 37, ProcessCycleTime: 38, ProcessPagePriority: 39, ProcessInstrumentationCallback: 40,
  ProcessThreadStackAllocation: 41, ProcessWorkingSetWatchEx: 42, ProcessImageFileNameWin32: 43, ProcessImageFileMapping: 44,
  ProcessAffinityUpdateMode: 45, ProcessMemoryAllocationMode: 46, ProcessGroupInformation: 47, ProcessConsoleHostProcess: 49,
  ProcessWindowInformation: 50, ProcessHandleInformation: 51, ProcessMitigationPolicy: 52, ProcessCommandLineInformation: 60,
  ProcessProtectionInformation: 61, ProcessTelemetryIdInformation: 64, ProcessPowerThrottlingState: 77, ProcessSubsystemInformation: 75,
}); // prettier-ignore
const C = PROCESSINFOCLASS;

const DOS_VOLUME = /^\\Device\\HarddiskVolume\d+/;
const EXECUTE_FLAGS_NX_PERMANENT = 0xd;

function u32(size: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(size).buffer);
}
function u64(...values: readonly (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}
/** Classes of one fixed size; undefined for those that are not here. */
function fixedInformation(process: Process, informationClass: number): Uint8Array | undefined {
  switch (informationClass) {
    case C.ProcessBasicInformation:
      return u64(process.exitStatus, process.peb, process.affinity, 8, process.id, process.parentId);
    case C.ProcessTimes:
      return u64(process.createTime, process.exitTime, 0, userTime(process));
    case C.ProcessIoCounters:
      return undefined;
    case C.ProcessDebugPort:
    case C.ProcessWow64Information:
      return u64(0);
    case C.ProcessDefaultHardErrorMode:
      return u32(process.defaultHardErrorMode);
    case C.ProcessPriorityClass:
      return Uint8Array.of(0, process.priorityClass);
    case C.ProcessHandleCount:
      return u32(process.handles.count);
    case C.ProcessAffinityMask:
      return u64(process.affinity);
    case C.ProcessSessionInformation:
      return u32(SESSION_ID);
    case C.ProcessPriorityBoost:
    case C.ProcessBreakOnTermination:
    case C.ProcessSubsystemInformation:
      return u32(0);
    case C.ProcessDebugFlags:
      return u32(1); // children are debugged as well: nobody changed it
    case C.ProcessIoPriority:
      return u32(2);
    case C.ProcessPagePriority:
      return u32(5);
    case C.ProcessExecuteFlags:
      return u32(EXECUTE_FLAGS_NX_PERMANENT);
    case C.ProcessCookie:
      return u32(process.cookie);
    case C.ProcessLUIDDeviceMapsEnabled:
      return u32(1);
    case C.ProcessCycleTime: {
      const cycles = process.threads.reduce((sum, thread) => sum + thread.instructions, 0);
      return u64(cycles, 0);
    }
    case C.ProcessProtectionInformation:
      return Uint8Array.of(0);
    case C.ProcessImageInformation:
      return imageInformation(process);
    case C.ProcessDeviceMap: {
      const drives = new Uint8Array(0x24);
      drives[0] = 1 << 2; // C:
      drives[4 + 2] = 3; // DRIVE_FIXED
      return drives;
    }
    default:
      return undefined;
  }
}

function imageInformation(process: Process): Uint8Array | undefined {
  const { imageInformation: information, imageBase } = process.section;
  if (information === undefined) return undefined;
  const memory = new BytesMemory(SECTION_IMAGE_INFORMATION.size);
  const base = process.peb === 0 ? imageBase : PEB.get(process.memory, process.peb, "ImageBaseAddress");
  SECTION_IMAGE_INFORMATION.write(memory, 0, {
    ...information,
    TransferAddress: information.TransferAddress - imageBase + base,
  });
  return memory.bytes;
}

/** VM_COUNTERS_EX2 begins with VM_COUNTERS and VM_COUNTERS_EX; the length tells which is wanted. */
function virtualMemoryCounters({ virtualMemory }: Process): Uint8Array {
  const { committed, peakCommitted, reserved } = virtualMemory;
  return u64(reserved, reserved, 0, peakCommitted, committed, 0, 0, 0, 0, committed, peakCommitted, committed);
}

function commandLine(process: Process): string {
  const parameters = PEB.get(process.memory, process.peb, "ProcessParameters");
  return readUnicodeString(process.memory, parameters + RTL_USER_PROCESS_PARAMETERS.offsetOf("CommandLine"));
}

/** VM_COUNTERS, with PrivateUsage. */
const VM_COUNTERS_SIZES = [0x58, 0x60];

export const NtQueryInformationProcess = systemService("NtQueryInformationProcess", {
  support: partial("without counters of I/O, working sets, quotas and handles"),
  params: {
    ProcessHandle: value(HANDLE),
    ProcessInformationClass: value(PROCESSINFOCLASS),
    ProcessInformation: outBuffer("ProcessInformationLength"),
    ProcessInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { ProcessHandle, ProcessInformationClass: kind, ProcessInformation: buffer, ReturnLength }) {
    const { PROCESS_QUERY_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION } = ProcessAccess;
    const process = referenceWithEither(
      call,
      ProcessHandle,
      Process,
      PROCESS_QUERY_INFORMATION,
      PROCESS_QUERY_LIMITED_INFORMATION,
    );
    switch (kind) {
      case C.ProcessVmCounters: {
        if (!VM_COUNTERS_SIZES.includes(buffer.length)) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        return answerExact(buffer, ReturnLength, virtualMemoryCounters(process).subarray(0, buffer.length));
      }
      case C.ProcessImageFileName:
        return answerWhole(buffer, ReturnLength, unicodeStringAt(buffer.address, process.imagePath));
      case C.ProcessImageFileNameWin32:
        return answerWhole(
          buffer,
          ReturnLength,
          unicodeStringAt(buffer.address, process.imagePath.replace(DOS_VOLUME, "C:")),
        );
      case C.ProcessCommandLineInformation:
        return answerWhole(buffer, ReturnLength, unicodeStringAt(buffer.address, commandLine(process)));
      case C.ProcessDebugObjectHandle:
        return buffer.length === 8 ? ntstatus.STATUS_PORT_NOT_SET : ntstatus.STATUS_INFO_LENGTH_MISMATCH;
      default:
        break;
    }
    const bytes = fixedInformation(process, kind);
    if (bytes === undefined) return unknownClass(call, "NtQueryInformationProcess", kind);
    return answerExact(buffer, ReturnLength, bytes);
  },
});

function unknownClass(call: ServiceCall, service: string, informationClass: number): NtStatus {
  const name = C.nameOf(informationClass);
  return name === undefined ? ntstatus.STATUS_INVALID_INFO_CLASS : call.notImplemented(`${service} ${name}`);
}

function only32(buffer: InBuffer): number | undefined {
  return buffer.length === 4 ? buffer.memory.readUint32(buffer.address) : undefined;
}

const PROCESS_STACK_ALLOCATION_INFORMATION = struct("PROCESS_STACK_ALLOCATION_INFORMATION", 0x18, {
  ReserveSize: at(0x0, SIZE_T),
  ZeroBits: at(0x8, SIZE_T),
  StackBase: at(0x10, PVOID),
});
/** PROCESS_STACK_ALLOCATION_INFORMATION_EX: a NUMA node and reserved fields come before the same. */
const STACK_ALLOCATION_OFFSETS = new Map([
  [PROCESS_STACK_ALLOCATION_INFORMATION.size, 0],
  [PROCESS_STACK_ALLOCATION_INFORMATION.size + 0x10, 0x10],
]);

/** Reserves a stack; whoever asked commits of it what it wants. StackBase gets the reservation's lowest address. */
function allocateStack(call: ServiceCall, { virtualMemory }: Process, { address, length }: InBuffer): NtStatus {
  const offset = STACK_ALLOCATION_OFFSETS.get(length);
  if (offset === undefined) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
  const { ReserveSize, ZeroBits } = PROCESS_STACK_ALLOCATION_INFORMATION.read(call.memory, address + offset);
  const { base } = virtualMemory.allocate(0, ReserveSize, AllocationType.MEM_RESERVE, PageProtection.PAGE_READWRITE, {
    highest: highestAddress(ZeroBits, ntstatus.STATUS_INVALID_PARAMETER),
  });
  PROCESS_STACK_ALLOCATION_INFORMATION.set(call.memory, address + offset, { StackBase: base });
  return ntstatus.STATUS_SUCCESS;
}

export const NtSetInformationProcess = systemService("NtSetInformationProcess", {
  support: partial(
    "hard error mode, priority class, affinity and thread stacks; the scheduler has one processor and no priority classes",
  ),
  params: {
    ProcessHandle: value(HANDLE),
    ProcessInformationClass: value(PROCESSINFOCLASS),
    ProcessInformation: inBuffer("ProcessInformationLength"),
    ProcessInformationLength: value(ULONG_LENGTH),
  },
  run(call, { ProcessHandle, ProcessInformationClass: kind, ProcessInformation: buffer }) {
    const process = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_SET_INFORMATION);
    switch (kind) {
      case C.ProcessDefaultHardErrorMode: {
        const mode = only32(buffer);
        if (mode === undefined) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        process.defaultHardErrorMode = mode;
        return ntstatus.STATUS_SUCCESS;
      }
      case C.ProcessPriorityClass: {
        if (buffer.length !== 2) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        const [, priorityClass] = buffer.bytes();
        if (priorityClass > 6) return ntstatus.STATUS_INVALID_PARAMETER;
        process.priorityClass = priorityClass;
        return ntstatus.STATUS_SUCCESS;
      }
      case C.ProcessAffinityMask: {
        if (buffer.length !== 8) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        // One processor: the mask is it or nothing.
        return buffer.memory.readUint64(buffer.address) === 1n
          ? ntstatus.STATUS_SUCCESS
          : ntstatus.STATUS_INVALID_PARAMETER;
      }
      case C.ProcessExecuteFlags:
        // Data execution prevention is permanent in 64-bit processes.
        return ntstatus.STATUS_ACCESS_DENIED;
      case C.ProcessThreadStackAllocation:
        return allocateStack(call, process, buffer);
      default:
        return unknownClass(call, "NtSetInformationProcess", kind);
    }
  },
});
