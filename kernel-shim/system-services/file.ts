import { GuestFault } from "../../emulator/cpu.ts";
import { FileAccess, IoCompletionAccess, StandardAccess, ThreadAccess } from "../abi/access.ts";
import { CreateDisposition, CreateOptions, FILE_INFORMATION_CLASS, FileAttributes, ShareMode } from "../abi/file.ts";
import * as info from "../abi/file-information.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK, OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { BOOLEAN, HANDLE, LARGE_INTEGER, OPAQUE, PVOID, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { IoCompletion } from "../executive/io-completion.ts";
import { CreateRequest, type LinkTarget } from "../io-manager/create-request.ts";
import { FileObject } from "../io-manager/file-object.ts";
import { basic, networkOpenInformation } from "../io-manager/volume-file-query.ts";
import { IoManager } from "../io-manager/io-manager.ts";
import { Thread } from "../process-manager/thread.ts";
import { ioRequest } from "./io-request.ts";
import { queryMinimums, setRules } from "./file-information-rules.ts";
import { createFile, openForQuery, SHARE_ALL } from "./file-open.ts";
import {
  full,
  inBuffer,
  optional,
  out,
  outBuffer,
  partial,
  pointer,
  type InBuffer,
  type ServiceCall,
  systemService,
  value,
} from "./service.ts";

