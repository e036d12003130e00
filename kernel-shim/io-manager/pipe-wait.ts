import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import { Timer } from "../executive/timer.ts";
import type { Machine } from "../machine.ts";
import type { Irp } from "./irp.ts";
import type { NamedPipeDevice } from "./named-pipe-device.ts";
import type { NamedPipe } from "./named-pipe.ts";

/** FSCTL_PIPE_WAIT under way: ends when an instance listens, or by its time. */
export class PipeWait extends Timer {
  readonly device: NamedPipeDevice;
  readonly pipe: NamedPipe;
  readonly irp: Irp;

  constructor(device: NamedPipeDevice, pipe: NamedPipe, irp: Irp) {
    super(true);
    this.device = device;
    this.pipe = pipe;
    this.irp = irp;
  }

  static start(device: NamedPipeDevice, pipe: NamedPipe, irp: Irp, timeout: bigint): void {
    const wait = new PipeWait(device, pipe, irp);
    const { machine } = device.io;
    device.waits.push(wait);
    wait.set(machine, machine.clock.deadlineOf(timeout), 0, undefined);
  }

  override expire(machine: Machine): void {
    super.expire(machine);
    this.end(ntstatus.STATUS_IO_TIMEOUT);
  }

  end(status: NtStatus): void {
    this.stop();
    this.irp.complete(status);
  }
  stop(): void {
    const { device } = this;
    this.cancel(device.io.machine);
    device.waits = device.waits.filter((wait) => wait !== this);
  }
}

stateClass("PipeWait", PipeWait);
