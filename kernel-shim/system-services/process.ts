import { ProcessAccess } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { CLIENT_ID, OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { HANDLE, PVOID, ULONG } from "../abi/type.ts";
import { reportUnhandledException } from "../process-manager/exceptions.ts";
import { Process } from "../process-manager/process.ts";
import { terminateProcess, terminateThread } from "../process-manager/termination.ts";
import { full, missing, NO_RETURN, optional, out, partial, pointer, systemService, value } from "./service.ts";

export const NtTerminateProcess = systemService("NtTerminateProcess", {
  support: full,
  params: { ProcessHandle: value(HANDLE), ExitStatus: value(ULONG) },
  run(call, { ProcessHandle, ExitStatus }) {
    // 0 ends the other threads: the first half of a process's own exit.
    if (ProcessHandle === 0) {
      for (const thread of call.process.livingThreads) {
        if (thread !== call.thread) terminateThread(call.machine, thread, ExitStatus);
      }
      return ntstatus.STATUS_SUCCESS;
    }
    const process = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_TERMINATE);
    if (process.exited) return ntstatus.STATUS_PROCESS_IS_TERMINATING;
    if (process !== call.process) {
      terminateProcess(call.machine, process, ExitStatus);
      return ntstatus.STATUS_SUCCESS;
    }
    reportUnhandledException(call.machine, call.thread, ExitStatus);
    terminateProcess(call.machine, process, ExitStatus);
    return NO_RETURN;
  },
});

export const NtOpenProcess = systemService("NtOpenProcess", {
  support: full,
  params: {
    ProcessHandle: out(HANDLE),
    DesiredAccess: value(ProcessAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    ClientId: pointer(CLIENT_ID),
  },
  run(call, { ProcessHandle, DesiredAccess, ObjectAttributes, ClientId }) {
    // The two low bits of an id are ignored.
    const process = call.machine.processes.find((one) => one.id === (ClientId.UniqueProcess & ~3) && !one.exited);
    if (process === undefined) return ntstatus.STATUS_INVALID_CID;
    ProcessHandle.set(call.openHandle(process, DesiredAccess, ObjectAttributes.Attributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtGetNextProcess = systemService("NtGetNextProcess", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    DesiredAccess: value(ProcessAccess),
    HandleAttributes: value(ULONG),
    Flags: value(ULONG),
    NewProcessHandle: out(HANDLE),
  },
  run(call, { ProcessHandle, DesiredAccess, HandleAttributes, NewProcessHandle }) {
    const after = ProcessHandle === 0 ? 0 : call.reference(ProcessHandle, Process, 0).id;
    const next = call.machine.processes.find((process) => !process.exited && process.id > after);
    if (next === undefined) return ntstatus.STATUS_NO_MORE_ENTRIES;
    NewProcessHandle.set(call.openHandle(next, DesiredAccess, HandleAttributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

const processOnly = { ProcessHandle: value(HANDLE) };
export const NtSuspendProcess = systemService("NtSuspendProcess", {
  support: full,
  params: processOnly,
  run(call, { ProcessHandle }) {
    call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_SUSPEND_RESUME).suspendCount++;
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtResumeProcess = systemService("NtResumeProcess", {
  support: full,
  params: processOnly,
  run(call, { ProcessHandle }) {
    const process = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_SUSPEND_RESUME);
    process.suspendCount = Math.max(0, process.suspendCount - 1);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtIsProcessInJob = systemService("NtIsProcessInJob", {
  support: partial("there are no jobs: no process is in one"),
  params: { ProcessHandle: value(HANDLE), JobHandle: value(HANDLE) },
  run(call, { ProcessHandle, JobHandle }) {
    call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_QUERY_LIMITED_INFORMATION);
    if (JobHandle !== 0) call.unsupported("job objects");
    return ntstatus.STATUS_PROCESS_NOT_IN_JOB;
  },
});

export const NtCreateUserProcess = systemService("NtCreateUserProcess", {
  support: missing,
  params: {
    ProcessHandle: out(HANDLE),
    ThreadHandle: out(HANDLE),
    ProcessDesiredAccess: value(ProcessAccess),
    ThreadDesiredAccess: value(ULONG),
    ProcessObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ThreadObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ProcessFlags: value(ULONG),
    ThreadFlags: value(ULONG),
    ProcessParameters: value(PVOID),
    CreateInfo: value(PVOID),
    AttributeList: value(PVOID),
  },
});
export const NtCreateProcessEx = systemService("NtCreateProcessEx", {
  support: missing,
  params: {
    ProcessHandle: out(HANDLE),
    DesiredAccess: value(ProcessAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ParentProcess: value(HANDLE),
  },
});
