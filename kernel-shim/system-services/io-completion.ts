import { IoCompletionAccess } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { at, struct } from "../abi/struct.ts";
import { BOOLEAN, HANDLE, LARGE_INTEGER, OPAQUE, PVOID, u32, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { IoCompletion } from "../executive/io-completion.ts";
import { Wait } from "../executive/wait.ts";
import { answerExact } from "./information-answer.ts";
import type { ServiceResult } from "./service.ts";
import { full, missing, optional, out, outBuffer, partial, pointer, systemService, value } from "./service.ts";

/** IO_STATUS_BLOCK as packets have it: whoever posts one may put any 64 bits into Information. */
const PACKET_IO_STATUS_BLOCK = struct("IO_STATUS_BLOCK", 0x10, { Status: at(0x0, u32), Information: at(0x8, OPAQUE) });

export const NtCreateIoCompletion = systemService("NtCreateIoCompletion", {
  support: partial("does not limit how many threads run at once"),
  params: {
    IoCompletionHandle: out(HANDLE),
    DesiredAccess: value(IoCompletionAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    Count: value(ULONG_LENGTH),
  },
  run(call, { IoCompletionHandle, DesiredAccess, ObjectAttributes, Count }) {
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      IoCompletion,
      () => new IoCompletion(Count),
    );
    IoCompletionHandle.set(handle);
    return status;
  },
});
export const NtOpenIoCompletion = systemService("NtOpenIoCompletion", {
  support: full,
  params: {
    IoCompletionHandle: out(HANDLE),
    DesiredAccess: value(IoCompletionAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { IoCompletionHandle, DesiredAccess, ObjectAttributes }) {
    IoCompletionHandle.set(call.openObject(ObjectAttributes, DesiredAccess, IoCompletion));
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtSetIoCompletion = systemService("NtSetIoCompletion", {
  support: full,
  params: {
    IoCompletionHandle: value(HANDLE),
    KeyContext: value(OPAQUE),
    ApcContext: value(OPAQUE),
    IoStatus: value(u32),
    IoStatusInformation: value(OPAQUE),
  },
  run(call, { IoCompletionHandle, KeyContext, ApcContext, IoStatus, IoStatusInformation }) {
    const port = call.reference(IoCompletionHandle, IoCompletion, IoCompletionAccess.IO_COMPLETION_MODIFY_STATE);
    port.post(call.machine, { key: KeyContext, value: ApcContext, status: IoStatus, information: IoStatusInformation });
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtRemoveIoCompletion = systemService("NtRemoveIoCompletion", {
  support: full,
  params: {
    IoCompletionHandle: value(HANDLE),
    KeyContext: out(OPAQUE),
    ApcContext: out(OPAQUE),
    IoStatusBlock: out(PACKET_IO_STATUS_BLOCK),
    Timeout: optional(pointer(LARGE_INTEGER)),
  },
  run(call, { IoCompletionHandle, KeyContext, ApcContext, IoStatusBlock, Timeout }): ServiceResult {
    const port = call.reference(IoCompletionHandle, IoCompletion, IoCompletionAccess.IO_COMPLETION_MODIFY_STATE);
    const packet = port.packets.shift();
    if (packet === undefined) {
      if (call.restarted === ntstatus.STATUS_TIMEOUT) return ntstatus.STATUS_TIMEOUT;
      return new Wait({ objects: [port], deadline: call.deadlineOf(Timeout), restart: true });
    }
    KeyContext.set(packet.key);
    ApcContext.set(packet.value);
    IoStatusBlock.set({ Status: packet.status, Information: packet.information });
    return ntstatus.STATUS_SUCCESS;
  },
});
const FILE_IO_COMPLETION_INFORMATION = struct("FILE_IO_COMPLETION_INFORMATION", 0x20, {
  KeyContext: at(0x0, OPAQUE),
  ApcContext: at(0x8, OPAQUE),
  IoStatusBlock: at(0x10, PACKET_IO_STATUS_BLOCK),
});
export const NtRemoveIoCompletionEx = systemService("NtRemoveIoCompletionEx", {
  support: full,
  params: {
    IoCompletionHandle: value(HANDLE),
    IoCompletionInformation: value(PVOID),
    Count: value(ULONG_LENGTH),
    NumEntriesRemoved: out(ULONG),
    Timeout: optional(pointer(LARGE_INTEGER)),
    Alertable: value(BOOLEAN),
  },
  run(
    call,
    { IoCompletionHandle, IoCompletionInformation, Count, NumEntriesRemoved, Timeout, Alertable },
  ): ServiceResult {
    const port = call.reference(IoCompletionHandle, IoCompletion, IoCompletionAccess.IO_COMPLETION_MODIFY_STATE);
    if (Count === 0) return ntstatus.STATUS_INVALID_PARAMETER;
    if (port.packets.length === 0) {
      if (call.restarted !== undefined && call.restarted !== ntstatus.STATUS_SUCCESS) {
        NumEntriesRemoved.set(1); // Nothing was removed: this is what NT leaves there.
        return call.restarted;
      }
      return new Wait({ objects: [port], alertable: Alertable, deadline: call.deadlineOf(Timeout), restart: true });
    }
    const packets = port.packets.splice(0, Count);
    packets.forEach(({ key, value: apcContext, status, information }, i) =>
      FILE_IO_COMPLETION_INFORMATION.write(
        call.memory,
        IoCompletionInformation + i * FILE_IO_COMPLETION_INFORMATION.size,
        {
          KeyContext: key,
          ApcContext: apcContext,
          IoStatusBlock: { Status: status, Information: information },
        },
      ),
    );
    NumEntriesRemoved.set(packets.length);
    return ntstatus.STATUS_SUCCESS;
  },
});
const IO_COMPLETION_BASIC_INFORMATION = 0;
export const NtQueryIoCompletion = systemService("NtQueryIoCompletion", {
  support: full,
  params: {
    IoCompletionHandle: value(HANDLE),
    IoCompletionInformationClass: value(ULONG),
    IoCompletionInformation: outBuffer("IoCompletionInformationLength"),
    IoCompletionInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { IoCompletionHandle, IoCompletionInformationClass, IoCompletionInformation, ReturnLength }) {
    if (IoCompletionInformationClass !== IO_COMPLETION_BASIC_INFORMATION) return ntstatus.STATUS_INVALID_INFO_CLASS;
    const port = call.reference(IoCompletionHandle, IoCompletion, IoCompletionAccess.IO_COMPLETION_QUERY_STATE);
    const depth = new Uint8Array(Uint32Array.of(port.packets.length).buffer);
    return answerExact(IoCompletionInformation, ReturnLength, depth);
  },
});

export const NtCreateWaitCompletionPacket = systemService("NtCreateWaitCompletionPacket", {
  support: missing,
  params: {
    WaitCompletionPacketHandle: out(HANDLE),
    DesiredAccess: value(ULONG),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
  },
});
export const NtCreateWorkerFactory = systemService("NtCreateWorkerFactory", {
  support: missing,
  params: {
    WorkerFactoryHandle: out(HANDLE),
    DesiredAccess: value(ULONG),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
  },
});
