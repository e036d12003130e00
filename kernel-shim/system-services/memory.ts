/** Virtual memory: https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntallocatevirtualmemory and its neighbours. */
import { GuestFault } from "../../emulator/cpu.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ProcessAccess } from "../abi/access.ts";
import { AllocationType, FreeType, MEMORY_INFORMATION_CLASS, MemoryType, PageProtection } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { encodeUtf16, MEMORY_BASIC_INFORMATION, UNICODE_STRING } from "../abi/structures.ts";
import {
  enumeration,
  HANDLE,
  PVOID,
  SIZE_LENGTH,
  SIZE_T,
  u32,
  u64,
  ULONG,
  ULONG_LENGTH,
  ULONG_PTR,
} from "../abi/type.ts";
import { at, struct } from "../abi/struct.ts";
import { HIGHEST_USER_ADDRESS } from "../memory-manager/address-search.ts";
import { highestAddress } from "../memory-manager/zero-bits.ts";
import { pageDown, pageUp } from "../memory-manager/virtual-memory.ts";
import { Process } from "../process-manager/process.ts";
import { readExtendedParameters } from "./extended-parameters.ts";
import type { OutBuffer, OutPointer, ServiceCall } from "./service.ts";
import { full, inBuffer, inout, missing, optional, out, outBuffer, partial, systemService, value } from "./service.ts";

const { PROCESS_VM_OPERATION, PROCESS_VM_READ, PROCESS_VM_WRITE, PROCESS_QUERY_LIMITED_INFORMATION } = ProcessAccess;
const PROCESS_QUERY = PROCESS_QUERY_LIMITED_INFORMATION;

function targetOf(call: ServiceCall, handle: number, access: number): Process {
  const process = call.reference(handle, Process, access);
  if (process.exited) throw call.fail(ntstatus.STATUS_PROCESS_IS_TERMINATING);
  return process;
}

export const NtAllocateVirtualMemory = systemService("NtAllocateVirtualMemory", {
  support: partial("no write watch, large or physical pages"),
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    ZeroBits: value(ULONG_PTR),
    RegionSize: inout(SIZE_T),
    AllocationType: value(AllocationType),
    Protect: value(PageProtection),
  },
  run(call, { ProcessHandle, BaseAddress, ZeroBits, RegionSize, AllocationType: type, Protect }) {
    const process = targetOf(call, ProcessHandle, PROCESS_VM_OPERATION);
    refuseSpecialAllocations(call, type);
    const { base, size } = process.virtualMemory.allocate(BaseAddress.value, RegionSize.value, type, Protect, {
      highest: highestAddress(ZeroBits, ntstatus.STATUS_INVALID_PARAMETER_3),
    });
    BaseAddress.set(base);
    RegionSize.set(size);
    return ntstatus.STATUS_SUCCESS;
  },
});

function refuseSpecialAllocations(call: ServiceCall, type: number): void {
  const { MEM_WRITE_WATCH, MEM_LARGE_PAGES, MEM_PHYSICAL, MEM_RESERVE_PLACEHOLDER, MEM_REPLACE_PLACEHOLDER } =
    AllocationType;
  const special =
    type & (MEM_WRITE_WATCH | MEM_LARGE_PAGES | MEM_PHYSICAL | MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER);
  if (special !== 0) call.unsupported(`allocation type ${AllocationType.format(special)}`);
}

