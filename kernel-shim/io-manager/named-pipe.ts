import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { PipeParameters } from "./create-request.ts";
import type { Irp } from "./irp.ts";
import type { PipeEnd } from "./pipe-end.ts";
import { PipeQueue } from "./pipe-queue.ts";

export const FILE_PIPE_MESSAGE_TYPE = 1;
/** NamedPipeConfiguration, from what the server shares. */
export const PipeConfiguration = { INBOUND: 0, OUTBOUND: 1, FULL_DUPLEX: 2 } as const;
/** NamedPipeState of FILE_PIPE_LOCAL_INFORMATION. */
export const PipeState = { DISCONNECTED: 1, LISTENING: 2, CONNECTED: 3, CLOSING: 4 } as const;

/** A pipe by name: its parameters and its instances, each of which is a connection or waits for one. */
export class NamedPipe {
  /** Without the leading backslash; empty for a pipe that is reached through its server's handle only. */
  readonly name: string;
  readonly parameters: PipeParameters;
  readonly configuration: number;
  instances: PipeInstance[] = [];

  constructor(name: string, parameters: PipeParameters, configuration: number) {
    this.name = name;
    this.parameters = parameters;
    this.configuration = configuration;
  }

  get isMessageType(): boolean {
    return (this.parameters.type & FILE_PIPE_MESSAGE_TYPE) !== 0;
  }
  get listening(): PipeInstance | undefined {
    return this.instances.find(({ state }) => state === PipeState.LISTENING);
  }
}

/** One instance of a pipe, with its two ends and the bytes on their way. */
export class PipeInstance {
  readonly pipe: NamedPipe;
  /** PipeState. */
  state: number = PipeState.LISTENING;
  server: PipeEnd | undefined = undefined;
  client: PipeEnd | undefined = undefined;
  /** Client to server, server to client. */
  inbound: PipeQueue;
  outbound: PipeQueue;
  /** FSCTL_PIPE_LISTEN requests. */
  listeners: Irp[] = [];

  constructor(pipe: NamedPipe) {
    this.pipe = pipe;
    this.inbound = new PipeQueue(pipe.parameters.inboundQuota);
    this.outbound = new PipeQueue(pipe.parameters.outboundQuota);
  }

  connect(client: PipeEnd): void {
    this.client = client;
    this.state = PipeState.CONNECTED;
    this.endListeners(ntstatus.STATUS_SUCCESS);
  }

  listen(irp: Irp, nonBlocking: boolean): void {
    switch (this.state) {
      case PipeState.CONNECTED:
        return irp.complete(ntstatus.STATUS_PIPE_CONNECTED);
      case PipeState.CLOSING:
        return irp.complete(ntstatus.STATUS_PIPE_CLOSING);
      default:
        this.state = PipeState.LISTENING;
        if (nonBlocking) return irp.complete(ntstatus.STATUS_PIPE_LISTENING);
        this.listeners.push(irp);
        irp.file.pend(irp);
        this.server?.device.instanceListens(this);
    }
  }

  /** The server throws its client out; what was on its way is lost. */
  disconnect(): NtStatus {
    if (this.state === PipeState.DISCONNECTED) return ntstatus.STATUS_PIPE_DISCONNECTED;
    this.endListeners(ntstatus.STATUS_PIPE_DISCONNECTED);
    for (const queue of [this.inbound, this.outbound]) {
      queue.endReaders(ntstatus.STATUS_PIPE_DISCONNECTED);
      queue.discard(ntstatus.STATUS_PIPE_DISCONNECTED);
    }
    if (this.client) this.client.disconnected = true;
    this.client = undefined;
    this.inbound = new PipeQueue(this.inbound.quota);
    this.outbound = new PipeQueue(this.outbound.quota);
    this.state = PipeState.DISCONNECTED;
    return ntstatus.STATUS_SUCCESS;
  }

  /** One end is closed: the other reads what is left and then STATUS_PIPE_BROKEN. */
  endClosed(end: PipeEnd): void {
    const toClosed = end === this.server ? this.inbound : this.outbound;
    const fromClosed = end === this.server ? this.outbound : this.inbound;
    toClosed.discard(ntstatus.STATUS_PIPE_BROKEN);
    fromClosed.endReaders(ntstatus.STATUS_PIPE_BROKEN);
    this.endListeners(ntstatus.STATUS_PIPE_BROKEN);
    if (end === this.server) this.server = undefined;
    else this.client = undefined;
    if (this.state === PipeState.CONNECTED) this.state = PipeState.CLOSING;
  }

  forget(irp: Irp): void {
    this.listeners = this.listeners.filter((one) => one !== irp);
    this.inbound.forget(irp);
    this.outbound.forget(irp);
  }

  private endListeners(status: NtStatus): void {
    const { listeners } = this;
    this.listeners = [];
    for (const irp of listeners) irp.complete(status);
  }
}

stateClass("NamedPipe", NamedPipe);
stateClass("PipeInstance", PipeInstance);