export const NtCreateFile = systemService("NtCreateFile", {
  support: partial("no extended attributes, no named streams, no oplocks"),
  params: {
    FileHandle: out(HANDLE),
    DesiredAccess: value(FileAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    AllocationSize: optional(pointer(LARGE_INTEGER)),
    FileAttributes: value(FileAttributes),
    ShareAccess: value(ShareMode),
    CreateDisposition: value(CreateDisposition),
    CreateOptions: value(CreateOptions),
    EaBuffer: value(PVOID),
    EaLength: value(ULONG_LENGTH),
  },
  run(call, args) {
    if (args.EaLength !== 0) return ntstatus.STATUS_EAS_NOT_SUPPORTED;
    return createFile(call, args);
  },
});

export const NtOpenFile = systemService("NtOpenFile", {
  support: partial("no named streams, no oplocks"),
  params: {
    FileHandle: out(HANDLE),
    DesiredAccess: value(FileAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    ShareAccess: value(ShareMode),
    OpenOptions: value(CreateOptions),
  },
  run(call, args) {
    return createFile(call, {
      ...args,
      CreateDisposition: CreateDisposition.FILE_OPEN,
      CreateOptions: args.OpenOptions,
    });
  },
});

export const NtDeleteFile = systemService("NtDeleteFile", {
  support: full,
  params: { ObjectAttributes: pointer(OBJECT_ATTRIBUTES) },
  run(call, { ObjectAttributes }) {
    const request = new CreateRequest({
      desiredAccess: StandardAccess.DELETE,
      shareAccess: SHARE_ALL,
      disposition: CreateDisposition.FILE_OPEN,
      options: CreateOptions.FILE_DELETE_ON_CLOSE,
      processId: call.process.id,
    });
    const found = call.lookup(ObjectAttributes, StandardAccess.DELETE, request);
    if (!("object" in found)) return "status" in found ? found.status : ntstatus.STATUS_OBJECT_TYPE_MISMATCH;
    if (!(found.object instanceof FileObject)) return ntstatus.STATUS_OBJECT_TYPE_MISMATCH;
    found.object.lastHandleClosed();
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtReadFile = systemService("NtReadFile", {
  support: full,
  params: {
    FileHandle: value(HANDLE),
    Event: value(HANDLE),
    ApcRoutine: value(PVOID),
    ApcContext: value(OPAQUE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    Buffer: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ByteOffset: optional(pointer(LARGE_INTEGER)),
    Key: optional(pointer(ULONG)),
  },
  run(call, args) {
    return ioRequest(call, args, FileAccess.FILE_READ_DATA, args.Buffer, (file, irp) => {
      file.read(irp, { offset: args.ByteOffset, key: args.Key ?? 0 });
    });
  },
});

export const NtWriteFile = systemService("NtWriteFile", {
  support: full,
  params: {
    FileHandle: value(HANDLE),
    Event: value(HANDLE),
    ApcRoutine: value(PVOID),
    ApcContext: value(OPAQUE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    Buffer: inBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ByteOffset: optional(pointer(LARGE_INTEGER)),
    Key: optional(pointer(ULONG)),
  },
  run(call, args) {
    const granted = call.grantedAccess(args.FileHandle);
    // Either right will do: the one to append limits where, not whether.
    const access = granted & FileAccess.FILE_APPEND_DATA ? FileAccess.FILE_APPEND_DATA : FileAccess.FILE_WRITE_DATA;
    return ioRequest(call, args, access, undefined, (file, irp) => {
      file.write(irp, { offset: args.ByteOffset, key: args.Key ?? 0 }, bytesToWrite(call, args.Buffer));
    });
  },
});

/** A buffer that cannot be read has a status of its own here. */
function bytesToWrite(call: ServiceCall, buffer: InBuffer): Uint8Array {
  try {
    return buffer.bytes();
  } catch (error) {
    if (error instanceof GuestFault) throw call.fail(ntstatus.STATUS_INVALID_USER_BUFFER);
    throw error;
  }
}

export const NtFlushBuffersFile = systemService("NtFlushBuffersFile", {
  support: full,
  params: { FileHandle: value(HANDLE), IoStatusBlock: out(IO_STATUS_BLOCK) },
  run(call, args) {
    const granted = call.grantedAccess(args.FileHandle);
    const writes = FileAccess.FILE_WRITE_DATA | FileAccess.FILE_APPEND_DATA;
    const access = granted & writes ? granted & writes : FileAccess.FILE_WRITE_DATA;
    return ioRequest(call, { ...args, Event: 0, ApcRoutine: 0, ApcContext: 0n }, access, undefined, (file, irp) =>
      file.flush(irp),
    );
  },
});

/** The status block of a lock is optional: Wine's kernelbase passes none. */
const lockStatusBlock = optional(out(IO_STATUS_BLOCK));

export const NtLockFile = systemService("NtLockFile", {
  support: full,
  params: {
    FileHandle: value(HANDLE),
    Event: value(HANDLE),
    ApcRoutine: value(PVOID),
    ApcContext: value(OPAQUE),
    IoStatusBlock: lockStatusBlock,
    ByteOffset: pointer(LARGE_INTEGER),
    Length: pointer(LARGE_INTEGER),
    Key: value(ULONG),
    FailImmediately: value(BOOLEAN),
    ExclusiveLock: value(BOOLEAN),
  },
  run(call, args) {
    return ioRequest(call, args, lockAccess(call, args.FileHandle), undefined, (file, irp) => {
      file.lock(irp, {
        offset: args.ByteOffset,
        length: args.Length,
        key: args.Key,
        exclusive: args.ExclusiveLock,
        failImmediately: args.FailImmediately,
      });
    });
  },
});

export const NtUnlockFile = systemService("NtUnlockFile", {
  support: full,
  params: {
    FileHandle: value(HANDLE),
    IoStatusBlock: lockStatusBlock,
    ByteOffset: pointer(LARGE_INTEGER),
    Length: pointer(LARGE_INTEGER),
    Key: value(ULONG),
  },
  run(call, args) {
    const common = { ...args, Event: 0, ApcRoutine: 0, ApcContext: 0n };
    return ioRequest(call, common, lockAccess(call, args.FileHandle), undefined, (file, irp) => {
      file.unlock(irp, { offset: args.ByteOffset, length: args.Length, key: args.Key });
    });
  },
});

/** Locks need the right to read or to write, whichever the handle has. */
function lockAccess(call: ServiceCall, handle: number): number {
  return call.grantedAccess(handle) & FileAccess.FILE_WRITE_DATA
    ? FileAccess.FILE_WRITE_DATA
    : FileAccess.FILE_READ_DATA;
}

export const NtQueryInformationFile = systemService("NtQueryInformationFile", {
  support: partial("no extended attributes, object identifiers, quotas, mailslots"),
  params: {
    FileHandle: value(HANDLE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    FileInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    FileInformationClass: value(FILE_INFORMATION_CLASS),
  },
  run(call, { FileHandle, IoStatusBlock, FileInformation, FileInformationClass }) {
    const minimum = queryMinimums.get(FileInformationClass);
    if (minimum === undefined) return ntstatus.STATUS_INVALID_INFO_CLASS;
    if (FileInformation.length < minimum) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
    const file = call.reference(FileHandle, FileObject, 0);
    const result = file.queryInformation(FileInformationClass, call.grantedAccess(FileHandle));
    if (typeof result === "number") return result;
    FileInformation.write(result.subarray(0, FileInformation.length));
    const status = result.length > FileInformation.length ? ntstatus.STATUS_BUFFER_OVERFLOW : ntstatus.STATUS_SUCCESS;
    IoStatusBlock.set({ Status: status, Information: Math.min(result.length, FileInformation.length) });
    return status;
  },
});

export const NtSetInformationFile = systemService("NtSetInformationFile", {
  support: partial("no short names, object identifiers, quotas, mailslots"),
  params: {
    FileHandle: value(HANDLE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    FileInformation: inBuffer("Length"),
    Length: value(ULONG_LENGTH),
    FileInformationClass: value(FILE_INFORMATION_CLASS),
  },
  run(call, { FileHandle, IoStatusBlock, FileInformation, FileInformationClass: informationClass }) {
    const rule = setRules.get(informationClass);
    if (!rule) return ntstatus.STATUS_INVALID_INFO_CLASS;
    if (FileInformation.length < rule.minimum) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
    const file = call.reference(FileHandle, FileObject, rule.access);
    const input = FileInformation.bytes();
    const status = setInformation(call, file, informationClass, input);
    if (status === ntstatus.STATUS_SUCCESS) IoStatusBlock.set({ Status: status, Information: 0 });
    return status;
  },
});

const ALL_COMPLETION_MODES = 7;

/** What concerns every file object is done here; the rest is the driver's. */
function setInformation(call: ServiceCall, file: FileObject, informationClass: number, input: Uint8Array): NtStatus {
  const memory = new BytesMemory(input);
  switch (informationClass) {
    case FILE_INFORMATION_CLASS.FileCompletionInformation: {
      const { Port, Key } = info.FILE_COMPLETION_INFORMATION.read(memory, 0);
      if (file.isSynchronous || file.completion) return ntstatus.STATUS_INVALID_PARAMETER;
      file.completion = {
        port: call.reference(Port, IoCompletion, IoCompletionAccess.IO_COMPLETION_MODIFY_STATE),
        key: Key,
      };
      return ntstatus.STATUS_SUCCESS;
    }
    case FILE_INFORMATION_CLASS.FileReplaceCompletionInformation: {
      const { Port, Key } = info.FILE_COMPLETION_INFORMATION.read(memory, 0);
      if (file.isSynchronous) return ntstatus.STATUS_INVALID_PARAMETER;
      file.completion =
        Port === 0
          ? undefined
          : { port: call.reference(Port, IoCompletion, IoCompletionAccess.IO_COMPLETION_MODIFY_STATE), key: Key };
      return ntstatus.STATUS_SUCCESS;
    }
    case FILE_INFORMATION_CLASS.FileIoCompletionNotificationInformation: {
      const { Flags } = info.FILE_IO_COMPLETION_NOTIFICATION_INFORMATION.read(memory, 0);
      if (file.isSynchronous) return ntstatus.STATUS_INVALID_PARAMETER;
      file.completionModes |= Flags & ALL_COMPLETION_MODES; // Modes are never taken back.
      return ntstatus.STATUS_SUCCESS;
    }
    default:
      return file.setInformation(informationClass, input, (rootDirectory, name) =>
        findTarget(call, rootDirectory, name),
      );
  }
}

/** Where a rename or link leads. */
function findTarget(call: ServiceCall, rootDirectory: number, name: string): LinkTarget | NtStatus {
  const request = new CreateRequest({
    desiredAccess: 0,
    shareAccess: SHARE_ALL,
    disposition: CreateDisposition.FILE_OPEN,
    options: 0,
    processId: call.process.id,
    forTarget: true,
  });
  const attributes = { RootDirectory: rootDirectory, ObjectName: name, Attributes: OBJ_CASE_INSENSITIVE, Length: 0x30, SecurityDescriptor: 0, SecurityQualityOfService: 0 }; // prettier-ignore
  const found = call.lookup(attributes, 0, request);
  if (request.target) return request.target;
  return "status" in found && found.status ? found.status : ntstatus.STATUS_OBJECT_NAME_INVALID;
}
const OBJ_CASE_INSENSITIVE = 0x40;

export const NtQueryAttributesFile = systemService("NtQueryAttributesFile", {
  support: full,
  params: { ObjectAttributes: pointer(OBJECT_ATTRIBUTES), FileInformation: out(info.FILE_BASIC_INFORMATION) },
  run(call, { ObjectAttributes, FileInformation }) {
    const file = openForQuery(call, ObjectAttributes);
    if (typeof file === "number") return file;
    FileInformation.set(basic(file.node));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtQueryFullAttributesFile = systemService("NtQueryFullAttributesFile", {
  support: full,
  params: { ObjectAttributes: pointer(OBJECT_ATTRIBUTES), FileInformation: out(info.FILE_NETWORK_OPEN_INFORMATION) },
  run(call, { ObjectAttributes, FileInformation }) {
    const file = openForQuery(call, ObjectAttributes);
    if (typeof file === "number") return file;
    call.memory.write(FileInformation.address, networkOpenInformation(file.node));
    return ntstatus.STATUS_SUCCESS;
  },
});

/** Cancels what `which` says of the requests on a file; returns how many there were. */
function cancelRequests(
  file: FileObject,
  which: (irp: { readonly thread: unknown; readonly ioStatusBlock: number }) => boolean,
): number {
  const chosen = [...file.requests].filter(which);
  for (const irp of chosen) file.cancel(irp);
  return chosen.length;
}

export const NtCancelIoFile = systemService("NtCancelIoFile", {
  support: full,
  params: { FileHandle: value(HANDLE), IoStatusBlock: out(IO_STATUS_BLOCK) },
  run(call, { FileHandle, IoStatusBlock }) {
    cancelRequests(call.reference(FileHandle, FileObject, 0), (irp) => irp.thread === call.thread);
    IoStatusBlock.set({ Status: ntstatus.STATUS_SUCCESS, Information: 0 });
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtCancelIoFileEx = systemService("NtCancelIoFileEx", {
  support: full,
  params: { FileHandle: value(HANDLE), IoRequestToCancel: value(PVOID), IoStatusBlock: out(IO_STATUS_BLOCK) },
  run(call, { FileHandle, IoRequestToCancel, IoStatusBlock }) {
    const file = call.reference(FileHandle, FileObject, 0);
    const count = cancelRequests(file, (irp) => IoRequestToCancel === 0 || irp.ioStatusBlock === IoRequestToCancel);
    const status = count > 0 ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_NOT_FOUND;
    IoStatusBlock.set({ Status: status, Information: 0 });
    return status;
  },
});

export const NtCancelSynchronousIoFile = systemService("NtCancelSynchronousIoFile", {
  support: full,
  params: { ThreadHandle: value(HANDLE), IoRequestToCancel: value(PVOID), IoStatusBlock: out(IO_STATUS_BLOCK) },
  run(call, { ThreadHandle, IoRequestToCancel, IoStatusBlock }) {
    const thread = call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_TERMINATE);
    const chosen = [...IoManager.of(call.machine).synchronousRequests.values()].filter(
      (irp) =>
        irp.thread === thread &&
        irp.status === undefined &&
        (IoRequestToCancel === 0 || irp.ioStatusBlock === IoRequestToCancel),
    );
    for (const irp of chosen) irp.file.cancel(irp);
    const status = chosen.length > 0 ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_NOT_FOUND;
    IoStatusBlock.set({ Status: status, Information: 0 });
    return status;
  },
});

export const NtQueryEaFile = systemService("NtQueryEaFile", {
  support: partial("no file has extended attributes"),
  params: {
    FileHandle: value(HANDLE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    Buffer: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ReturnSingleEntry: value(BOOLEAN),
    EaList: value(PVOID),
    EaListLength: value(ULONG_LENGTH),
    EaIndex: value(PVOID),
    RestartScan: value(BOOLEAN),
  },
  run(call, { FileHandle, Buffer }) {
    call.reference(FileHandle, FileObject, FileAccess.FILE_READ_EA);
    Buffer.write(new Uint8Array(Buffer.length));
    return ntstatus.STATUS_NO_EAS_ON_FILE;
  },
});