export const NtAllocateVirtualMemoryEx = systemService("NtAllocateVirtualMemoryEx", {
  support: partial("of the extended parameters, address requirements and the NUMA node"),
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    RegionSize: inout(SIZE_T),
    AllocationType: value(AllocationType),
    PageProtection: value(PageProtection),
    ExtendedParameters: value(PVOID),
    ExtendedParameterCount: value(ULONG_LENGTH),
  },
  run(call, { ProcessHandle, BaseAddress, RegionSize, AllocationType: type, PageProtection: protect, ...more }) {
    const process = targetOf(call, ProcessHandle, PROCESS_VM_OPERATION);
    refuseSpecialAllocations(call, type);
    const requirements = readExtendedParameters(call, more.ExtendedParameters, more.ExtendedParameterCount);
    // Requirements are for an address that the kernel chooses.
    if (requirements !== undefined && BaseAddress.value !== 0) return ntstatus.STATUS_INVALID_PARAMETER;
    const { base, size } = process.virtualMemory.allocate(
      BaseAddress.value,
      RegionSize.value,
      type,
      protect,
      requirements,
    );
    BaseAddress.set(base);
    RegionSize.set(size);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtFreeVirtualMemory = systemService("NtFreeVirtualMemory", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    RegionSize: inout(SIZE_T),
    FreeType: value(FreeType),
  },
  run(call, { ProcessHandle, BaseAddress, RegionSize, FreeType: type }) {
    const { base, size } = targetOf(call, ProcessHandle, PROCESS_VM_OPERATION).virtualMemory.free(
      BaseAddress.value,
      RegionSize.value,
      type,
    );
    BaseAddress.set(base);
    RegionSize.set(size);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtProtectVirtualMemory = systemService("NtProtectVirtualMemory", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    RegionSize: inout(SIZE_T),
    NewProtect: value(PageProtection),
    OldProtect: out(PageProtection),
  },
  run(call, { ProcessHandle, BaseAddress, RegionSize, NewProtect, OldProtect }) {
    const { virtualMemory } = targetOf(call, ProcessHandle, PROCESS_VM_OPERATION);
    const { base, size, old } = virtualMemory.protect(BaseAddress.value, RegionSize.value, NewProtect);
    BaseAddress.set(base);
    RegionSize.set(size);
    OldProtect.set(old);
    return ntstatus.STATUS_SUCCESS;
  },
});

const MEMORY_REGION_INFORMATION = struct("MEMORY_REGION_INFORMATION", 0x28, {
  AllocationBase: at(0x0, PVOID),
  AllocationProtect: at(0x8, u32),
  RegionType: at(0xc, u32),
  RegionSize: at(0x10, SIZE_T),
  CommitSize: at(0x18, SIZE_T),
  PartitionId: at(0x20, u64),
});
const MEMORY_WORKING_SET_EX_INFORMATION = struct("MEMORY_WORKING_SET_EX_INFORMATION", 0x10, {
  VirtualAddress: at(0x0, PVOID),
  VirtualAttributes: at(0x8, u64),
});
const MEMORY_IMAGE_INFORMATION = struct("MEMORY_IMAGE_INFORMATION", 0x18, {
  ImageBase: at(0x0, PVOID),
  SizeOfImage: at(0x8, SIZE_T),
  ImageFlags: at(0x10, u32),
});
const WORKING_SET_VALID = 1n;

export const NtQueryVirtualMemory = systemService("NtQueryVirtualMemory", {
  support: partial(
    "classes: basic, region, image, mapped file name, working set (as far as committed), Wine's unix functions",
  ),
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: value(PVOID),
    MemoryInformationClass: value(MEMORY_INFORMATION_CLASS),
    MemoryInformation: outBuffer("MemoryInformationLength"),
    MemoryInformationLength: value(SIZE_LENGTH),
    ReturnLength: optional(out(SIZE_LENGTH)),
  },
  run(call, { ProcessHandle, BaseAddress, MemoryInformationClass, MemoryInformation: buffer, ReturnLength }) {
    const process = targetOf(call, ProcessHandle, PROCESS_QUERY);
    const { virtualMemory } = process;
    const checked = (size: number): void => {
      if (buffer.length < size) throw call.fail(ntstatus.STATUS_INFO_LENGTH_MISMATCH);
      if (BaseAddress > HIGHEST_USER_ADDRESS) throw call.fail(ntstatus.STATUS_INVALID_PARAMETER);
    };
    const done = (size: number): number => {
      ReturnLength?.set(size);
      return ntstatus.STATUS_SUCCESS;
    };
    const C = MEMORY_INFORMATION_CLASS;
    switch (MemoryInformationClass) {
      case C.MemoryBasicInformation:
        checked(MEMORY_BASIC_INFORMATION.size);
        MEMORY_BASIC_INFORMATION.write(buffer.memory, buffer.address, virtualMemory.query(BaseAddress));
        return done(MEMORY_BASIC_INFORMATION.size);
      case C.MemoryRegionInformation: {
        checked(MEMORY_REGION_INFORMATION.size);
        const region = virtualMemory.regionAt(BaseAddress);
        if (region === undefined) return ntstatus.STATUS_INVALID_ADDRESS;
        MEMORY_REGION_INFORMATION.write(buffer.memory, buffer.address, {
          AllocationBase: region.start,
          AllocationProtect: region.allocationProtect,
          RegionType: region.type === MemoryType.MEM_IMAGE ? 4 : region.type === MemoryType.MEM_MAPPED ? 2 : 1,
          RegionSize: region.size,
          CommitSize: region.committedIn(region.start, region.end),
          PartitionId: 0n,
        });
        return done(MEMORY_REGION_INFORMATION.size);
      }
      case C.MemoryMappedFilenameInformation:
        return mappedFileName(process, BaseAddress, buffer, ReturnLength);
      case C.MemoryImageInformation: {
        checked(MEMORY_IMAGE_INFORMATION.size);
        const region = virtualMemory.regionAt(BaseAddress);
        if (region === undefined) return ntstatus.STATUS_INVALID_ADDRESS;
        const image = region.type === MemoryType.MEM_IMAGE;
        MEMORY_IMAGE_INFORMATION.write(buffer.memory, buffer.address, {
          ImageBase: image ? region.start : 0,
          SizeOfImage: image ? region.size : 0,
          ImageFlags: 0,
        });
        return done(MEMORY_IMAGE_INFORMATION.size);
      }
      case C.MemoryWorkingSetExInformation: {
        const size = MEMORY_WORKING_SET_EX_INFORMATION.size;
        if (buffer.length < size) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        for (let offset = 0; offset + size <= buffer.length; offset += size) {
          const { VirtualAddress } = MEMORY_WORKING_SET_EX_INFORMATION.read(buffer.memory, buffer.address + offset);
          const run = virtualMemory.regionAt(VirtualAddress)?.runAt(VirtualAddress);
          const attributes = run === undefined ? 0n : WORKING_SET_VALID | (BigInt(run.protect & 0x7ff) << 4n);
          MEMORY_WORKING_SET_EX_INFORMATION.set(buffer.memory, buffer.address + offset, {
            VirtualAttributes: attributes,
          });
        }
        return done(buffer.length);
      }
      case C.MemoryWineUnixFuncs:
        // Wine's loader asks for the Unix half of a builtin DLL. Its base stands for it in __wine_unix_call.
        if (!process.loaderRelocates) return ntstatus.STATUS_INVALID_INFO_CLASS;
        if (buffer.length < 8) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        u64.write(buffer.memory, buffer.address, BigInt(BaseAddress));
        return done(8);
      default:
        if (C.nameOf(MemoryInformationClass) !== undefined)
          call.unsupported(`memory information class ${C.format(MemoryInformationClass)}`);
        return ntstatus.STATUS_INVALID_INFO_CLASS;
    }
  },
});

