/** The start of the first process: from a path to a thread that stands before its first instruction. */
import { FileAccess, ObjectAttributeFlags } from "../abi/access.ts";
import { AllocationType, PageProtection, SectionAttributes } from "../abi/memory.ts";
import { ntstatus, statusName, type NtStatus } from "../abi/ntstatus.ts";
import { PEB } from "../abi/structures.ts";
import { createRegistry } from "../configuration-manager/registry.ts";
import { StatusError } from "../executive/unsupported.ts";
import { FileObject } from "../io-manager/file-object.ts";
import { CreateRequest } from "../io-manager/create-request.ts";
import { IoManager } from "../io-manager/io-manager.ts";
import { LayerStack, type Layer } from "../io-manager/layer.ts";
import { StandardStreams } from "../io-manager/standard-streams.ts";
import type { VolumeLimits } from "../io-manager/volume.ts";
import type { Machine } from "../machine.ts";
import { createAddressSpace } from "../memory-manager/address-space-state.ts";
import { Section } from "../memory-manager/section.ts";
import { VirtualMemory } from "../memory-manager/virtual-memory.ts";
import { mapView } from "../memory-manager/views.ts";
import { checkProgram, exportsOf, importsOf, parsePe, PeError, type PeImage } from "../pe/index.ts";
import { Process, type UserEntries } from "../process-manager/process.ts";
import { mapSharedData } from "../process-manager/shared-data.ts";
import type { Thread } from "../process-manager/thread.ts";
import { createThread } from "../process-manager/thread-creation.ts";
import { USER_NAME } from "../security/identity.ts";
import { createPrimaryToken } from "../security/token.ts";
import { LoadError } from "./load-error.ts";
import { writeProcessParameters, type ProcessParameters } from "./process-parameters.ts";
import { systemDrive } from "./system-drive.ts";

const NTDLL = "C:\\windows\\system32\\ntdll.dll";
const APISETSCHEMA = "C:\\windows\\system32\\apisetschema.dll";
const STANDARD_STREAMS = "standard streams";

/** Makes what a machine has before any process: the volume C: over `layers`, the registry, the standard streams. */
export function bootMachine(machine: Machine, layers: readonly Layer[], limits?: VolumeLimits): void {
  const io = IoManager.of(machine);
  io.mountVolume("C:", layerStack(layers), limits);
  createRegistry(machine);
  machine.parts.set(STANDARD_STREAMS, new StandardStreams(io));
}

/** The stack of a machine's volume: for its restoration it must be made from the same layers. */
export function layerStack(layers: readonly Layer[]): LayerStack {
  return new LayerStack([...layers, systemDrive()]);
}

export function standardStreams(machine: Machine): StandardStreams {
  const streams = machine.parts.get(STANDARD_STREAMS);
  if (!(streams instanceof StandardStreams)) throw new Error("the machine was booted without standard streams");
  return streams;
}

export type StartParameters = Omit<ProcessParameters, "standardInput" | "standardOutput" | "standardError">;

/** Starts the first process. Throws LoadError with a sentence for the user where the program cannot be started. */
export function startFirstProcess(machine: Machine, parameters: StartParameters): Process {
  const program = openProgram(machine, parameters.imagePath);
  try {
    return startProgram(machine, program, parameters);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const why =
      error.status === ntstatus.STATUS_COMMITMENT_LIMIT
        ? `the run may have ${machine.limits.committedBytes} bytes of memory, which is not enough`
        : `the kernel refused its image (${statusName(error.status)})`;
    throw new LoadError("memory", `This program cannot be started: ${why}.`);
  }
}

function startProgram(machine: Machine, program: OpenedImage, parameters: StartParameters): Process {
  const streams = standardStreams(machine);
  const process = createProcess(machine, program.section, 0);
  const handle = (file: FileObject): number =>
    process.handles.insert(file, file.openAccess, ObjectAttributeFlags.OBJ_INHERIT);
  const { peb } = setUpProcess(machine, process, program.image, (wine) =>
    writeProcessParameters(process, {
      ...parameters,
      // Where Wine's GetUserName looks.
      environment: { ...parameters.environment, ...(wine && { WINEUSERNAME: USER_NAME }) },
      standardInput: handle(streams.input),
      standardOutput: handle(streams.output),
      standardError: handle(streams.error),
    }),
  );
  startFirstThread(machine, process, peb);
  return process;
}

