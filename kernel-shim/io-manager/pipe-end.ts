import { FileAccess } from "../abi/access.ts";
import * as info from "../abi/file-information.ts";
import { FILE_INFORMATION_CLASS as Class } from "../abi/file.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { ParseRequest, ParseResult } from "../object-manager/kernel-object.ts";
import { encode, encodeName } from "./encode.ts";
import { setMode } from "./file-mode.ts";
import { FileObject, type ReadRequest } from "./file-object.ts";
import type { Irp } from "./irp.ts";
import type { NamedPipeDevice } from "./named-pipe-device.ts";
import type { PipeInstance } from "./named-pipe.ts";
import { PipeState } from "./named-pipe.ts";
import type { PipeQueue } from "./pipe-queue.ts";

export const FSCTL_PIPE = {
  DISCONNECT: 0x110004,
  LISTEN: 0x110008,
  PEEK: 0x11400c,
  WAIT: 0x110018,
  IMPERSONATE: 0x11001c,
  GET_PIPE_ATTRIBUTE: 0x110028,
  GET_CONNECTION_ATTRIBUTE: 0x110030,
  TRANSCEIVE: 0x11c017,
} as const;

const PEEK_DATA = 0x10;

/** One end of a pipe instance, open. */
export class PipeEnd extends FileObject {
  declare readonly device: NamedPipeDevice;
  readonly instance: PipeInstance;
  readonly isServer: boolean;
  readonly processId: number;
  /** FILE_PIPE_INFORMATION. */
  readMode: number;
  completionMode: number;
  /** A client that its server threw out. */
  disconnected = false;

  constructor(
    device: NamedPipeDevice,
    instance: PipeInstance,
    isServer: boolean,
    open: {
      readonly options: number;
      readonly access: number;
      readonly share: number;
      readonly readMode: number;
      readonly completionMode: number;
      readonly processId: number;
    },
  ) {
    super(device, open.options, open.access, open.share);
    this.instance = instance;
    this.isServer = isServer;
    this.readMode = open.readMode;
    this.completionMode = open.completionMode;
    this.processId = open.processId;
  }

  get fileName(): string {
    return `\\${this.instance.pipe.name}`;
  }
  private get incoming(): PipeQueue {
    return this.isServer ? this.instance.inbound : this.instance.outbound;
  }
  private get outgoing(): PipeQueue {
    return this.isServer ? this.instance.outbound : this.instance.inbound;
  }
  private get state(): number {
    return this.disconnected ? PipeState.DISCONNECTED : this.instance.state;
  }
  private get isNonBlocking(): boolean {
    return (this.completionMode & 1) !== 0;
  }
  private get readsMessages(): boolean {
    return (this.readMode & 1) !== 0;
  }

  /** An empty name below a server's end of a nameless pipe opens the other end. */
  override parse(rest: string, request: ParseRequest): ParseResult {
    return this.device.open(rest, this, request);
  }

  override read(irp: Irp): void {
    const status = this.stateError(ntstatus.STATUS_PIPE_BROKEN);
    if (this.incoming.take(irp, this.readsMessages)) return;
    if (status !== undefined) return irp.complete(status);
    if (this.isNonBlocking) return irp.complete(ntstatus.STATUS_PIPE_EMPTY);
    this.incoming.waitForData(irp, this.readsMessages);
    this.pend(irp);
  }

  override write(irp: Irp, _request: ReadRequest, data: Uint8Array): void {
    const status = this.stateError(ntstatus.STATUS_PIPE_CLOSING);
    if (status !== undefined) return irp.complete(status);
    const queue = this.outgoing;
    const { isMessageType } = this.instance.pipe;
    if (data.length === 0 && !isMessageType) return irp.complete(ntstatus.STATUS_SUCCESS, 0);
    if (this.isNonBlocking && queue.readers.length === 0) {
      // Without waiting a message goes whole or not at all, bytes as far as there is room.
      const room = Math.max(0, queue.quota - queue.available);
      if (data.length > room) {
        const part = isMessageType ? 0 : room;
        if (part > 0) queue.put(data.slice(0, part), undefined);
        return irp.complete(ntstatus.STATUS_SUCCESS, part);
      }
    }
    if (queue.put(data, irp)) irp.complete(ntstatus.STATUS_SUCCESS, data.length);
    else this.pend(irp);
  }