function mappedFileName(
  process: Process,
  address: number,
  buffer: OutBuffer,
  ReturnLength: OutPointer<number> | undefined,
): number {
  const region = process.virtualMemory.regionAt(address);
  if (region === undefined) return ntstatus.STATUS_INVALID_ADDRESS;
  if (region.section?.file === undefined)
    return region.section === undefined ? ntstatus.STATUS_INVALID_ADDRESS : ntstatus.STATUS_FILE_INVALID;
  const name = encodeUtf16(region.section.file.path);
  const size = UNICODE_STRING.size + name.length + 2;
  ReturnLength?.set(size);
  if (buffer.length < size)
    return buffer.length < UNICODE_STRING.size ? ntstatus.STATUS_INFO_LENGTH_MISMATCH : ntstatus.STATUS_BUFFER_OVERFLOW;
  const bytes = new BytesMemory(size);
  UNICODE_STRING.write(bytes, 0, {
    Length: name.length,
    MaximumLength: name.length + 2,
    Buffer: buffer.address + UNICODE_STRING.size,
  });
  bytes.write(UNICODE_STRING.size, name);
  buffer.write(bytes.bytes);
  return ntstatus.STATUS_SUCCESS;
}

/** Copies between processes page by page, so that what can be copied is, as NT does it. */
function copy(from: Process, source: number, to: Process, target: number, length: number): number {
  let done = 0;
  while (done < length) {
    const step = Math.min(length - done, 0x1000 - ((source + done) % 0x1000), 0x1000 - ((target + done) % 0x1000));
    try {
      to.memory.write(target + done, from.memory.read(source + done, step));
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      break;
    }
    done += step;
  }
  return done;
}