/** A process object with an address space that holds nothing but what every process has. */
export function createProcess(machine: Machine, section: Section, parentId: number): Process {
  const space = createAddressSpace(machine.cpu);
  const process = new Process(
    machine.takeId(),
    parentId,
    new VirtualMemory(machine, space),
    section,
    section.file?.path ?? "",
  );
  process.token = createPrimaryToken(machine);
  process.createTime = machine.clock.systemTime;
  process.cookie = machine.random.next();
  machine.processes.push(process);
  mapSharedData(machine, process);
  return process;
}

/** Maps the program and the image's ntdll, and writes the PEB; `writeParameters` returns the address of the process parameters. */
export function setUpProcess(
  machine: Machine,
  process: Process,
  program: PeImage,
  writeParameters: (wine: boolean) => number,
): { readonly peb: number } {
  const ntdll = openSystemImage(machine, NTDLL);
  if (ntdll === undefined) refuseImports(program);
  const wine = ntdll !== undefined && isWine(ntdll.image);
  process.loaderRelocates = wine;
  machine.observer.event({ kind: "process-start", process });
  const { base } = mapView(machine, process, undefined, process.section, imageView);
  const peb = allocate(process, PEB_SIZE, PageProtection.PAGE_READWRITE);
  process.peb = peb;
  const { headers } = program;
  PEB.set(process.memory, peb, {
    ImageBaseAddress: base,
    ProcessParameters: writeParameters(wine),
    NumberOfProcessors: 1,
    CriticalSectionTimeout: -1_500_000_000n,
    HeapSegmentReserve: 0x10_0000,
    HeapSegmentCommit: 0x2000,
    HeapDeCommitTotalFreeThreshold: 0x1_0000,
    HeapDeCommitFreeBlockThreshold: 0x1000,
    OSMajorVersion: 10,
    OSMinorVersion: 0,
    OSBuildNumber: machine.build & 0xffff,
    OSPlatformId: 2,
    ImageSubsystem: headers.subsystem,
    ImageSubsystemMajorVersion: headers.subsystemVersion[0],
    ImageSubsystemMinorVersion: headers.subsystemVersion[1],
    ActiveProcessAffinityMask: 1,
    SessionId: 1,
  });
  if (ntdll !== undefined) {
    const view = mapView(machine, process, undefined, ntdll.section, imageView);
    process.entries = userEntries(ntdll.image, view.base);
    const apiSets = mapApiSets(machine, process);
    if (apiSets !== undefined) PEB.set(process.memory, peb, { ApiSetMap: apiSets });
    if (process.entries.isWine) connectWineUnixCalls(process, ntdll.image, view.base);
  }
  return { peb };
}

export function startFirstThread(machine: Machine, process: Process, peb: number): Thread {
  const base = PEB.get(process.memory, peb, "ImageBaseAddress");
  return createThread(machine, process, {
    start: base + process.section.openImage().headers.addressOfEntryPoint,
    argument: peb,
    stackReserve: 0,
    stackCommit: 0,
    suspended: false,
  });
}

/** Two pages of zeros follow the PEB: Wine's user mode keeps data there. */
const PEB_SIZE = 0x3000;
const imageView = { base: 0, offset: 0, size: 0, protect: PageProtection.PAGE_EXECUTE_WRITECOPY, allocationType: 0 };

export interface OpenedImage {
  readonly section: Section;
  readonly image: PeImage;
}

function openProgram(machine: Machine, path: string): OpenedImage {
  try {
    const opened = openImage(machine, `\\??\\${path}`);
    if (typeof opened === "number") throw new LoadError("not-found", `There is no program ${path} in this image.`);
    checkProgram(opened.image);
    return opened;
  } catch (error) {
    if (error instanceof PeError) throw new LoadError(error.kind, error.message);
    throw error;
  }
}

/** The image of a DLL of the system; undefined where the layers have none. */
function openSystemImage(machine: Machine, path: string): OpenedImage | undefined {
  const opened = openImage(machine, `\\??\\${path}`);
  return typeof opened === "number" ? undefined : opened;
}

