import { IO_STATUS_BLOCK } from "../abi/structures.ts";
import { HANDLE, OPAQUE, PVOID, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { ioRequest } from "./io-request.ts";
import { inBuffer, out, outBuffer, partial, systemService, value } from "./service.ts";

const controlParameters = {
  FileHandle: value(HANDLE),
  Event: value(HANDLE),
  ApcRoutine: value(PVOID),
  ApcContext: value(OPAQUE),
  IoStatusBlock: out(IO_STATUS_BLOCK),
  IoControlCode: value(ULONG),
  InputBuffer: inBuffer("InputBufferLength"),
  InputBufferLength: value(ULONG_LENGTH),
  OutputBuffer: outBuffer("OutputBufferLength"),
  OutputBufferLength: value(ULONG_LENGTH),
};

/** A control code says in two bits which access its caller needs: FILE_READ_DATA, FILE_WRITE_DATA. */
function accessOf(code: number): number {
  return (code >>> 14) & 3;
}

export const NtDeviceIoControlFile = systemService("NtDeviceIoControlFile", {
  support: partial("random numbers; other devices refuse with STATUS_INVALID_DEVICE_REQUEST"),
  params: controlParameters,
  run(call, args) {
    return ioRequest(call, args, accessOf(args.IoControlCode), args.OutputBuffer, (file, irp) => {
      file.deviceControl(irp, args.IoControlCode, args.InputBuffer.bytes());
    });
  },
});

export const NtFsControlFile = systemService("NtFsControlFile", {
  support: partial("pipes, object identifiers, zeroing; other controls refuse with STATUS_INVALID_DEVICE_REQUEST"),
  params: {
    FileHandle: controlParameters.FileHandle,
    Event: controlParameters.Event,
    ApcRoutine: controlParameters.ApcRoutine,
    ApcContext: controlParameters.ApcContext,
    IoStatusBlock: controlParameters.IoStatusBlock,
    FsControlCode: controlParameters.IoControlCode,
    InputBuffer: controlParameters.InputBuffer,
    InputBufferLength: controlParameters.InputBufferLength,
    OutputBuffer: controlParameters.OutputBuffer,
    OutputBufferLength: controlParameters.OutputBufferLength,
  },
  run(call, args) {
    return ioRequest(call, args, accessOf(args.FsControlCode), args.OutputBuffer, (file, irp) => {
      file.fsControl(irp, args.FsControlCode, args.InputBuffer.bytes());
    });
  },
});