  override flush(irp: Irp): void {
    const status = this.stateError(ntstatus.STATUS_PIPE_BROKEN);
    irp.complete(status ?? ntstatus.STATUS_SUCCESS);
  }

  override fsControl(irp: Irp, code: number, input: Uint8Array): void {
    switch (code) {
      case FSCTL_PIPE.LISTEN:
        return this.isServer
          ? this.instance.listen(irp, this.isNonBlocking)
          : irp.complete(ntstatus.STATUS_ILLEGAL_FUNCTION);
      case FSCTL_PIPE.DISCONNECT:
        return irp.complete(this.isServer ? this.instance.disconnect() : ntstatus.STATUS_ILLEGAL_FUNCTION);
      case FSCTL_PIPE.PEEK:
        return this.peek(irp);
      case FSCTL_PIPE.TRANSCEIVE:
        return this.transceive(irp, input);
      case FSCTL_PIPE.GET_PIPE_ATTRIBUTE:
      case FSCTL_PIPE.GET_CONNECTION_ATTRIBUTE:
        return this.attribute(irp, code, input);
      default:
        return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
    }
  }

  private peek(irp: Irp): void {
    if (irp.length < PEEK_DATA) return irp.complete(ntstatus.STATUS_INFO_LENGTH_MISMATCH);
    const { incoming, state } = this;
    const status = this.stateError(ntstatus.STATUS_PIPE_BROKEN);
    if (status !== undefined && (incoming.isEmpty || state !== PipeState.CLOSING)) return irp.complete(status);
    const messageLength = this.instance.pipe.isMessageType ? incoming.firstLength : 0;
    const data = incoming.peek(irp.length - PEEK_DATA, this.instance.pipe.isMessageType);
    const memory = new BytesMemory(PEEK_DATA + data.length);
    memory.writeUint32(0x0, state);
    memory.writeUint32(0x4, incoming.available);
    memory.writeUint32(0x8, this.instance.pipe.isMessageType ? incoming.messages.length : 0);
    memory.writeUint32(0xc, messageLength);
    memory.write(PEEK_DATA, data);
    const cut = messageLength > data.length;
    irp.complete(cut ? ntstatus.STATUS_BUFFER_OVERFLOW : ntstatus.STATUS_SUCCESS, memory.bytes.length, memory.bytes);
  }

  /** Writes a message and reads the answer to it. */
  private transceive(irp: Irp, input: Uint8Array): void {
    if (!this.readsMessages) return irp.complete(ntstatus.STATUS_INVALID_READ_MODE);
    const status = this.stateError(ntstatus.STATUS_PIPE_CLOSING);
    if (status !== undefined) return irp.complete(status);
    if (!this.incoming.isEmpty) return irp.complete(ntstatus.STATUS_PIPE_BUSY);
    this.outgoing.put(input, undefined);
    if (this.incoming.take(irp, true)) return;
    this.incoming.waitForData(irp, true);
    this.pend(irp);
  }

  /** The one attribute that is kept of each: who is at the ends. */
  private attribute(irp: Irp, code: number, input: Uint8Array): void {
    const name = new TextDecoder().decode(input).replace(/\0.*$/, "");
    const end =
      code === FSCTL_PIPE.GET_PIPE_ATTRIBUTE && name === "ServerProcessId"
        ? this.instance.server
        : code === FSCTL_PIPE.GET_CONNECTION_ATTRIBUTE && name === "ClientProcessId"
          ? this.instance.client
          : undefined;
    if (!end) return irp.complete(ntstatus.STATUS_NOT_FOUND);
    if (irp.length < 4) return irp.complete(ntstatus.STATUS_INFO_LENGTH_MISMATCH);
    const memory = new BytesMemory(Math.min(irp.length, 8));
    memory.writeUint32(0, end.processId);
    irp.complete(ntstatus.STATUS_SUCCESS, memory.bytes.length, memory.bytes);
  }

