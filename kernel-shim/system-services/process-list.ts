import { BytesMemory } from "../abi/bytes-memory.ts";
import { CLIENT_ID, encodeUtf16, TEB, UNICODE_STRING } from "../abi/structures.ts";
import { INSTRUCTIONS_PER_100NS } from "../executive/clock.ts";
import type { Machine } from "../machine.ts";
import type { Process } from "../process-manager/process.ts";
import type { Thread } from "../process-manager/thread.ts";
import { SESSION_ID } from "../security/identity.ts";

const PROCESS_SIZE = 0x100;
const THREAD_SIZE = 0x50;
/** SYSTEM_EXTENDED_THREAD_INFORMATION: stack, start address and TEB follow. */
const EXTENDED_THREAD_SIZE = 0x88;

const ThreadState = { Ready: 1, Waiting: 5 } as const;
const WAIT_REASON_USER_REQUEST = 6;

/** SYSTEM_PROCESS_INFORMATION of every living process, threads and name behind each, to lie at `address`. */
export function processList(machine: Machine, address: number, extended: boolean): Uint8Array {
  const threadSize = extended ? EXTENDED_THREAD_SIZE : THREAD_SIZE;
  const living = machine.processes.filter((process) => !process.exited);
  const sizes = living.map((process) => align(PROCESS_SIZE + process.livingThreads.length * threadSize + (process.imageName.length + 1) * 2)); // prettier-ignore
  const memory = new BytesMemory(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  living.forEach((process, index) => {
    writeProcess(memory, at, address + at, process, threadSize);
    memory.writeUint32(at, index === living.length - 1 ? 0 : sizes[index]);
    at += sizes[index];
  });
  return memory.bytes;
}

function align(size: number): number {
  return (size + 7) & ~7;
}

function writeProcess(memory: BytesMemory, at: number, address: number, process: Process, threadSize: number): void {
  const threads = process.livingThreads;
  const name = encodeUtf16(process.imageName);
  const nameAt = PROCESS_SIZE + threads.length * threadSize;
  memory.writeUint32(at + 0x4, threads.length);
  memory.writeUint64(at + 0x20, process.createTime);
  memory.writeUint64(at + 0x28, userTime(process));
  UNICODE_STRING.write(memory, at + 0x38, {
    Length: name.length,
    MaximumLength: name.length + 2,
    Buffer: address + nameAt,
  });
  memory.writeUint32(at + 0x48, 8); // base priority
  memory.writePointer(at + 0x50, process.id);
  memory.writePointer(at + 0x58, process.parentId);
  memory.writeUint32(at + 0x60, process.handles.count);
  memory.writeUint32(at + 0x64, SESSION_ID);
  const { committed, peakCommitted, reserved } = process.virtualMemory;
  memory.writePointer(at + 0x70, reserved);
  memory.writePointer(at + 0x78, reserved);
  memory.writePointer(at + 0x88, peakCommitted);
  memory.writePointer(at + 0x90, committed);
  memory.writePointer(at + 0xb8, committed);
  memory.writePointer(at + 0xc0, peakCommitted);
  memory.writePointer(at + 0xc8, committed);
  threads.forEach((thread, index) =>
    writeThread(memory, at + PROCESS_SIZE + index * threadSize, thread, threadSize > THREAD_SIZE),
  );
  memory.write(at + nameAt, name);
}

function writeThread(memory: BytesMemory, at: number, thread: Thread, extended: boolean): void {
  memory.writeUint64(at + 0x8, threadTime(thread));
  memory.writeUint64(at + 0x10, thread.createTime);
  memory.writePointer(at + 0x20, thread.startAddress);
  CLIENT_ID.write(memory, at + 0x28, { UniqueProcess: thread.process.id, UniqueThread: thread.id });
  memory.writeUint32(at + 0x38, thread.priority);
  memory.writeUint32(at + 0x3c, thread.priority);
  memory.writeUint32(at + 0x44, thread.state === "waiting" ? ThreadState.Waiting : ThreadState.Ready);
  memory.writeUint32(at + 0x48, thread.state === "waiting" ? WAIT_REASON_USER_REQUEST : 0);
  if (!extended) return;
  const guest = thread.process.memory;
  memory.writePointer(at + 0x50, TEB.get(guest, thread.teb, "StackBase"));
  memory.writePointer(at + 0x58, TEB.get(guest, thread.teb, "StackLimit"));
  memory.writePointer(at + 0x60, thread.startAddress);
  memory.writePointer(at + 0x68, thread.teb);
}

/** Time that a thread has executed, in units of 100 ns. */
export function threadTime(thread: Thread): bigint {
  return BigInt(Math.floor(thread.instructions / INSTRUCTIONS_PER_100NS));
}
export function userTime(process: Process): bigint {
  return process.threads.reduce((sum, thread) => sum + threadTime(thread), 0n);
}