export const NtReadVirtualMemory = systemService("NtReadVirtualMemory", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: value(PVOID),
    Buffer: outBuffer("NumberOfBytesToRead"),
    NumberOfBytesToRead: value(SIZE_T),
    NumberOfBytesRead: optional(out(SIZE_T)),
  },
  run(call, { ProcessHandle, BaseAddress, Buffer, NumberOfBytesToRead, NumberOfBytesRead }) {
    const process = targetOf(call, ProcessHandle, PROCESS_VM_READ);
    const done = copy(process, BaseAddress, call.process, Buffer.address, NumberOfBytesToRead);
    NumberOfBytesRead?.set(done);
    return done === NumberOfBytesToRead ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_PARTIAL_COPY;
  },
});

export const NtWriteVirtualMemory = systemService("NtWriteVirtualMemory", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: value(PVOID),
    Buffer: inBuffer("NumberOfBytesToWrite"),
    NumberOfBytesToWrite: value(SIZE_T),
    NumberOfBytesWritten: optional(out(SIZE_T)),
  },
  run(call, { ProcessHandle, BaseAddress, Buffer, NumberOfBytesToWrite, NumberOfBytesWritten }) {
    const process = targetOf(call, ProcessHandle, PROCESS_VM_WRITE);
    const done = copy(call.process, Buffer.address, process, BaseAddress, NumberOfBytesToWrite);
    NumberOfBytesWritten?.set(done);
    return done === NumberOfBytesToWrite ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_PARTIAL_COPY;
  },
});

