import { GuestFault } from "../../emulator/cpu.ts";
import { Register } from "../../emulator/context.ts";
import type { ArgumentSource } from "../abi/type.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { ContentPending } from "../io-manager/layer.ts";
import type { Machine } from "../machine.ts";
import type { Thread } from "../process-manager/thread.ts";
import { ServiceCall } from "../system-services/service-call.ts";
import type { ServiceResult, SystemService } from "../system-services/service.ts";
import { NO_RETURN } from "../system-services/service.ts";
import { serviceNamed } from "../system-services/index.ts";
import { lookup } from "../system-services/numbers.ts";
import { StatusError, Unsupported } from "./unsupported.ts";
import { Wait } from "./wait.ts";

const WIN32K_NUMBERS = 0x1000;
/** SYSCALL is two bytes long; RIP stands after it. */
const SYSCALL_LENGTH = 2;

/** Arguments as the SYSCALL convention passes them: R10, RDX, R8, R9, then the stack above the return address and the home area. */
class SystemCallArguments implements ArgumentSource {
  private readonly thread: Thread;
  constructor(thread: Thread) {
    this.thread = thread;
  }
  private stackSlot(index: number): number {
    return this.thread.context.getNumber(Register.RSP) + 8 + index * 8;
  }
  low32(index: number): number {
    return index < 4
      ? this.thread.context.getLow32(argumentRegisters[index])
      : this.thread.process.memory.readUint32(this.stackSlot(index));
  }
  number(index: number): number {
    return index < 4
      ? this.thread.context.getNumber(argumentRegisters[index])
      : this.thread.process.memory.readPointer(this.stackSlot(index));
  }
  bigint(index: number): bigint {
    return index < 4
      ? this.thread.context.get(argumentRegisters[index])
      : this.thread.process.memory.readUint64(this.stackSlot(index));
  }
}
const argumentRegisters = [Register.R10, Register.RDX, Register.R8, Register.R9];

/** From the SYSCALL instruction to the service and back. Each function returns a promise where the host must fetch something first. */
export const Dispatcher = {
  /** The thread has executed SYSCALL. */
  call(machine: Machine, thread: Thread): Promise<void> | undefined {
    const name = resolveName(machine, thread);
    return perform(
      machine,
      thread,
      new ServiceCall(machine, thread, machine.nextCall++, name, serviceNamed(name)),
      true,
    );
  },

  /** The thread goes on with the call in which it waited, or which could not start because the host had to fetch. */
  resume(machine: Machine, thread: Thread): Promise<void> | undefined {
    const { pendingCall, wakeStatus } = thread;
    if (pendingCall === undefined) return undefined;
    const { id, name, restart } = pendingCall;
    thread.pendingCall = undefined;
    thread.wakeStatus = undefined;
    const call = new ServiceCall(machine, thread, id, name, serviceNamed(name), wakeStatus);
    if (restart) return perform(machine, thread, call, false);
    decode(call);
    complete(machine, call, wakeStatus ?? ntstatus.STATUS_SUCCESS);
    return undefined;
  },
};

/** Whose code executes SYSCALL decides what the number means (DESIGN, "System call numbers"). */
function resolveName(machine: Machine, thread: Thread): string {
  const number = thread.context.getLow32(Register.RAX);
  const address = thread.context.rip - SYSCALL_LENGTH;
  const { process } = thread;
  const stub = process.stubs.find((one) => address >= one.address && address < one.address + one.size);
  if (stub !== undefined) return stub.service;
  const own = process.virtualMemory.imageAt(address)?.systemCallNumbers;
  const name = own === undefined || own.size === 0 ? lookup(machine.build, number) : own.get(number);
  return name ?? `${number >= WIN32K_NUMBERS ? "win32k" : "nt"} service 0x${number.toString(16)}`;
}

/** Decodes the arguments; false when a pointer that the kernel follows is bad. */
function decode(call: ServiceCall): boolean {
  if (call.service === undefined) return true;
  try {
    call.args = call.service.decode({ source: new SystemCallArguments(call.thread), memory: call.memory });
    return true;
  } catch (error) {
    if (error instanceof GuestFault) return false;
    throw error;
  }
}

function perform(machine: Machine, thread: Thread, call: ServiceCall, announce: boolean): Promise<void> | undefined {
  const decoded = decode(call);
  if (announce) machine.observer.enter(call);
  let result: ServiceResult;
  if (call.service === undefined) {
    result = call.notImplemented(call.name);
    if (!isKnown(call.name)) result = ntstatus.STATUS_INVALID_SYSTEM_SERVICE;
  } else if (!decoded || call.args === undefined) {
    result = ntstatus.STATUS_ACCESS_VIOLATION;
  } else {
    try {
      result = runService(call.service, call, call.args);
    } catch (error) {
      if (!(error instanceof ContentPending)) throw error;
      thread.pendingCall = { id: call.id, name: call.name, restart: true };
      return error.arrival;
    }
  }
  if (result === NO_RETURN) {
    machine.observer.exit(call, undefined);
  } else if (result instanceof Wait) {
    const status = machine.scheduler.wait(thread, result, machine.clock.interruptTime);
    if (status === undefined || result.restart) {
      thread.pendingCall = { id: call.id, name: call.name, restart: result.restart };
      thread.wakeStatus = status;
    } else {
      complete(machine, call, status);
    }
  } else {
    complete(machine, call, result);
  }
  return undefined;
}

function isKnown(name: string): boolean {
  return !name.includes(" ");
}

function runService(service: SystemService, call: ServiceCall, args: object): ServiceResult {
  try {
    return service.run(call, args);
  } catch (error) {
    if (error instanceof GuestFault) return ntstatus.STATUS_ACCESS_VIOLATION;
    if (error instanceof StatusError) return error.status;
    if (error instanceof Unsupported) return call.notImplemented(error.what);
    throw error;
  }
}

function complete(machine: Machine, call: ServiceCall, result: NtStatus | bigint): void {
  call.thread.context.set(Register.RAX, typeof result === "bigint" ? BigInt.asUintN(64, result) : BigInt(result >>> 0));
  if (result === ntstatus.STATUS_USER_APC) call.thread.userApcPending = true;
  machine.observer.exit(call, result);
}
