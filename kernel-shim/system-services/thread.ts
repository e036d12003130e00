import { ThreadAccess, ProcessAccess } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { CLIENT_ID, CONTEXT, OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { flags, HANDLE, PVOID, SIZE_T, u64, ULONG, ULONG_LENGTH, ULONG_PTR } from "../abi/type.ts";
import { queueUserApc } from "../process-manager/apc.ts";
import { readContextRecord, writeContextRecord, ContextFlags } from "../process-manager/context-record.ts";
import { Process } from "../process-manager/process.ts";
import { resumeThread, suspendThread } from "../process-manager/suspension.ts";
import { terminateThread } from "../process-manager/termination.ts";
import { Thread } from "../process-manager/thread.ts";
import { createThread } from "../process-manager/thread-creation.ts";
import type { ServiceCall } from "./service.ts";
import { full, missing, NO_RETURN, optional, out, partial, pointer, systemService, value } from "./service.ts";

const THREAD_CREATE_FLAGS = flags("THREAD_CREATE_FLAGS", {
  THREAD_CREATE_FLAGS_CREATE_SUSPENDED: 0x1, THREAD_CREATE_FLAGS_SKIP_THREAD_ATTACH: 0x2, THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER: 0x4,
  THREAD_CREATE_FLAGS_HAS_SECURITY_DESCRIPTOR: 0x10, THREAD_CREATE_FLAGS_ACCESS_CHECK_IN_TARGET: 0x20,
  THREAD_CREATE_FLAGS_INITIAL_THREAD: 0x80,
}); // prettier-ignore

/** PS_ATTRIBUTE_LIST: a length, then entries of 32 bytes. */
const PS_ATTRIBUTE = { first: 8, size: 0x20, valueSize: 8, value: 0x10, returnLength: 0x18 } as const;
const PS_ATTRIBUTE_CLIENT_ID = 0x10003;
const PS_ATTRIBUTE_TEB_ADDRESS = 0x10004;

export const NtCreateThreadEx = systemService("NtCreateThreadEx", {
  support: partial("of the attributes, client id and TEB address; ZeroBits is ignored"),
  params: {
    ThreadHandle: out(HANDLE),
    DesiredAccess: value(ThreadAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ProcessHandle: value(HANDLE),
    StartRoutine: value(PVOID),
    Argument: value(PVOID),
    CreateFlags: value(THREAD_CREATE_FLAGS),
    ZeroBits: value(ULONG_PTR),
    StackSize: value(SIZE_T),
    MaximumStackSize: value(SIZE_T),
    AttributeList: value(PVOID),
  },
  run(
    call,
    { ThreadHandle, DesiredAccess, ObjectAttributes, ProcessHandle, StartRoutine, Argument, CreateFlags, ...more },
  ) {
    const process = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_CREATE_THREAD);
    if (process.exited) return ntstatus.STATUS_PROCESS_IS_TERMINATING;
    const thread = createThread(call.machine, process, {
      start: StartRoutine,
      argument: Argument,
      stackReserve: more.MaximumStackSize,
      stackCommit: more.StackSize,
      suspended: (CreateFlags & THREAD_CREATE_FLAGS.THREAD_CREATE_FLAGS_CREATE_SUSPENDED) !== 0,
    });
    thread.hiddenFromDebugger = (CreateFlags & THREAD_CREATE_FLAGS.THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER) !== 0;
    writeThreadAttributes(call, more.AttributeList, thread);
    ThreadHandle.set(call.openHandle(thread, DesiredAccess, ObjectAttributes?.Attributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

function writeThreadAttributes({ memory }: ServiceCall, list: number, thread: Thread): void {
  if (list === 0) return;
  const end = list + memory.readPointer(list);
  for (let entry = list + PS_ATTRIBUTE.first; entry + PS_ATTRIBUTE.size <= end; entry += PS_ATTRIBUTE.size) {
    const target = memory.readPointer(entry + PS_ATTRIBUTE.value);
    switch (memory.readPointer(entry)) {
      case PS_ATTRIBUTE_CLIENT_ID:
        CLIENT_ID.write(memory, target, { UniqueProcess: thread.process.id, UniqueThread: thread.id });
        break;
      case PS_ATTRIBUTE_TEB_ADDRESS:
        memory.writePointer(target, thread.teb);
        break;
    }
  }
}

export const NtOpenThread = systemService("NtOpenThread", {
  support: full,
  params: {
    ThreadHandle: out(HANDLE),
    DesiredAccess: value(ThreadAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    ClientId: pointer(CLIENT_ID),
  },
  run(call, { ThreadHandle, DesiredAccess, ObjectAttributes, ClientId: { UniqueProcess, UniqueThread } }) {
    const thread = call.machine.processes
      .flatMap((process) => process.threads)
      .find((one) => one.id === (UniqueThread & ~3) && one.state !== "terminated");
    if (thread === undefined || (UniqueProcess !== 0 && thread.process.id !== (UniqueProcess & ~3)))
      return ntstatus.STATUS_INVALID_CID;
    ThreadHandle.set(call.openHandle(thread, DesiredAccess, ObjectAttributes.Attributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtGetNextThread = systemService("NtGetNextThread", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    ThreadHandle: value(HANDLE),
    DesiredAccess: value(ThreadAccess),
    HandleAttributes: value(ULONG),
    Flags: value(ULONG),
    NewThreadHandle: out(HANDLE),
  },
  run(call, { ProcessHandle, ThreadHandle, DesiredAccess, HandleAttributes, Flags, NewThreadHandle }) {
    if (Flags !== 0) return ntstatus.STATUS_INVALID_PARAMETER;
    const living = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_QUERY_INFORMATION).livingThreads;
    const after = ThreadHandle === 0 ? 0 : call.reference(ThreadHandle, Thread, 0).id;
    const next = living.find((thread) => thread.id > after);
    if (next === undefined) return ntstatus.STATUS_NO_MORE_ENTRIES;
    NewThreadHandle.set(call.openHandle(next, DesiredAccess, HandleAttributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

const countParameters = { ThreadHandle: value(HANDLE), PreviousSuspendCount: optional(out(ULONG_LENGTH)) };

export const NtSuspendThread = systemService("NtSuspendThread", {
  support: full,
  params: countParameters,
  run(call, { ThreadHandle, PreviousSuspendCount }) {
    const { status, previous } = suspendThread(
      call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_SUSPEND_RESUME),
    );
    PreviousSuspendCount?.set(previous);
    return status;
  },
});
export const NtResumeThread = systemService("NtResumeThread", {
  support: full,
  params: countParameters,
  run(call, { ThreadHandle, PreviousSuspendCount }) {
    const previous = resumeThread(call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_SUSPEND_RESUME));
    PreviousSuspendCount?.set(previous);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtTerminateThread = systemService("NtTerminateThread", {
  support: full,
  params: { ThreadHandle: value(HANDLE), ExitStatus: value(ULONG) },
  run(call, { ThreadHandle, ExitStatus }) {
    // 0 means the caller, but not where it is the last thread of its process.
    if (ThreadHandle === 0 && call.process.livingThreads.length === 1) return ntstatus.STATUS_CANT_TERMINATE_SELF;
    const thread =
      ThreadHandle === 0 ? call.thread : call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_TERMINATE);
    terminateThread(call.machine, thread, ExitStatus, thread === call.thread);
    return thread === call.thread ? NO_RETURN : ntstatus.STATUS_SUCCESS;
  },
});

const contextParameters = { ThreadHandle: value(HANDLE), ThreadContext: value(PVOID) };

export const NtGetContextThread = systemService("NtGetContextThread", {
  support: full,
  params: contextParameters,
  run(call, { ThreadHandle, ThreadContext }) {
    const thread = call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_GET_CONTEXT);
    const wanted = CONTEXT.get(call.memory, ThreadContext, "ContextFlags");
    call.memory.probe(ThreadContext, CONTEXT.size, "write");
    return writeContextRecord(call.memory, ThreadContext, thread.context, wanted | ContextFlags.CONTEXT_AMD64);
  },
});
export const NtSetContextThread = systemService("NtSetContextThread", {
  support: full,
  params: contextParameters,
  run(call, { ThreadHandle, ThreadContext }) {
    const thread = call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_SET_CONTEXT);
    const before = thread.context.rip;
    const status = readContextRecord(call.memory, ThreadContext, thread.context);
    if (status !== ntstatus.STATUS_SUCCESS) return status;
    return thread === call.thread && thread.context.rip !== before ? NO_RETURN : ntstatus.STATUS_SUCCESS;
  },
});

const apcParameters = {
  ThreadHandle: value(HANDLE),
  ApcRoutine: value(PVOID),
  ApcArgument1: value(u64),
  ApcArgument2: value(u64),
  ApcArgument3: value(u64),
};
export const NtQueueApcThread = systemService("NtQueueApcThread", {
  support: full,
  params: apcParameters,
  run(call, { ThreadHandle, ApcRoutine, ApcArgument1, ApcArgument2, ApcArgument3 }) {
    const thread = call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_SET_CONTEXT);
    if (thread.state === "terminated") return ntstatus.STATUS_UNSUCCESSFUL;
    queueUserApc(call.machine, thread, {
      routine: ApcRoutine,
      arguments: [ApcArgument1, ApcArgument2, ApcArgument3],
      special: false,
    });
    return ntstatus.STATUS_SUCCESS;
  },
});
const QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC = 1;
export const NtQueueApcThreadEx = systemService("NtQueueApcThreadEx", {
  support: partial("no reserve objects"),
  params: {
    ThreadHandle: value(HANDLE),
    ReserveHandle: value(HANDLE),
    ApcRoutine: value(PVOID),
    ApcArgument1: value(u64),
    ApcArgument2: value(u64),
    ApcArgument3: value(u64),
  },
  run(call, { ThreadHandle, ReserveHandle, ApcRoutine, ApcArgument1, ApcArgument2, ApcArgument3 }) {
    const special = ReserveHandle === QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC;
    if (ReserveHandle !== 0 && !special) call.unsupported("APC reserve objects");
    const thread = call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_SET_CONTEXT);
    queueUserApc(call.machine, thread, {
      routine: ApcRoutine,
      arguments: [ApcArgument1, ApcArgument2, ApcArgument3],
      special,
    });
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtGetCurrentProcessorNumber = systemService("NtGetCurrentProcessorNumber", {
  support: full,
  params: {},
  returns: ULONG,
  run: () => 0n, // There is one.
});
export const NtCreateThread = systemService("NtCreateThread", {
  support: missing,
  params: {
    ThreadHandle: out(HANDLE),
    DesiredAccess: value(ThreadAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    ProcessHandle: value(HANDLE),
  },
});
export const NtRegisterThreadTerminatePort = systemService("NtRegisterThreadTerminatePort", {
  support: missing,
  params: { PortHandle: value(HANDLE) },
});
export const NtImpersonateThread = systemService("NtImpersonateThread", {
  support: missing,
  params: { ThreadHandle: value(HANDLE), ThreadToImpersonate: value(HANDLE), SecurityQualityOfService: value(PVOID) },
});