/** Opens a file by its NT path as an image section, or gives the status of the attempt. Throws PeError for what is no image. */
export function openImage(machine: Machine, path: string): OpenedImage | NtStatus {
  const { FILE_READ_DATA, FILE_EXECUTE } = FileAccess;
  const request = new CreateRequest({
    desiredAccess: FILE_READ_DATA | FILE_EXECUTE,
    shareAccess: 7,
    disposition: 1,
    options: 0x60,
    processId: 0,
  });
  const found = machine.namespace.lookup(path, undefined, {
    context: request,
    attributes: 0x40,
    desiredAccess: request.desiredAccess,
  });
  if (!("object" in found)) return "status" in found ? found.status : ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
  if (!(found.object instanceof FileObject)) return ntstatus.STATUS_OBJECT_TYPE_MISMATCH;
  const file = found.object.sectionFile();
  if (file === undefined) return ntstatus.STATUS_INVALID_FILE_FOR_SECTION;
  const image = parsePe(file.sectionRead(0, file.sectionSize()));
  const section = new Section({
    file,
    size: Math.ceil(image.headers.sizeOfImage / 0x1000) * 0x1000,
    protect: PageProtection.PAGE_EXECUTE_READ,
    attributes: SectionAttributes.SEC_IMAGE,
    image,
  });
  // The views keep the file; nobody has a handle.
  section.closed = true;
  found.object.lastHandleClosed();
  return { section, image };
}

function allocate(process: Process, size: number, protect: number): number {
  return process.virtualMemory.allocate(
    0,
    size,
    AllocationType.MEM_COMMIT | AllocationType.MEM_RESERVE | AllocationType.MEM_TOP_DOWN,
    protect,
  ).base;
}

/** Without an ntdll nobody resolves imports: the program must have none. */
function refuseImports(image: PeImage): void {
  const imports = importsOf(image);
  if (imports.length === 0) return;
  const modules = imports.map(({ module, functions }) => {
    const names = functions.slice(0, 3).map((one) => ("name" in one ? one.name : `#${one.ordinal}`));
    return `${module} (${names.join(", ")}${functions.length > 3 ? ` and ${functions.length - 3} more` : ""})`;
  });
  throw new LoadError(
    "missing-imports",
    `This program imports ${modules.join(", ")}, and the image has no DLLs. Run it with the image wine.`,
  );
}

function exportAddress(image: PeImage, base: number, name: string): number {
  const target = exportsOf(image)?.byName(name);
  return target !== undefined && "rva" in target ? base + target.rva : 0;
}

function isWine(image: PeImage): boolean {
  return exportAddress(image, 1, "wine_get_version") !== 0;
}

function userEntries(image: PeImage, base: number): UserEntries {
  return {
    base,
    LdrInitializeThunk: exportAddress(image, base, "LdrInitializeThunk"),
    RtlUserThreadStart: exportAddress(image, base, "RtlUserThreadStart"),
    KiUserExceptionDispatcher: exportAddress(image, base, "KiUserExceptionDispatcher"),
    KiUserApcDispatcher: exportAddress(image, base, "KiUserApcDispatcher"),
    isWine: isWine(image),
  };
}

/** The contract names to host DLLs: the section .apiset of apisetschema.dll, as the loader reads it. */
function mapApiSets(machine: Machine, process: Process): number | undefined {
  const opened = openSystemImage(machine, APISETSCHEMA);
  const section = opened?.image.section(".apiset");
  opened?.section.lastHandleClosed();
  if (opened === undefined || section === undefined) return undefined;
  const bytes = opened.image.sectionBytes(section);
  const address = allocate(process, bytes.length, PageProtection.PAGE_READONLY);
  process.memory.poke(address, bytes);
  return address;
}

/**
 * Wine's PE modules call their Unix halves through `__wine_unix_call_dispatcher(handle, code, arguments)`. It has no number: a stub of
 * ours makes a system call of it.
 */
function connectWineUnixCalls(process: Process, image: PeImage, base: number): void {
  const variable = exportAddress(image, base, "__wine_unix_call_dispatcher");
  if (variable === 0) return;
  // mov r10, rcx; syscall; ret
  const code = Uint8Array.of(0x4c, 0x8b, 0xd1, 0x0f, 0x05, 0xc3);
  const address = allocate(process, code.length, PageProtection.PAGE_EXECUTE_READ);
  process.memory.poke(address, code);
  const pointer = new Uint8Array(8);
  new DataView(pointer.buffer).setBigUint64(0, BigInt(address), true);
  process.memory.poke(variable, pointer);
  process.stubs.push({ address, size: code.length, service: "__wine_unix_call" });
}
