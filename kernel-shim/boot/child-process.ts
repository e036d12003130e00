/** NtCreateUserProcess: a process made by another one. */
import { BytesMemory } from "../abi/bytes-memory.ts";
import { AllocationType, PageProtection } from "../abi/memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { PEB, RTL_USER_PROCESS_PARAMETERS, type UNICODE_STRING } from "../abi/structures.ts";
import type { GuestMemory, ValueOf } from "../abi/type.ts";
import { StatusError } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import { imageStatus } from "../memory-manager/image-status.ts";
import { checkProgram, PeError } from "../pe/index.ts";
import type { Job } from "../process-manager/job.ts";
import type { Process } from "../process-manager/process.ts";
import type { Thread } from "../process-manager/thread.ts";
import { createThread } from "../process-manager/thread-creation.ts";
import { LoadError } from "./load-error.ts";
import { createProcess, openImage, setUpProcess, type OpenedImage } from "./process-start.ts";

export interface ChildParameters {
  /** NT path of the program, `\??\C:\…`. */
  readonly imagePath: string;
  /** RTL_USER_PROCESS_PARAMETERS in the parent. */
  readonly processParameters: number;
  readonly inheritHandles: boolean;
  /** Where given, only these are inherited. */
  readonly handleList: ReadonlySet<number> | undefined;
  readonly suspended: boolean;
  /** Into which it is born. */
  readonly jobs: readonly Job[];
}

/** Leaves the service with the status that CreateProcess knows how to explain. */
export function createChildProcess(
  machine: Machine,
  parent: Process,
  creator: Process,
  parameters: ChildParameters,
): { readonly process: Process; readonly thread: Thread } {
  if (machine.processes.filter((one) => !one.exited).length >= machine.limits.processes) {
    machine.limitsReached.add("processes");
    throw new StatusError(ntstatus.STATUS_INSUFFICIENT_RESOURCES);
  }
  const { section, image } = openProgram(machine, parameters.imagePath);
  const process = createProcess(machine, section, parent.id);
  if (parameters.inheritHandles) {
    for (const [handle, entry] of parent.handles) {
      if (!(entry.attributes & OBJ_INHERIT)) continue;
      if (parameters.handleList?.has(handle) !== false) process.handles.inherit(handle, entry);
    }
  }
  try {
    const { peb } = setUpProcess(machine, process, image, () =>
      copyProcessParameters(creator, parameters.processParameters, process, parameters.inheritHandles),
    );
    const thread = createThread(machine, process, {
      start: PEB.get(process.memory, peb, "ImageBaseAddress") + image.headers.addressOfEntryPoint,
      argument: peb,
      stackReserve: 0,
      stackCommit: 0,
      suspended: parameters.suspended,
    });
    for (const job of parameters.jobs.toReversed()) job.add(machine, process);
    return { process, thread };
  } catch (error) {
    if (error instanceof LoadError) throw new StatusError(ntstatus.STATUS_DLL_NOT_FOUND);
    throw error;
  }
}

const OBJ_INHERIT = 2;

function openProgram(machine: Machine, path: string): OpenedImage {
  let opened: OpenedImage | NtStatus;
  try {
    opened = openImage(machine, path);
    if (typeof opened !== "number") checkProgram(opened.image);
  } catch (error) {
    if (error instanceof PeError) throw new StatusError(imageStatus(error));
    throw error;
  }
  if (typeof opened === "number") throw new StatusError(opened);
  return opened;
}

type Parameters = ValueOf<typeof RTL_USER_PROCESS_PARAMETERS>;
type StringField = {
  [K in keyof Parameters]: Parameters[K] extends ValueOf<typeof UNICODE_STRING> ? K : never;
}[keyof Parameters];
const STRINGS: readonly StringField[] = [
  "CurrentDirectory", "DllPath", "ImagePathName", "CommandLine", "WindowTitle", "DesktopInfo", "ShellInfo", "RuntimeData",
]; // prettier-ignore
/** A string of 32,767 characters and its zero. */
const MAXIMUM_ENVIRONMENT = 0x10_0000;

/** Copies the block, with everything that it points to, into the new process. Returns its address there. */
function copyProcessParameters(from: Process, address: number, to: Process, inherited: boolean): number {
  const { memory } = from;
  const block = RTL_USER_PROCESS_PARAMETERS.read(memory, address);
  // Parameters that are not normalized hold offsets from their start.
  const origin = block.Flags & 1 ? 0 : address;
  const strings = STRINGS.map((field) => {
    const { Length, MaximumLength, Buffer } = block[field];
    const bytes = Buffer === 0 ? new Uint8Array(0) : memory.read(origin + Buffer, Length);
    return { field, bytes, room: Buffer === 0 ? 0 : Math.max(MaximumLength, Length) };
  });
  const environment =
    block.Environment === 0 ? new Uint8Array(4) : readEnvironment(memory, block.Environment, block.EnvironmentSize);
  const align = (size: number): number => Math.ceil(size / 8) * 8;
  const size =
    align(RTL_USER_PROCESS_PARAMETERS.size) +
    strings.reduce((sum, { room }) => sum + align(room), 0) +
    environment.length;
  const type = AllocationType.MEM_COMMIT | AllocationType.MEM_RESERVE;
  const { base } = to.virtualMemory.allocate(0, size, type, PageProtection.PAGE_READWRITE);
  const copy = new BytesMemory(size);
  copy.write(0, memory.read(address, RTL_USER_PROCESS_PARAMETERS.size));
  let next = align(RTL_USER_PROCESS_PARAMETERS.size);
  for (const { field, bytes, room } of strings) {
    copy.write(next, bytes);
    const value = { Length: bytes.length, MaximumLength: room, Buffer: room === 0 ? 0 : base + next };
    RTL_USER_PROCESS_PARAMETERS.set(copy, 0, { [field]: value });
    next += align(room);
  }
  copy.write(next, environment);
  const standard = (handle: number): number => (inherited ? handle : duplicateStandardHandle(from, handle, to));
  RTL_USER_PROCESS_PARAMETERS.set(copy, 0, {
    MaximumLength: size,
    Length: size,
    Flags: block.Flags | 1,
    CurrentDirectoryHandle: 0,
    StandardInput: standard(block.StandardInput),
    StandardOutput: standard(block.StandardOutput),
    StandardError: standard(block.StandardError),
    Environment: base + next,
    EnvironmentSize: environment.length,
  });
  to.memory.write(base, copy.bytes);
  return base;
}

/** A console program has its parent's standard handles even where it inherits no others. */
function duplicateStandardHandle(from: Process, handle: number, to: Process): number {
  const entry = from.handles.get(handle);
  return entry === undefined || handle === 0 ? handle : to.handles.insert(entry.object, entry.access, entry.attributes);
}

/** The block of NAME=VALUE strings up to the empty one; its size where the creator gave one. */
function readEnvironment(memory: GuestMemory, address: number, size: number): Uint8Array {
  if (size > 0 && size <= MAXIMUM_ENVIRONMENT) return memory.read(address, size);
  let length = 0;
  while (length < MAXIMUM_ENVIRONMENT) {
    if (memory.readUint16(address + length) === 0 && (length === 0 || memory.readUint16(address + length - 2) === 0))
      break;
    length += 2;
  }
  return memory.read(address, length + 2);
}
