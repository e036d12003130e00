import { FileAccess } from "../abi/access.ts";
import { CompletionFilter, FILE_INFORMATION_CLASS } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK, UnicodeString } from "../abi/structures.ts";
import { BOOLEAN, flags, HANDLE, OPAQUE, PVOID, ULONG_LENGTH } from "../abi/type.ts";
import type { FileObject } from "../io-manager/file-object.ts";
import type { Irp } from "../io-manager/irp.ts";
import { expressionOfWin32Mask } from "../io-manager/name-expression.ts";
import { ioRequest } from "./io-request.ts";
import { full, optional, out, outBuffer, pointer, type ServiceCall, systemService, value } from "./service.ts";

const common = {
  FileHandle: value(HANDLE),
  Event: value(HANDLE),
  ApcRoutine: value(PVOID),
  ApcContext: value(OPAQUE),
  IoStatusBlock: out(IO_STATUS_BLOCK),
};

const FILE_LIST_DIRECTORY = FileAccess.FILE_READ_DATA;

/** Wine's kernelbase passes masks as programs write them and leaves it to the kernel's side to read them as MS-DOS did. */
function patternOf(call: ServiceCall, mask: string | undefined): string | undefined {
  return mask !== undefined && call.process.entries?.isWine === true ? expressionOfWin32Mask(mask) : mask;
}

export const NtQueryDirectoryFile = systemService("NtQueryDirectoryFile", {
  support: full,
  params: {
    ...common,
    FileInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    FileInformationClass: value(FILE_INFORMATION_CLASS),
    ReturnSingleEntry: value(BOOLEAN),
    FileName: optional(pointer(UnicodeString)),
    RestartScan: value(BOOLEAN),
  },
  run(call, args) {
    return ioRequest(call, args, FILE_LIST_DIRECTORY, args.FileInformation, (file, irp) => {
      file.queryDirectory(irp, {
        informationClass: args.FileInformationClass,
        returnSingleEntry: args.ReturnSingleEntry,
        pattern: patternOf(call, args.FileName),
        restart: args.RestartScan,
      });
    });
  },
});

const QueryFlags = flags("QUERY_DIRECTORY_FLAGS", {
  SL_RESTART_SCAN: 0x1,
  SL_RETURN_SINGLE_ENTRY: 0x2,
  SL_INDEX_SPECIFIED: 0x4,
  SL_RETURN_ON_DISK_ENTRIES_ONLY: 0x8,
});

export const NtQueryDirectoryFileEx = systemService("NtQueryDirectoryFileEx", {
  support: full,
  params: {
    ...common,
    FileInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    FileInformationClass: value(FILE_INFORMATION_CLASS),
    QueryFlags: value(QueryFlags),
    FileName: optional(pointer(UnicodeString)),
  },
  run(call, args) {
    return ioRequest(call, args, FILE_LIST_DIRECTORY, args.FileInformation, (file, irp) => {
      file.queryDirectory(irp, {
        informationClass: args.FileInformationClass,
        returnSingleEntry: (args.QueryFlags & QueryFlags.SL_RETURN_SINGLE_ENTRY) !== 0,
        pattern: patternOf(call, args.FileName),
        restart: (args.QueryFlags & QueryFlags.SL_RESTART_SCAN) !== 0,
      });
    });
  },
});

/** FILE_NOTIFY_CHANGE_* that a caller may ask for: extended attributes never change here. */
const VALID_FILTER = 0x17f;

export const NtNotifyChangeDirectoryFile = systemService("NtNotifyChangeDirectoryFile", {
  support: full,
  params: {
    ...common,
    Buffer: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    CompletionFilter: value(CompletionFilter),
    WatchTree: value(BOOLEAN),
  },
  run(call, args) {
    if (args.CompletionFilter === 0 || args.CompletionFilter & ~VALID_FILTER) return ntstatus.STATUS_INVALID_PARAMETER;
    const start = (file: FileObject, irp: Irp): void => file.notifyChange(irp, args.CompletionFilter, args.WatchTree);
    // Wine's FindFirstChangeNotification opens a synchronous file and counts on a request that does not wait.
    const waits = call.process.entries?.isWine !== true;
    return ioRequest(call, args, FILE_LIST_DIRECTORY, args.Buffer, start, waits);
  },
});
