/** What threads tell of themselves, and what can be set. */
import { ThreadAccess, TokenAccess } from "../abi/access.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { CLIENT_ID, readUnicodeString } from "../abi/structures.ts";
import { enumeration, HANDLE, ULONG_LENGTH } from "../abi/type.ts";
import { Thread } from "../process-manager/thread.ts";
import { Token, TOKEN_TYPE } from "../security/token.ts";
import { answerExact, answerWhole, referenceWithEither, unicodeStringAt } from "./information-answer.ts";
import { threadTime } from "./process-list.ts";
import type { ServiceCall } from "./service.ts";
import { inBuffer, optional, out, outBuffer, partial, systemService, value } from "./service.ts";

const THREADINFOCLASS = enumeration("THREADINFOCLASS", {
  ThreadBasicInformation: 0, ThreadTimes: 1, ThreadPriority: 2, ThreadBasePriority: 3, ThreadAffinityMask: 4,
  ThreadImpersonationToken: 5, ThreadDescriptorTableEntry: 6, ThreadEnableAlignmentFaultFixup: 7, ThreadEventPair: 8,
  ThreadQuerySetWin32StartAddress: 9, ThreadZeroTlsCell: 10, ThreadPerformanceCount: 11, ThreadAmILastThread: 12,
  ThreadIdealProcessor: 13, ThreadPriorityBoost: 14, ThreadSetTlsArrayAddress: 15, ThreadIsIoPending: 16, ThreadHideFromDebugger: 17,
  ThreadBreakOnTermination: 18, ThreadSwitchLegacyState: 19, ThreadIsTerminated: 20, ThreadLastSystemCall: 21, ThreadIoPriority: 22,
  ThreadCycleTime: 23, ThreadPagePriority: 24, ThreadActualBasePriority: 25, ThreadTebInformation: 26, ThreadCSwitchMon: 27,
  ThreadCSwitchPmu: 28, ThreadWow64Context: 29, ThreadGroupInformation: 30, ThreadUmsInformation: 31, ThreadCounterProfiling: 32,
  ThreadIdealProcessorEx: 33, ThreadCpuAccountingInformation: 34, ThreadSuspendCount: 35, ThreadNameInformation: 38,
  ThreadPowerThrottlingState: 49, ThreadDynamicCodePolicyInfo: 42,
}); // prettier-ignore
const C = THREADINFOCLASS;
const BASE_PRIORITY = 8;