  override queryInformation(informationClass: number, grantedAccess: number): Uint8Array | NtStatus {
    const { pipe } = this.instance;
    if (this.disconnected) return ntstatus.STATUS_PIPE_DISCONNECTED;
    const isPipeClass =
      informationClass === Class.FilePipeInformation || informationClass === Class.FilePipeLocalInformation;
    if (isPipeClass && !(grantedAccess & FileAccess.FILE_READ_ATTRIBUTES)) return ntstatus.STATUS_ACCESS_DENIED;
    switch (informationClass) {
      case Class.FilePipeInformation:
        return encode(info.FILE_PIPE_INFORMATION, { ReadMode: this.readMode, CompletionMode: this.completionMode });
      case Class.FilePipeLocalInformation:
        return encode(info.FILE_PIPE_LOCAL_INFORMATION, {
          NamedPipeType: pipe.parameters.type,
          NamedPipeConfiguration: pipe.configuration,
          MaximumInstances: pipe.parameters.maximumInstances,
          CurrentInstances: pipe.instances.length,
          InboundQuota: pipe.parameters.inboundQuota,
          ReadDataAvailable: this.incoming.available,
          OutboundQuota: pipe.parameters.outboundQuota,
          WriteQuotaAvailable: Math.max(0, this.outgoing.quota - this.outgoing.available),
          NamedPipeState: this.state,
          NamedPipeEnd: this.isServer ? 1 : 0,
        });
      case Class.FileStandardInformation:
        return encode(info.FILE_STANDARD_INFORMATION, {
          AllocationSize: BigInt(pipe.parameters.inboundQuota + pipe.parameters.outboundQuota),
          EndOfFile: BigInt(this.incoming.available),
          NumberOfLinks: 1,
          DeletePending: true,
        });
      case Class.FileNameInformation:
        return encodeName(this.fileName);
      case Class.FileInternalInformation:
        return encode(info.FILE_INTERNAL_INFORMATION, { IndexNumber: BigInt(this.id) });
      case Class.FileEaInformation:
        return encode(info.FILE_EA_INFORMATION, {});
      case Class.FilePositionInformation:
        return encode(info.FILE_POSITION_INFORMATION, {});
      case Class.FileBasicInformation:
        return encode(info.FILE_BASIC_INFORMATION, { FileAttributes: 0x80 });
      case Class.FileIsRemoteDeviceInformation:
        return new Uint8Array(1);
      default:
        return super.queryInformation(informationClass, grantedAccess);
    }
  }

  override setInformation(informationClass: number, input: Uint8Array): NtStatus {
    const memory = new BytesMemory(input);
    switch (informationClass) {
      case Class.FilePipeInformation: {
        const { ReadMode, CompletionMode } = info.FILE_PIPE_INFORMATION.read(memory, 0);
        if (ReadMode > 1 || CompletionMode > 1) return ntstatus.STATUS_INVALID_PARAMETER;
        // Bytes have no boundaries to read by.
        if (ReadMode === 1 && !this.instance.pipe.isMessageType) return ntstatus.STATUS_INVALID_PARAMETER;
        this.readMode = ReadMode;
        this.completionMode = CompletionMode;
        return ntstatus.STATUS_SUCCESS;
      }
      case Class.FileModeInformation:
        return setMode(this, info.FILE_MODE_INFORMATION.read(memory, 0).Mode);
      default:
        return Class.nameOf(informationClass) !== undefined
          ? ntstatus.STATUS_INVALID_PARAMETER
          : ntstatus.STATUS_INVALID_INFO_CLASS;
    }
  }

  override cancel(irp: Irp): void {
    this.instance.forget(irp);
    super.cancel(irp);
  }

  protected override cleanup(): void {
    if (!this.disconnected) this.instance.endClosed(this);
    // An instance lives as long as one of its ends does.
    if (!this.instance.server && !this.instance.client) this.device.removeInstance(this.instance);
  }

  /** Why nothing can come or go; `closing` where the other end is gone. */
  private stateError(closing: NtStatus): NtStatus | undefined {
    switch (this.state) {
      case PipeState.DISCONNECTED:
        return ntstatus.STATUS_PIPE_DISCONNECTED;
      case PipeState.LISTENING:
        return ntstatus.STATUS_PIPE_LISTENING;
      case PipeState.CLOSING:
        return closing;
      default:
        return undefined;
    }
  }
}

stateClass("PipeEnd", PipeEnd);
