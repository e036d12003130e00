import { ProcessAccess, ThreadAccess } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { CLIENT_ID, decodeUtf16, OBJECT_ATTRIBUTES, SECTION_IMAGE_INFORMATION } from "../abi/structures.ts";
import { flags, type GuestMemory, HANDLE, PVOID, ULONG } from "../abi/type.ts";
import { createChildProcess } from "../boot/child-process.ts";
import { reportUnhandledException } from "../process-manager/exceptions.ts";
import { jobsOfChild } from "../process-manager/job.ts";
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
        if (thread !== call.thread) terminateThread(call.machine, thread, ExitStatus, false);
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

const PROCESS_CREATE_FLAGS = flags("PROCESS_CREATE_FLAGS", {
  PROCESS_CREATE_FLAGS_BREAKAWAY: 0x1, PROCESS_CREATE_FLAGS_NO_DEBUG_INHERIT: 0x2, PROCESS_CREATE_FLAGS_INHERIT_HANDLES: 0x4,
  PROCESS_CREATE_FLAGS_SUSPENDED: 0x200,
}); // prettier-ignore
const THREAD_CREATE_FLAGS_CREATE_SUSPENDED = 1;

/** PS_ATTRIBUTE_LIST: a length, then entries of attribute, size, value, place for a returned length. */
const PsAttribute = {
  CLIENT_ID: 0x10003,
  IMAGE_NAME: 0x20005,
  IMAGE_INFO: 0x6,
  PARENT_PROCESS: 0x60000,
  HANDLE_LIST: 0x2000d,
} as const;

function attributesOf(
  memory: GuestMemory,
  list: number,
): ReadonlyMap<number, { readonly size: number; readonly value: number }> {
  const attributes = new Map<number, { readonly size: number; readonly value: number }>();
  if (list === 0) return attributes;
  const end = list + Math.min(memory.readPointer(list), 0x1000);
  for (let at = list + 8; at + 0x20 <= end; at += 0x20) {
    attributes.set(memory.readPointer(at), { size: memory.readPointer(at + 8), value: memory.readPointer(at + 16) });
  }
  return attributes;
}

const PS_CREATE_INFO_SIZE = 0x58;
const PsCreateSuccess = 6;

export const NtCreateUserProcess = systemService("NtCreateUserProcess", {
  support: partial("of the attributes: image name, client id, image information, parent, handle list; no debugging"),
  params: {
    ProcessHandle: out(HANDLE),
    ThreadHandle: out(HANDLE),
    ProcessDesiredAccess: value(ProcessAccess),
    ThreadDesiredAccess: value(ThreadAccess),
    ProcessObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ThreadObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ProcessFlags: value(PROCESS_CREATE_FLAGS),
    ThreadFlags: value(ULONG),
    ProcessParameters: value(PVOID),
    CreateInfo: value(PVOID),
    AttributeList: value(PVOID),
  },
  run(call, args) {
    const { memory } = call;
    const attributes = attributesOf(memory, args.AttributeList);
    const name = attributes.get(PsAttribute.IMAGE_NAME);
    if (name === undefined || args.ProcessParameters === 0) return ntstatus.STATUS_INVALID_PARAMETER;
    const parent = attributes.get(PsAttribute.PARENT_PROCESS);
    const list = attributes.get(PsAttribute.HANDLE_LIST);
    const handleList =
      list &&
      new Set(
        Array.from({ length: Math.min(list.size / 8, 0x1000) }, (_, i) => memory.readPointer(list.value + i * 8)),
      );
    const { PROCESS_CREATE_FLAGS_BREAKAWAY, PROCESS_CREATE_FLAGS_INHERIT_HANDLES } = PROCESS_CREATE_FLAGS;
    const jobs = jobsOfChild(call.process, (args.ProcessFlags & PROCESS_CREATE_FLAGS_BREAKAWAY) !== 0);
    if (jobs === undefined) return ntstatus.STATUS_ACCESS_DENIED;
    if (jobs.some((job) => job.isFull)) return ntstatus.STATUS_QUOTA_EXCEEDED;
    const { process, thread } = createChildProcess(
      call.machine,
      parent === undefined ? call.process : call.reference(parent.value, Process, ProcessAccess.PROCESS_CREATE_PROCESS),
      call.process,
      {
        jobs,
        imagePath: decodeUtf16(memory.read(name.value, Math.min(name.size, 0xfffe))),
        processParameters: args.ProcessParameters,
        inheritHandles: (args.ProcessFlags & PROCESS_CREATE_FLAGS_INHERIT_HANDLES) !== 0,
        handleList,
        suspended: (args.ThreadFlags & THREAD_CREATE_FLAGS_CREATE_SUSPENDED) !== 0,
      },
    );
    const clientId = attributes.get(PsAttribute.CLIENT_ID);
    if (clientId) CLIENT_ID.write(memory, clientId.value, { UniqueProcess: process.id, UniqueThread: thread.id });
    const information = attributes.get(PsAttribute.IMAGE_INFO);
    if (information && process.section.imageInformation) {
      SECTION_IMAGE_INFORMATION.write(memory, information.value, process.section.imageInformation);
    }
    if (args.CreateInfo !== 0 && memory.readPointer(args.CreateInfo) >= PS_CREATE_INFO_SIZE) {
      memory.writeUint32(args.CreateInfo + 8, PsCreateSuccess);
      memory.writePointer(args.CreateInfo + 0x38, process.peb);
    }
    args.ProcessHandle.set(
      call.openHandle(process, args.ProcessDesiredAccess, args.ProcessObjectAttributes?.Attributes),
    );
    args.ThreadHandle.set(call.openHandle(thread, args.ThreadDesiredAccess, args.ThreadObjectAttributes?.Attributes));
    return ntstatus.STATUS_SUCCESS;
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
