import { FileAccess } from "../abi/access.ts";
import { CreateDisposition, CreateOptions, ShareMode } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK, OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { flags, HANDLE, LARGE_INTEGER, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { createFile } from "./file-open.ts";
import { full, missing, optional, out, pointer, systemService, value } from "./service.ts";

const PipeType = flags("NAMED_PIPE_TYPE", { FILE_PIPE_MESSAGE_TYPE: 1, FILE_PIPE_REJECT_REMOTE_CLIENTS: 2 });
const ReadMode = flags("NAMED_PIPE_READ_MODE", { FILE_PIPE_MESSAGE_MODE: 1 });
const CompletionMode = flags("NAMED_PIPE_COMPLETION_MODE", { FILE_PIPE_COMPLETE_OPERATION: 1 });

/** 50 ms: what NT waits by default. */
const DEFAULT_TIMEOUT = -500_000n;

export const NtCreateNamedPipeFile = systemService("NtCreateNamedPipeFile", {
  support: full,
  params: {
    FileHandle: out(HANDLE),
    DesiredAccess: value(FileAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    ShareAccess: value(ShareMode),
    CreateDisposition: value(CreateDisposition),
    CreateOptions: value(CreateOptions),
    NamedPipeType: value(PipeType),
    ReadMode: value(ReadMode),
    CompletionMode: value(CompletionMode),
    MaximumInstances: value(ULONG),
    InboundQuota: value(ULONG),
    OutboundQuota: value(ULONG),
    DefaultTimeout: optional(pointer(LARGE_INTEGER)),
  },
  run(call, args) {
    const {
      NamedPipeType,
      ReadMode: readMode,
      CompletionMode: completionMode,
      DefaultTimeout,
      CreateDisposition: disposition,
    } = args;
    if (DefaultTimeout !== undefined && DefaultTimeout > 0n) return ntstatus.STATUS_INVALID_PARAMETER;
    if (readMode & 1 && !(NamedPipeType & PipeType.FILE_PIPE_MESSAGE_TYPE)) return ntstatus.STATUS_INVALID_PARAMETER;
    if (NamedPipeType & ~3 || readMode & ~1 || completionMode & ~1 || args.MaximumInstances === 0)
      return ntstatus.STATUS_INVALID_PARAMETER;
    // Wine's kernelbase says FILE_OVERWRITE_IF where Windows' says FILE_OPEN_IF; a pipe has nothing to overwrite.
    const { FILE_OPEN, FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE_IF } = CreateDisposition;
    if (![FILE_OPEN, FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE_IF].includes(disposition))
      return ntstatus.STATUS_INVALID_PARAMETER;
    return createFile(call, {
      ...args,
      pipe: {
        type: NamedPipeType,
        readMode,
        completionMode,
        maximumInstances: args.MaximumInstances,
        inboundQuota: args.InboundQuota,
        outboundQuota: args.OutboundQuota,
        defaultTimeout: DefaultTimeout ?? DEFAULT_TIMEOUT,
      },
    });
  },
});

export const NtCreateMailslotFile = systemService("NtCreateMailslotFile", {
  support: missing,
  params: {
    FileHandle: out(HANDLE),
    DesiredAccess: value(FileAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    CreateOptions: value(CreateOptions),
    MailslotQuota: value(ULONG),
    MaximumMessageSize: value(ULONG_LENGTH),
    ReadTimeout: optional(pointer(LARGE_INTEGER)),
  },
});
