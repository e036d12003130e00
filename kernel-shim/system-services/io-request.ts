/** From the arguments of an I/O service to a request packet and back to the service's result. */
import { PAGE_SIZE } from "../../emulator/cpu.ts";
import { EventAccess } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { Event } from "../executive/event.ts";
import { Wait } from "../executive/wait.ts";
import { FileObject } from "../io-manager/file-object.ts";
import { IoManager } from "../io-manager/io-manager.ts";
import { Irp } from "../io-manager/irp.ts";
import type { ServiceCall, ServiceResult } from "./service.ts";

/** The parameters that I/O services have in common. */
export interface IoArguments {
  readonly FileHandle: number;
  readonly Event: number;
  readonly ApcRoutine: number;
  readonly ApcContext: bigint;
  readonly IoStatusBlock: { readonly address: number } | undefined;
}

export interface OutputBuffer {
  readonly address: number;
  readonly length: number;
  /** Guest addresses of the pages of a scattered buffer, whose `address` is not used. */
  readonly segments?: readonly number[];
}

/**
 * Runs one request: `start` hands the packet to the file object. Returns its status, a wait for a synchronous file object whose request is
 * not complete (unless the service never `waits`), or STATUS_PENDING. The service is run again when such a wait ends; then the request has completed, or was alerted.
 */
export function ioRequest(
  call: ServiceCall,
  args: IoArguments,
  access: number,
  output: OutputBuffer | undefined,
  start: (file: FileObject, irp: Irp) => void,
  waits = true,
): ServiceResult {
  const io = IoManager.of(call.machine);
  if (call.restarted !== undefined) {
    const earlier = io.synchronousRequests.get(call.id);
    if (earlier) return finishSynchronous(io, call, earlier);
  }
  const file = call.reference(args.FileHandle, FileObject, access);
  const event = args.Event === 0 ? undefined : call.reference(args.Event, Event, EventAccess.EVENT_MODIFY_STATE);
  // A completion port and an APC exclude each other.
  if (args.ApcRoutine !== 0 && file.completion) return ntstatus.STATUS_INVALID_PARAMETER;
  if (output?.segments) for (const page of output.segments) call.memory.probe(page, PAGE_SIZE, "write");
  else if (output && output.length > 0) call.memory.probe(output.address, output.length, "write");
  event?.reset();
  file.signaled = false;
  const irp = new Irp({
    file,
    thread: call.thread,
    callId: call.id,
    ioStatusBlock: args.IoStatusBlock?.address ?? 0,
    buffer: output?.address ?? 0,
    segments: output?.segments,
    length: output?.length ?? 0,
    event,
    apcRoutine: args.ApcRoutine,
    apcContext: args.ApcContext,
    grantedAccess: call.grantedAccess(args.FileHandle),
  });
  start(file, irp);
  if (irp.status !== undefined) return irp.pended && !file.isSynchronous ? ntstatus.STATUS_PENDING : irp.status;
  irp.pended = true;
  if (!file.isSynchronous || !waits) return ntstatus.STATUS_PENDING;
  io.synchronousRequests.set(call.id, irp);
  return new Wait({ objects: [irp], alertable: file.isAlertable, restart: true });
}

/** The wait for a synchronous request is over: it is complete, or its thread was alerted, which cancels it. */
function finishSynchronous(io: IoManager, call: ServiceCall, irp: Irp): ServiceResult {
  io.synchronousRequests.delete(call.id);
  if (irp.status === undefined) irp.file.cancel(irp);
  if (call.restarted === ntstatus.STATUS_USER_APC) call.thread.userApcPending = true;
  return irp.status ?? ntstatus.STATUS_CANCELLED;
}