export const NtFlushVirtualMemory = systemService("NtFlushVirtualMemory", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    RegionSize: inout(SIZE_T),
    IoStatus: value(PVOID),
  },
  run(call, { ProcessHandle, BaseAddress, RegionSize }) {
    const region = targetOf(call, ProcessHandle, PROCESS_VM_OPERATION).virtualMemory.regionAt(BaseAddress.value);
    if (region?.section === undefined) return ntstatus.STATUS_NOT_MAPPED_VIEW;
    const start = pageDown(BaseAddress.value);
    const end =
      RegionSize.value === 0 ? region.end : Math.min(region.end, pageUp(BaseAddress.value + RegionSize.value));
    if (region.shared) region.section.flush(region.sectionOffset + start - region.start, end - start);
    BaseAddress.set(start);
    RegionSize.set(end - start);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtFlushInstructionCache = systemService("NtFlushInstructionCache", {
  support: full,
  params: { ProcessHandle: value(HANDLE), BaseAddress: value(PVOID), Length: value(SIZE_LENGTH) },
  run(call, { ProcessHandle }) {
    // The processor notices changed code by itself, as x86 does.
    targetOf(call, ProcessHandle, PROCESS_VM_WRITE);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtFlushProcessWriteBuffers = systemService("NtFlushProcessWriteBuffers", {
  support: full,
  params: {},
  run: () => ntstatus.STATUS_SUCCESS, // One processor: every store is visible at once.
});

const lockParameters = {
  ProcessHandle: value(HANDLE),
  BaseAddress: inout(PVOID),
  RegionSize: inout(SIZE_T),
  MapType: value(ULONG),
};
/** Nothing is ever paged out: every committed page is as good as locked. */
function lockRange(
  call: ServiceCall,
  args: { ProcessHandle: number; base: number; size: number },
): { base: number; size: number } {
  const { virtualMemory } = targetOf(call, args.ProcessHandle, PROCESS_VM_OPERATION);
  const base = pageDown(args.base);
  const end = pageUp(args.base + args.size);
  const region = virtualMemory.regionAt(base);
  if (region === undefined || region.end < end || region.committedIn(base, end) < end - base)
    throw call.fail(ntstatus.STATUS_ACCESS_VIOLATION);
  return { base, size: end - base };
}
export const NtLockVirtualMemory = systemService("NtLockVirtualMemory", {
  support: full,
  params: lockParameters,
  run(call, { ProcessHandle, BaseAddress, RegionSize }) {
    const { base, size } = lockRange(call, { ProcessHandle, base: BaseAddress.value, size: RegionSize.value });
    BaseAddress.set(base);
    RegionSize.set(size);
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtUnlockVirtualMemory = systemService("NtUnlockVirtualMemory", {
  support: partial("does not notice pages that were never locked"),
  params: lockParameters,
  run(call, { ProcessHandle, BaseAddress, RegionSize }) {
    const { base, size } = lockRange(call, { ProcessHandle, base: BaseAddress.value, size: RegionSize.value });
    BaseAddress.set(base);
    RegionSize.set(size);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtGetWriteWatch = systemService("NtGetWriteWatch", {
  support: missing,
  params: { ProcessHandle: value(HANDLE), Flags: value(ULONG), BaseAddress: value(PVOID), RegionSize: value(SIZE_T) },
});
export const NtResetWriteWatch = systemService("NtResetWriteWatch", {
  support: missing,
  params: { ProcessHandle: value(HANDLE), BaseAddress: value(PVOID), RegionSize: value(SIZE_T) },
});
const VIRTUAL_MEMORY_INFORMATION_CLASS = enumeration("VIRTUAL_MEMORY_INFORMATION_CLASS", {
  VmPrefetchInformation: 0,
  VmPagePriorityInformation: 1,
  VmCfgCallTargetInformation: 2,
});
const MEMORY_RANGE_ENTRY_SIZE = 0x10;

export const NtSetInformationVirtualMemory = systemService("NtSetInformationVirtualMemory", {
  support: partial("prefetching only, which has nothing to do here: every committed page is in memory"),
  params: {
    ProcessHandle: value(HANDLE),
    VmInformationClass: value(VIRTUAL_MEMORY_INFORMATION_CLASS),
    NumberOfEntries: value(SIZE_T),
    VirtualAddresses: value(PVOID),
    VmInformation: value(PVOID),
    VmInformationLength: value(ULONG_LENGTH),
  },
  run(
    call,
    { ProcessHandle, VmInformationClass, NumberOfEntries, VirtualAddresses, VmInformation, VmInformationLength },
  ) {
    const C = VIRTUAL_MEMORY_INFORMATION_CLASS;
    if (VmInformationClass !== C.VmPrefetchInformation) {
      if (C.nameOf(VmInformationClass) === undefined) return ntstatus.STATUS_INVALID_PARAMETER_2;
      return call.unsupported(`virtual memory information class ${C.format(VmInformationClass)}`);
    }
    if (VmInformation === 0) return ntstatus.STATUS_INVALID_PARAMETER_5;
    if (VmInformationLength !== 4) return ntstatus.STATUS_INVALID_PARAMETER_6;
    if (NumberOfEntries === 0) return ntstatus.STATUS_INVALID_PARAMETER_3;
    call.memory.probe(VirtualAddresses, Math.min(NumberOfEntries, 0x1000) * MEMORY_RANGE_ENTRY_SIZE, "read");
    targetOf(call, ProcessHandle, PROCESS_VM_OPERATION);
    for (let i = 0; i < NumberOfEntries; i++) {
      const entry = VirtualAddresses + i * MEMORY_RANGE_ENTRY_SIZE;
      if (call.memory.readPointer(entry + 8) === 0) return ntstatus.STATUS_INVALID_PARAMETER_4;
    }
    return ntstatus.STATUS_SUCCESS;
  },
});
