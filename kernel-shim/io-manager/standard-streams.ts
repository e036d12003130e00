import { ntstatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { ReadRequest } from "./file-object.ts";
import type { IoManager } from "./io-manager.ts";
import type { Irp } from "./irp.ts";
import { NamedPipe, PipeConfiguration, PipeInstance, PipeState } from "./named-pipe.ts";
import { PipeEnd } from "./pipe-end.ts";

const QUOTA = 0x1000;
const FILE_SYNCHRONOUS_IO_NONALERT = 0x20;
const FILE_GENERIC_READ = 0x120089;
/** As CreatePipe opens the end that writes. */
const FILE_GENERIC_WRITE_AND_READ_ATTRIBUTES = 0x120196;

export type StandardOutput = "stdout" | "stderr";

/**
 * Standard input, output and error of the first process: the client ends of nameless pipes whose server is the host. So programs see what they see when another program
 * has redirected them, and input may be typed later.
 */
export class StandardStreams {
  private readonly inputPipe: PipeInstance;
  readonly input: PipeEnd;
  readonly output: PipeEnd;
  readonly error: PipeEnd;
  inputEnded = false;

  constructor(io: IoManager) {
    this.inputPipe = hostPipe(PipeConfiguration.OUTBOUND);
    this.input = new HostSource(io.namedPipes, this.inputPipe, false, open(FILE_GENERIC_READ));
    this.inputPipe.connect(this.input);
    this.output = new HostSink(io, "stdout");
    this.error = new HostSink(io, "stderr");
  }

  /** More input. Belongs to the run's input log: the host calls it between slices only. */
  write(bytes: Uint8Array): void {
    if (!this.inputEnded && bytes.length > 0) this.inputPipe.outbound.put(bytes, undefined);
  }
  /** No more input: reads end with STATUS_PIPE_BROKEN once everything was read. */
  end(): void {
    if (this.inputEnded) return;
    this.inputEnded = true;
    this.inputPipe.state = PipeState.CLOSING;
    this.inputPipe.outbound.endReaders(ntstatus.STATUS_PIPE_BROKEN);
  }
  /** Whether a thread waits for input that has not come. */
  get isRead(): boolean {
    return this.inputPipe.outbound.readers.length > 0;
  }
}

stateClass("StandardStreams", StandardStreams);

function hostPipe(configuration: number): PipeInstance {
  const pipe = new NamedPipe(
    "",
    {
      type: 0,
      readMode: 0,
      completionMode: 0,
      maximumInstances: 1,
      inboundQuota: QUOTA,
      outboundQuota: QUOTA,
      defaultTimeout: 0n,
    },
    configuration,
  );
  const instance = new PipeInstance(pipe);
  pipe.instances.push(instance);
  return instance;
}

function open(access: number) {
  return { options: FILE_SYNCHRONOUS_IO_NONALERT, access, share: 0, readMode: 0, completionMode: 0, processId: 0 };
}

/** A pipe into which the host writes. */
class HostSource extends PipeEnd {
  override describe(): string {
    return "File stdin";
  }
}
stateClass("HostSource", HostSource);

/** A pipe whose other end the host reads at once. */
class HostSink extends PipeEnd {
  readonly stream: StandardOutput;

  constructor(io: IoManager, stream: StandardOutput) {
    const instance = hostPipe(PipeConfiguration.INBOUND);
    super(io.namedPipes, instance, false, open(FILE_GENERIC_WRITE_AND_READ_ATTRIBUTES));
    instance.connect(this);
    this.stream = stream;
  }
  override describe(): string {
    return `File ${this.stream}`;
  }

  override write(irp: Irp, _request: ReadRequest, data: Uint8Array): void {
    irp.complete(ntstatus.STATUS_SUCCESS, data.length);
    if (data.length > 0)
      this.io.machine.observer.event({ kind: "output", thread: irp.thread, stream: this.stream, bytes: data });
  }
}

stateClass("HostSink", HostSink);
