import { FileAccess } from "../abi/access.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { CreateDisposition, CreateResult, FILE_DEVICE } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { decodeUtf16 } from "../abi/structures.ts";
import { stateClass } from "../executive/state.ts";
import type { ParseResult } from "../object-manager/kernel-object.ts";
import { type CreateRequest, grantRequested } from "./create-request.ts";
import { DeviceObject } from "./device-object.ts";
import { FileObject } from "./file-object.ts";
import type { IoManager } from "./io-manager.ts";
import type { Irp } from "./irp.ts";
import { NamedPipe, PipeConfiguration, PipeInstance } from "./named-pipe.ts";
import { upcase } from "./name.ts";
import { FSCTL_PIPE, PipeEnd } from "./pipe-end.ts";
import { PipeWait } from "./pipe-wait.ts";
import { FILE_SHARE_READ, FILE_SHARE_WRITE } from "./share-access.ts";

/** `\Device\NamedPipe`: the named pipe file system. */
export class NamedPipeDevice extends DeviceObject {
  /** By upper-case name. */
  readonly pipes = new Map<string, NamedPipe>();
  waits: PipeWait[] = [];

  constructor(io: IoManager) {
    super(io, FILE_DEVICE.NAMED_PIPE);
  }

  override create(name: string, relatedFile: FileObject | undefined, request: CreateRequest): ParseResult {
    if (relatedFile instanceof PipeEnd) {
      if (name !== "") return { status: ntstatus.STATUS_OBJECT_NAME_INVALID };
      return this.connect(relatedFile.instance.pipe, request);
    }
    const pipeName = name.replace(/^\\/, "");
    if (request.pipe) return this.createInstance(pipeName, request);
    if (pipeName === "") {
      request.information = CreateResult.OPENED;
      request.grantedAccess = grantRequested(request);
      return { object: new PipeRoot(this, name, request.options, request.grantedAccess, request.shareAccess) };
    }
    const pipe = this.pipes.get(upcase(pipeName));
    return pipe ? this.connect(pipe, request) : { status: ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
  }

  private createInstance(name: string, request: CreateRequest): ParseResult {
    const { pipe: parameters, disposition, shareAccess } = request;
    if (!parameters) return { status: ntstatus.STATUS_INVALID_PARAMETER };
    const configuration = configurationOf(shareAccess);
    if (configuration === undefined) return { status: ntstatus.STATUS_INVALID_PARAMETER };
    let pipe = name === "" ? undefined : this.pipes.get(upcase(name));
    if (pipe) {
      if (disposition === CreateDisposition.FILE_CREATE) return { status: ntstatus.STATUS_ACCESS_DENIED };
      if (pipe.instances.length >= pipe.parameters.maximumInstances)
        return { status: ntstatus.STATUS_INSTANCE_NOT_AVAILABLE };
      if (pipe.configuration !== configuration || pipe.parameters.type !== parameters.type)
        return { status: ntstatus.STATUS_ACCESS_DENIED };
      request.information = CreateResult.OPENED;
    } else {
      if (disposition === CreateDisposition.FILE_OPEN) return { status: ntstatus.STATUS_OBJECT_NAME_NOT_FOUND };
      pipe = new NamedPipe(name, parameters, configuration);
      if (name !== "") this.pipes.set(upcase(name), pipe);
      request.information = CreateResult.CREATED;
    }
    const instance = new PipeInstance(pipe);
    pipe.instances.push(instance);
    instance.server = this.makeEnd(instance, true, request, parameters.readMode, parameters.completionMode);
    this.instanceListens(instance);
    return { object: instance.server };
  }

  private connect(pipe: NamedPipe, request: CreateRequest): ParseResult {
    const { desiredAccess, disposition } = request;
    if (disposition === CreateDisposition.FILE_CREATE) return { status: ntstatus.STATUS_ACCESS_DENIED };
    const reads = (desiredAccess & FileAccess.FILE_READ_DATA) !== 0;
    const writes = (desiredAccess & FileAccess.FILE_WRITE_DATA) !== 0;
    if (reads && pipe.configuration === PipeConfiguration.INBOUND) return { status: ntstatus.STATUS_ACCESS_DENIED };
    if (writes && pipe.configuration === PipeConfiguration.OUTBOUND) return { status: ntstatus.STATUS_ACCESS_DENIED };
    const instance = pipe.listening;
    if (!instance) return { status: ntstatus.STATUS_PIPE_NOT_AVAILABLE };
    const client = this.makeEnd(instance, false, request, 0, 0);
    instance.connect(client);
    request.information = CreateResult.OPENED;
    return { object: client };
  }

  private makeEnd(
    instance: PipeInstance,
    isServer: boolean,
    request: CreateRequest,
    readMode: number,
    completionMode: number,
  ): PipeEnd {
    request.grantedAccess = grantRequested(request);
    const { options, grantedAccess: access, shareAccess: share, processId } = request;
    return new PipeEnd(this, instance, isServer, { options, access, share, readMode, completionMode, processId });
  }

  removeInstance(instance: PipeInstance): void {
    const { pipe } = instance;
    pipe.instances = pipe.instances.filter((one) => one !== instance);
    if (pipe.instances.length === 0 && this.pipes.get(upcase(pipe.name)) === pipe) this.pipes.delete(upcase(pipe.name));
  }

  /** Somebody may be waiting for that. */
  instanceListens(instance: PipeInstance): void {
    for (const wait of [...this.waits]) if (wait.pipe === instance.pipe) wait.end(ntstatus.STATUS_SUCCESS);
  }
}

stateClass("NamedPipeDevice", NamedPipeDevice);

function configurationOf(shareAccess: number): number | undefined {
  switch (shareAccess & (FILE_SHARE_READ | FILE_SHARE_WRITE)) {
    case FILE_SHARE_WRITE:
      return PipeConfiguration.INBOUND;
    case FILE_SHARE_READ:
      return PipeConfiguration.OUTBOUND;
    case FILE_SHARE_READ | FILE_SHARE_WRITE:
      return PipeConfiguration.FULL_DUPLEX;
    default:
      return undefined;
  }
}

/** The pipe file system itself, opened: where one waits for pipes and from where nameless ones are made. */
class PipeRoot extends FileObject {
  declare readonly device: NamedPipeDevice;
  readonly fileName: string;

