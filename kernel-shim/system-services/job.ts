/** Job objects: https://learn.microsoft.com/windows/win32/procthread/job-objects */
import { IoCompletionAccess, JobObjectAccess, ProcessAccess } from "../abi/access.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { at, struct } from "../abi/struct.ts";
import { enumeration, HANDLE, OPAQUE, u32, u64, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { IoCompletion } from "../executive/io-completion.ts";
import { EXTENDED_LIMIT_SIZE, Job, JOBOBJECT_BASIC_LIMIT_INFORMATION } from "../process-manager/job.ts";
import { Process } from "../process-manager/process.ts";
import { answerWhole } from "./information-answer.ts";
import { userTime } from "./process-list.ts";
import type { InBuffer, ServiceCall } from "./service.ts";
import {
  full,
  inBuffer,
  NO_RETURN,
  optional,
  out,
  outBuffer,
  partial,
  pointer,
  systemService,
  value,
} from "./service.ts";

const LIMITS_ENFORCED = "limits: active processes, kill on close, breakaway; the others are kept and not enforced";

const JOBOBJECTINFOCLASS = enumeration("JOBOBJECTINFOCLASS", {
  JobObjectBasicAccountingInformation: 1, JobObjectBasicLimitInformation: 2, JobObjectBasicProcessIdList: 3,
  JobObjectBasicUIRestrictions: 4, JobObjectSecurityLimitInformation: 5, JobObjectEndOfJobTimeInformation: 6,
  JobObjectAssociateCompletionPortInformation: 7, JobObjectBasicAndIoAccountingInformation: 8,
  JobObjectExtendedLimitInformation: 9, JobObjectJobSetInformation: 10, JobObjectGroupInformation: 11,
  JobObjectNotificationLimitInformation: 12, JobObjectLimitViolationInformation: 13, JobObjectGroupInformationEx: 14,
  JobObjectCpuRateControlInformation: 15,
}); // prettier-ignore
const C = JOBOBJECTINFOCLASS;

const JOBOBJECT_BASIC_ACCOUNTING_INFORMATION = struct("JOBOBJECT_BASIC_ACCOUNTING_INFORMATION", 0x30, {
  TotalUserTime: at(0x0, u64),
  ThisPeriodTotalUserTime: at(0x10, u64),
  TotalProcesses: at(0x24, u32),
  ActiveProcesses: at(0x28, u32),
  TotalTerminatedProcesses: at(0x2c, u32),
});
const BASIC_AND_IO_ACCOUNTING_SIZE = 0x60;
const JOBOBJECT_ASSOCIATE_COMPLETION_PORT = struct("JOBOBJECT_ASSOCIATE_COMPLETION_PORT", 0x10, {
  CompletionKey: at(0x0, OPAQUE),
  CompletionPort: at(0x8, HANDLE),
});
/** NumberOfAssignedProcesses and NumberOfProcessIdsInList come before the list. */
const PROCESS_ID_LIST_HEADER = 8;
/** LimitFlags that the two classes know. */
const BASIC_LIMITS = 0xff;
const EXTENDED_LIMITS = 0x7fff;

export const NtCreateJobObject = systemService("NtCreateJobObject", {
  support: full,
  params: {
    JobHandle: out(HANDLE),
    DesiredAccess: value(JobObjectAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
  },
  run(call, { JobHandle, DesiredAccess, ObjectAttributes }) {
    const { status, handle } = call.createObject(ObjectAttributes, DesiredAccess, Job, () => new Job());
    JobHandle.set(handle);
    return status;
  },
});

export const NtOpenJobObject = systemService("NtOpenJobObject", {
  support: full,
  params: {
    JobHandle: out(HANDLE),
    DesiredAccess: value(JobObjectAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { JobHandle, DesiredAccess, ObjectAttributes }) {
    JobHandle.set(call.openObject(ObjectAttributes, DesiredAccess, Job));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtAssignProcessToJobObject = systemService("NtAssignProcessToJobObject", {
  support: partial("a job may be nested in any other"),
  params: { JobHandle: value(HANDLE), ProcessHandle: value(HANDLE) },
  run(call, { JobHandle, ProcessHandle }) {
    const job = call.reference(JobHandle, Job, JobObjectAccess.JOB_OBJECT_ASSIGN_PROCESS);
    const access = ProcessAccess.PROCESS_SET_QUOTA | ProcessAccess.PROCESS_TERMINATE;
    const process = call.reference(ProcessHandle, Process, access);
    if (process.exited) return ntstatus.STATUS_PROCESS_IS_TERMINATING;
    if (job.isFull && !job.processes.includes(process)) return ntstatus.STATUS_QUOTA_EXCEEDED;
    job.add(call.machine, process);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtTerminateJobObject = systemService("NtTerminateJobObject", {
  support: full,
  params: { JobHandle: value(HANDLE), ExitStatus: value(ULONG) },
  run(call, { JobHandle, ExitStatus }) {
    call.reference(JobHandle, Job, JobObjectAccess.JOB_OBJECT_TERMINATE).terminate(call.machine, ExitStatus);
    return call.process.exited ? NO_RETURN : ntstatus.STATUS_SUCCESS;
  },
});

export const NtIsProcessInJob = systemService("NtIsProcessInJob", {
  support: full,
  params: { ProcessHandle: value(HANDLE), JobHandle: value(HANDLE) },
  run(call, { ProcessHandle, JobHandle }) {
    const { jobs } = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_QUERY_LIMITED_INFORMATION);
    const isIn =
      JobHandle === 0
        ? jobs.length > 0
        : jobs.includes(call.reference(JobHandle, Job, JobObjectAccess.JOB_OBJECT_QUERY));
    return isIn ? ntstatus.STATUS_PROCESS_IN_JOB : ntstatus.STATUS_PROCESS_NOT_IN_JOB;
  },
});

/** The job of a handle; without one, the innermost job of the caller. */
function queriedJob(call: ServiceCall, handle: number): Job {
  if (handle !== 0) return call.reference(handle, Job, JobObjectAccess.JOB_OBJECT_QUERY);
  const own = call.process.jobs.at(0);
  if (own === undefined) throw call.fail(ntstatus.STATUS_ACCESS_DENIED);
  return own;
}

function accounting(job: Job, size: number): Uint8Array {
  const memory = new BytesMemory(size);
  const time = job.processes.reduce((sum, process) => sum + userTime(process), 0n);
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.write(memory, 0, {
    TotalUserTime: time,
    ThisPeriodTotalUserTime: time,
    TotalProcesses: job.processes.length,
    ActiveProcesses: job.active.length,
    TotalTerminatedProcesses: job.terminated,
  });
  return memory.bytes;
}

export const NtQueryInformationJobObject = systemService("NtQueryInformationJobObject", {
  support: partial("accounting without kernel times and I/O; no notification limits, no CPU rates"),
  params: {
    JobHandle: value(HANDLE),
    JobObjectInformationClass: value(JOBOBJECTINFOCLASS),
    JobObjectInformation: outBuffer("JobObjectInformationLength"),
    JobObjectInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { JobHandle, JobObjectInformationClass: kind, JobObjectInformation: buffer, ReturnLength }) {
    const job = queriedJob(call, JobHandle);
    const answer = (bytes: Uint8Array): NtStatus =>
      buffer.length === bytes.length ? answerWhole(buffer, ReturnLength, bytes) : ntstatus.STATUS_INFO_LENGTH_MISMATCH;
    const ulong = (number: number): Uint8Array => new Uint8Array(Uint32Array.of(number).buffer);
    switch (kind) {
      case C.JobObjectBasicAccountingInformation:
        return answer(accounting(job, JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.size));
      case C.JobObjectBasicAndIoAccountingInformation:
        return answer(accounting(job, BASIC_AND_IO_ACCOUNTING_SIZE));
      case C.JobObjectBasicLimitInformation:
        return answer(job.limits.slice(0, JOBOBJECT_BASIC_LIMIT_INFORMATION.size));
      case C.JobObjectExtendedLimitInformation:
        return answer(job.limits.slice());
      case C.JobObjectBasicUIRestrictions:
        return answer(ulong(job.uiRestrictions));
      case C.JobObjectEndOfJobTimeInformation:
        return answer(ulong(job.endOfJobTimeAction));
      case C.JobObjectBasicProcessIdList: {
        if (buffer.length <= PROCESS_ID_LIST_HEADER) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        const ids = job.active.map(({ id }) => id);
        const room = Math.floor((buffer.length - PROCESS_ID_LIST_HEADER) / 8);
        const memory = new BytesMemory(PROCESS_ID_LIST_HEADER + Math.min(ids.length, room) * 8);
        memory.writeUint32(0, ids.length);
        memory.writeUint32(4, Math.min(ids.length, room));
        ids.slice(0, room).forEach((id, i) => memory.writePointer(PROCESS_ID_LIST_HEADER + i * 8, id));
        const status = answerWhole(buffer, ReturnLength, memory.bytes);
        return ids.length > room ? ntstatus.STATUS_BUFFER_OVERFLOW : status;
      }
      default:
        return unknownClass(call, "NtQueryInformationJobObject", kind);
    }
  },
});

function unknownClass(call: ServiceCall, service: string, kind: number): NtStatus {
  const name = C.nameOf(kind);
  return name === undefined ? ntstatus.STATUS_INVALID_INFO_CLASS : call.notImplemented(`${service} ${name}`);
}

function setLimits(job: Job, buffer: InBuffer, size: number, known: number): NtStatus {
  if (buffer.length !== size) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
  const bytes = buffer.bytes();
  const { LimitFlags } = JOBOBJECT_BASIC_LIMIT_INFORMATION.read(new BytesMemory(bytes), 0);
  if (LimitFlags & ~known) return ntstatus.STATUS_INVALID_PARAMETER;
  const limits = job.limits.slice();
  limits.set(bytes);
  job.limits = limits;
  return ntstatus.STATUS_SUCCESS;
}

export const NtSetInformationJobObject = systemService("NtSetInformationJobObject", {
  support: partial(LIMITS_ENFORCED),
  params: {
    JobHandle: value(HANDLE),
    JobObjectInformationClass: value(JOBOBJECTINFOCLASS),
    JobObjectInformation: inBuffer("JobObjectInformationLength"),
    JobObjectInformationLength: value(ULONG_LENGTH),
  },
  run(call, { JobHandle, JobObjectInformationClass: kind, JobObjectInformation: buffer }) {
    const job = call.reference(JobHandle, Job, JobObjectAccess.JOB_OBJECT_SET_ATTRIBUTES);
    switch (kind) {
      case C.JobObjectBasicLimitInformation:
        return setLimits(job, buffer, JOBOBJECT_BASIC_LIMIT_INFORMATION.size, BASIC_LIMITS);
      case C.JobObjectExtendedLimitInformation:
        return setLimits(job, buffer, EXTENDED_LIMIT_SIZE, EXTENDED_LIMITS);
      case C.JobObjectBasicUIRestrictions:
        if (buffer.length !== 4) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        job.uiRestrictions = buffer.memory.readUint32(buffer.address);
        return ntstatus.STATUS_SUCCESS;
      case C.JobObjectEndOfJobTimeInformation:
        if (buffer.length !== 4) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        job.endOfJobTimeAction = buffer.memory.readUint32(buffer.address);
        return ntstatus.STATUS_SUCCESS;
      case C.JobObjectAssociateCompletionPortInformation: {
        if (buffer.length !== JOBOBJECT_ASSOCIATE_COMPLETION_PORT.size) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        const { CompletionKey, CompletionPort } = JOBOBJECT_ASSOCIATE_COMPLETION_PORT.read(
          buffer.memory,
          buffer.address,
        );
        const port = call.reference(CompletionPort, IoCompletion, IoCompletionAccess.IO_COMPLETION_MODIFY_STATE);
        job.associate(call.machine, port, CompletionKey);
        return ntstatus.STATUS_SUCCESS;
      }
      default:
        return unknownClass(call, "NtSetInformationJobObject", kind);
    }
  },
});