function u32(one: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(one).buffer);
}
function u64(...values: readonly (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}

/** Classes of one fixed size; undefined for those that are not here. */
function fixedInformation(thread: Thread, informationClass: number): Uint8Array | undefined {
  switch (informationClass) {
    case C.ThreadBasicInformation: {
      const memory = new BytesMemory(0x30);
      memory.writeUint32(0x0, thread.exitStatus);
      memory.writePointer(0x8, thread.teb);
      CLIENT_ID.write(memory, 0x10, { UniqueProcess: thread.process.id, UniqueThread: thread.id });
      memory.writePointer(0x20, thread.affinity);
      memory.writeUint32(0x28, thread.priority);
      memory.writeUint32(0x2c, thread.priority - BASE_PRIORITY);
      return memory.bytes;
    }
    case C.ThreadTimes:
      return u64(thread.createTime, thread.exitTime, 0, threadTime(thread));
    case C.ThreadQuerySetWin32StartAddress:
      return u64(thread.startAddress);
    case C.ThreadAmILastThread:
      return u32(thread.process.livingThreads.length === 1 ? 1 : 0);
    case C.ThreadPriorityBoost:
    case C.ThreadIsIoPending:
    case C.ThreadBreakOnTermination:
      return u32(0);
    case C.ThreadHideFromDebugger:
      return Uint8Array.of(thread.hiddenFromDebugger ? 1 : 0);
    case C.ThreadIsTerminated:
      return u32(thread.state === "terminated" ? 1 : 0);
    case C.ThreadIoPriority:
      return u32(2);
    case C.ThreadPagePriority:
      return u32(5);
    case C.ThreadActualBasePriority:
      return u32(thread.priority);
    case C.ThreadCycleTime:
      return u64(thread.instructions, 0);
    case C.ThreadGroupInformation:
      return u64(thread.affinity, 0);
    case C.ThreadIdealProcessorEx:
      return u32(0);
    case C.ThreadSuspendCount:
      return u32(thread.suspendCount);
    default:
      return undefined;
  }
}

export const NtQueryInformationThread = systemService("NtQueryInformationThread", {
  support: partial("without descriptor table entries, performance counts and the last system call"),
  params: {
    ThreadHandle: value(HANDLE),
    ThreadInformationClass: value(THREADINFOCLASS),
    ThreadInformation: outBuffer("ThreadInformationLength"),
    ThreadInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { ThreadHandle, ThreadInformationClass: kind, ThreadInformation: buffer, ReturnLength }) {
    const { THREAD_QUERY_INFORMATION, THREAD_QUERY_LIMITED_INFORMATION } = ThreadAccess;
    const thread = referenceWithEither(
      call,
      ThreadHandle,
      Thread,
      THREAD_QUERY_INFORMATION,
      THREAD_QUERY_LIMITED_INFORMATION,
    );
    if (kind === C.ThreadNameInformation) {
      const bytes = unicodeStringAt(buffer.address, thread.description);
      return answerWhole(buffer, ReturnLength, bytes, ntstatus.STATUS_BUFFER_TOO_SMALL);
    }
    const bytes = fixedInformation(thread, kind);
    if (bytes === undefined) return unknownClass(call, "NtQueryInformationThread", kind);
    return answerExact(buffer, ReturnLength, bytes);
  },
});

function unknownClass(call: ServiceCall, service: string, informationClass: number): NtStatus {
  const name = C.nameOf(informationClass);
  return name === undefined ? ntstatus.STATUS_INVALID_INFO_CLASS : call.notImplemented(`${service} ${name}`);
}

export const NtSetInformationThread = systemService("NtSetInformationThread", {
  support: partial("priorities, affinity, impersonation, name and debugger visibility"),
  params: {
    ThreadHandle: value(HANDLE),
    ThreadInformationClass: value(THREADINFOCLASS),
    ThreadInformation: inBuffer("ThreadInformationLength"),
    ThreadInformationLength: value(ULONG_LENGTH),
  },
  run(call, { ThreadHandle, ThreadInformationClass: kind, ThreadInformation: buffer }) {
    const { THREAD_SET_INFORMATION, THREAD_SET_LIMITED_INFORMATION } = ThreadAccess;
    const thread = referenceWithEither(
      call,
      ThreadHandle,
      Thread,
      THREAD_SET_INFORMATION,
      THREAD_SET_LIMITED_INFORMATION,
    );
    const { memory, address, length } = buffer;
    switch (kind) {
      case C.ThreadPriority:
      case C.ThreadBasePriority: {
        if (length !== 4) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        const given = memory.readUint32(address) | 0;
        const priority = kind === C.ThreadPriority ? given : BASE_PRIORITY + clampIncrement(given);
        if (priority < 1 || priority > 31) return ntstatus.STATUS_INVALID_PARAMETER;
        thread.priority = priority;
        return ntstatus.STATUS_SUCCESS;
      }
      case C.ThreadAffinityMask: {
        if (length !== 8) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        return memory.readUint64(address) & 1n ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_INVALID_PARAMETER;
      }
      case C.ThreadImpersonationToken: {
        if (length !== 8) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        const handle = HANDLE.read(memory, address);
        if (handle === 0) {
          thread.impersonationToken = undefined;
          return ntstatus.STATUS_SUCCESS;
        }
        const token = call.reference(handle, Token, TokenAccess.TOKEN_IMPERSONATE);
        if (token.tokenType !== TOKEN_TYPE.TokenImpersonation) return ntstatus.STATUS_BAD_TOKEN_TYPE;
        thread.impersonationToken = token;
        return ntstatus.STATUS_SUCCESS;
      }
      case C.ThreadHideFromDebugger:
        if (length !== 0) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        thread.hiddenFromDebugger = true;
        return ntstatus.STATUS_SUCCESS;
      case C.ThreadNameInformation: {
        if (length !== 0x10) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        thread.description = readUnicodeString(memory, address);
        return ntstatus.STATUS_SUCCESS;
      }
      default:
        return unknownClass(call, "NtSetInformationThread", kind);
    }
  },
});

/** THREAD_PRIORITY_IDLE (-15) and THREAD_PRIORITY_TIME_CRITICAL (15) stand for the ends of the dynamic range. */
function clampIncrement(increment: number): number {
  if (increment <= -15) return 1 - BASE_PRIORITY;
  if (increment >= 15) return 15 - BASE_PRIORITY;
  return increment;
}