  constructor(device: NamedPipeDevice, fileName: string, options: number, access: number, share: number) {
    super(device, options, access, share);
    this.fileName = fileName;
  }

  override fsControl(irp: Irp, code: number, input: Uint8Array): void {
    if (code !== FSCTL_PIPE.WAIT) return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
    const status = this.wait(irp, input);
    if (status !== undefined) irp.complete(status);
  }

  /** FILE_PIPE_WAIT_FOR_BUFFER: a timeout, and the name of a pipe of which an instance shall listen. Undefined when the request now waits. */
  private wait(irp: Irp, input: Uint8Array): NtStatus | undefined {
    const NAME = 0xe;
    if (input.length < NAME) return ntstatus.STATUS_INVALID_PARAMETER;
    const memory = new BytesMemory(input);
    const timeout = BigInt.asIntN(64, memory.readUint64(0));
    const length = memory.readUint32(8);
    const timeoutGiven = memory.readUint8(0xc) !== 0;
    if (length % 2 !== 0 || NAME + length > input.length) return ntstatus.STATUS_INVALID_PARAMETER;
    const pipe = this.device.pipes.get(upcase(decodeUtf16(memory.read(NAME, length)).replace(/^\\/, "")));
    if (!pipe) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    if (pipe.listening) return ntstatus.STATUS_SUCCESS;
    this.pend(irp);
    PipeWait.start(this.device, pipe, irp, timeoutGiven ? timeout : pipe.parameters.defaultTimeout);
    return undefined;
  }

  override cancel(irp: Irp): void {
    this.device.waits.find((wait) => wait.irp === irp)?.stop();
    super.cancel(irp);
  }
}

stateClass("PipeRoot", PipeRoot);
