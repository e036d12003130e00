/** Reads and writes whose buffer is scattered over pages: FILE_SEGMENT_ELEMENT is the address of one, eight bytes wide. */
import { PAGE_SIZE } from "../../emulator/cpu.ts";
import { FileAccess } from "../abi/access.ts";
import { CreateOptions } from "../abi/file.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { IO_STATUS_BLOCK } from "../abi/structures.ts";
import { HANDLE, LARGE_INTEGER, OPAQUE, PVOID, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { VolumeFile } from "../io-manager/volume-file.ts";
import { ioRequest } from "./io-request.ts";
import { full, optional, out, pointer, type ServiceCall, systemService, value } from "./service.ts";

const scatterParameters = {
  FileHandle: value(HANDLE),
  Event: value(HANDLE),
  ApcRoutine: value(PVOID),
  ApcContext: value(OPAQUE),
  IoStatusBlock: out(IO_STATUS_BLOCK),
  SegmentArray: value(PVOID),
  Length: value(ULONG_LENGTH),
  ByteOffset: optional(pointer(LARGE_INTEGER)),
  Key: optional(pointer(ULONG)),
};

/** The pages' addresses, of which the last may be used in part. Only unbuffered asynchronous files take them. */
function segmentsOf(
  call: ServiceCall,
  { FileHandle, SegmentArray, Length }: { FileHandle: number; SegmentArray: number; Length: number },
): number[] {
  const file = call.objectOf(FileHandle);
  const possible =
    file instanceof VolumeFile &&
    !file.isSynchronous &&
    (file.options & CreateOptions.FILE_NO_INTERMEDIATE_BUFFERING) !== 0;
  if (!possible) throw call.fail(ntstatus.STATUS_INVALID_PARAMETER);
  const count = Math.ceil(Length / PAGE_SIZE);
  call.memory.probe(SegmentArray, count * 8, "read");
  return Array.from({ length: count }, (_, i) => call.memory.readPointer(SegmentArray + i * 8));
}

export const NtReadFileScatter = systemService("NtReadFileScatter", {
  support: full,
  params: scatterParameters,
  run(call, args) {
    call.reference(args.FileHandle, VolumeFile, FileAccess.FILE_READ_DATA);
    const buffer = { address: 0, length: args.Length, segments: segmentsOf(call, args) };
    return ioRequest(call, args, FileAccess.FILE_READ_DATA, buffer, (file, irp) => {
      file.read(irp, { offset: args.ByteOffset, key: args.Key ?? 0 });
    });
  },
});

export const NtWriteFileGather = systemService("NtWriteFileGather", {
  support: full,
  params: scatterParameters,
  run(call, args) {
    call.reference(args.FileHandle, VolumeFile, FileAccess.FILE_WRITE_DATA);
    const data = new Uint8Array(args.Length);
    segmentsOf(call, args).forEach((page, index) => {
      const at = index * PAGE_SIZE;
      data.set(call.memory.read(page, Math.min(PAGE_SIZE, args.Length - at)), at);
    });
    return ioRequest(call, args, FileAccess.FILE_WRITE_DATA, undefined, (file, irp) => {
      file.write(irp, { offset: args.ByteOffset, key: args.Key ?? 0 }, data);
    });
  },
});
