import { SectionAccess } from "../abi/access.ts";
import { AllocationType, PageProtection, SectionAttributes } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { OBJECT_ATTRIBUTES, SECTION_IMAGE_INFORMATION } from "../abi/structures.ts";
import {
  enumeration,
  HANDLE,
  LARGE_INTEGER,
  PVOID,
  SIZE_LENGTH,
  SIZE_T,
  u32,
  ULONG,
  ULONG_LENGTH,
  ULONG_PTR,
} from "../abi/type.ts";
import { at, struct } from "../abi/struct.ts";
import { ProcessAccess, FileAccess } from "../abi/access.ts";
import { FileObject } from "../io-manager/file-object.ts";
import { isValidProtection } from "../memory-manager/protection.ts";
import { highestAddress } from "../memory-manager/zero-bits.ts";
import { imageStatus } from "../memory-manager/image-status.ts";
import { Section } from "../memory-manager/section.ts";
import { pageUp } from "../memory-manager/virtual-memory.ts";
import { mapView, unmapView } from "../memory-manager/views.ts";
import { parsePe, PeError } from "../pe/index.ts";
import { Process } from "../process-manager/process.ts";
import { readExtendedParameters } from "./extended-parameters.ts";
import type { ServiceCall } from "./service.ts";
import { full, inout, optional, out, outBuffer, partial, pointer, systemService, value } from "./service.ts";

const { SEC_IMAGE, SEC_RESERVE, SEC_COMMIT, SEC_LARGE_PAGES, SEC_NOCACHE, SEC_WRITECOMBINE, SEC_FILE } =
  SectionAttributes;
const WRITABLE = PageProtection.PAGE_READWRITE | PageProtection.PAGE_EXECUTE_READWRITE;

const sectionParameters = {
  SectionHandle: out(HANDLE),
  DesiredAccess: value(SectionAccess),
  ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
  MaximumSize: optional(pointer(LARGE_INTEGER)),
  SectionPageProtection: value(PageProtection),
  AllocationAttributes: value(SectionAttributes),
  FileHandle: value(HANDLE),
};

export const NtCreateSection = systemService("NtCreateSection", {
  support: partial("no large pages; an image without execution is mapped like any other"),
  params: sectionParameters,
  run(
    call,
    {
      SectionHandle,
      DesiredAccess,
      ObjectAttributes,
      MaximumSize,
      SectionPageProtection,
      AllocationAttributes,
      FileHandle,
    },
  ) {
    const { status, handle } = call.createObject(ObjectAttributes, DesiredAccess, Section, () =>
      makeSection(call, MaximumSize, SectionPageProtection, AllocationAttributes, FileHandle),
    );
    SectionHandle.set(handle);
    return status;
  },
});

export const NtCreateSectionEx = systemService("NtCreateSectionEx", {
  support: partial("extended parameters are not read"),
  params: { ...sectionParameters, ExtendedParameters: value(PVOID), ExtendedParameterCount: value(ULONG_LENGTH) },
  run(
    call,
    {
      SectionHandle,
      DesiredAccess,
      ObjectAttributes,
      MaximumSize,
      SectionPageProtection,
      AllocationAttributes,
      FileHandle,
      ExtendedParameterCount,
    },
  ) {
    if (ExtendedParameterCount !== 0) call.unsupported("NtCreateSectionEx extended parameters");
    const { status, handle } = call.createObject(ObjectAttributes, DesiredAccess, Section, () =>
      makeSection(call, MaximumSize, SectionPageProtection, AllocationAttributes, FileHandle),
    );
    SectionHandle.set(handle);
    return status;
  },
});

function makeSection(
  call: ServiceCall,
  maximum: bigint | undefined,
  protect: number,
  attributes: number,
  fileHandle: number,
): Section {
  if (!isValidProtection(protect)) throw call.fail(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
  if (attributes & SEC_LARGE_PAGES) call.unsupported("SEC_LARGE_PAGES");
  if (attributes & ~(SEC_IMAGE | SEC_RESERVE | SEC_COMMIT | SEC_NOCACHE | SEC_WRITECOMBINE | SEC_FILE))
    throw call.fail(ntstatus.STATUS_INVALID_PARAMETER_6);
  const isImage = (attributes & SEC_IMAGE) !== 0;
  if (fileHandle === 0) {
    if (isImage) throw call.fail(ntstatus.STATUS_INVALID_FILE_FOR_SECTION);
    if (maximum === undefined || maximum <= 0n) throw call.fail(ntstatus.STATUS_INVALID_PARAMETER_4);
    if (maximum > BigInt(call.machine.limits.committedBytes)) {
      call.machine.limitsReached.add("committedBytes");
      throw call.fail(ntstatus.STATUS_COMMITMENT_LIMIT);
    }
    return new Section({ file: undefined, size: pageUp(Number(maximum)), protect, attributes });
  }
  const needed = isImage
    ? FileAccess.FILE_EXECUTE
    : FileAccess.FILE_READ_DATA | (protect & WRITABLE ? FileAccess.FILE_WRITE_DATA : 0);
  let object;
  try {
    object = call.reference(fileHandle, FileObject, needed);
  } catch (error) {
    // An image may be mapped with read access alone.
    if (!isImage) throw error;
    object = call.reference(fileHandle, FileObject, FileAccess.FILE_READ_DATA);
  }
  const file = object.sectionFile();
  if (file === undefined) throw call.fail(ntstatus.STATUS_INVALID_FILE_FOR_SECTION);
  const fileSize = file.sectionSize();
  if (isImage) {
    if (fileSize === 0) throw call.fail(ntstatus.STATUS_INVALID_FILE_FOR_SECTION);
    try {
      const image = parsePe(file.sectionRead(0, fileSize));
      return new Section({ file, size: pageUp(image.headers.sizeOfImage), protect, attributes, image });
    } catch (error) {
      if (error instanceof PeError) throw call.fail(imageStatus(error));
      throw error;
    }
  }
  let size = maximum === undefined || maximum === 0n ? fileSize : Number(maximum);
  if (size === 0) throw call.fail(ntstatus.STATUS_MAPPED_FILE_SIZE_ZERO);
  if (size > fileSize) {
    if (!(protect & WRITABLE)) throw call.fail(ntstatus.STATUS_SECTION_TOO_BIG);
    file.sectionExtend(size);
  }
  size = Math.max(size, 1);
  return new Section({ file, size, protect, attributes });
}

export const NtOpenSection = systemService("NtOpenSection", {
  support: full,
  params: {
    SectionHandle: out(HANDLE),
    DesiredAccess: value(SectionAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { SectionHandle, DesiredAccess, ObjectAttributes }) {
    SectionHandle.set(call.openObject(ObjectAttributes, DesiredAccess, Section));
    return ntstatus.STATUS_SUCCESS;
  },
});

const SECTION_INHERIT = enumeration("SECTION_INHERIT", { ViewShare: 1, ViewUnmap: 2 });
const { SECTION_MAP_READ, SECTION_MAP_WRITE, SECTION_MAP_EXECUTE } = SectionAccess;

/** Rights that a view needs of the section's handle. */
function viewAccess(section: Section, protect: number): number {
  if (section.isImage) return SECTION_MAP_READ;
  return (protect & WRITABLE ? SECTION_MAP_WRITE : SECTION_MAP_READ) | (protect & 0xf0 ? SECTION_MAP_EXECUTE : 0);
}

export const NtMapViewOfSection = systemService("NtMapViewOfSection", {
  support: partial("a view of a file that no section may write is a private copy"),
  params: {
    SectionHandle: value(HANDLE),
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    ZeroBits: value(ULONG_PTR),
    CommitSize: value(SIZE_T),
    SectionOffset: optional(inout(LARGE_INTEGER)),
    ViewSize: inout(SIZE_T),
    InheritDisposition: value(SECTION_INHERIT),
    AllocationType: value(AllocationType),
    Win32Protect: value(PageProtection),
  },
  run(
    call,
    {
      SectionHandle,
      ProcessHandle,
      BaseAddress,
      ZeroBits,
      SectionOffset,
      ViewSize,
      AllocationType: type,
      Win32Protect,
    },
  ) {
    const section = call.reference(SectionHandle, Section, 0);
    const process = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_VM_OPERATION);
    if (process.exited) return ntstatus.STATUS_PROCESS_IS_TERMINATING;
    call.reference(SectionHandle, Section, viewAccess(section, Win32Protect));
    const { status, base, size } = mapView(call.machine, process, call.thread, section, {
      base: BaseAddress.value,
      offset: Number(SectionOffset?.value ?? 0n),
      size: ViewSize.value,
      protect: Win32Protect,
      allocationType: type,
      requirements: { highest: highestAddress(ZeroBits, ntstatus.STATUS_INVALID_PARAMETER_4) },
    });
    BaseAddress.set(base);
    ViewSize.set(size);
    return status;
  },
});

export const NtMapViewOfSectionEx = systemService("NtMapViewOfSectionEx", {
  support: partial("of the extended parameters, address requirements and the NUMA node"),
  params: {
    SectionHandle: value(HANDLE),
    ProcessHandle: value(HANDLE),
    BaseAddress: inout(PVOID),
    SectionOffset: optional(inout(LARGE_INTEGER)),
    ViewSize: inout(SIZE_T),
    AllocationType: value(AllocationType),
    PageProtection: value(PageProtection),
    ExtendedParameters: value(PVOID),
    ExtendedParameterCount: value(ULONG_LENGTH),
  },
  run(
    call,
    {
      SectionHandle,
      ProcessHandle,
      BaseAddress,
      SectionOffset,
      ViewSize,
      AllocationType: type,
      PageProtection: protect,
      ...more
    },
  ) {
    const requirements = readExtendedParameters(call, more.ExtendedParameters, more.ExtendedParameterCount);
    if (requirements !== undefined && BaseAddress.value !== 0) return ntstatus.STATUS_INVALID_PARAMETER;
    const section = call.reference(SectionHandle, Section, 0);
    const process = call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_VM_OPERATION);
    if (process.exited) return ntstatus.STATUS_PROCESS_IS_TERMINATING;
    call.reference(SectionHandle, Section, viewAccess(section, protect));
    const { status, base, size } = mapView(call.machine, process, call.thread, section, {
      base: BaseAddress.value,
      offset: Number(SectionOffset?.value ?? 0n),
      size: ViewSize.value,
      protect,
      allocationType: type,
      ...(requirements && { requirements }),
    });
    BaseAddress.set(base);
    ViewSize.set(size);
    return status;
  },
});

export const NtUnmapViewOfSection = systemService("NtUnmapViewOfSection", {
  support: full,
  params: { ProcessHandle: value(HANDLE), BaseAddress: value(PVOID) },
  run(call, { ProcessHandle, BaseAddress }) {
    return unmapView(
      call.machine,
      call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_VM_OPERATION),
      BaseAddress,
    );
  },
});
export const NtUnmapViewOfSectionEx = systemService("NtUnmapViewOfSectionEx", {
  support: full,
  params: { ProcessHandle: value(HANDLE), BaseAddress: value(PVOID), Flags: value(ULONG) },
  run(call, { ProcessHandle, BaseAddress }) {
    return unmapView(
      call.machine,
      call.reference(ProcessHandle, Process, ProcessAccess.PROCESS_VM_OPERATION),
      BaseAddress,
    );
  },
});

const SECTION_INFORMATION_CLASS = enumeration("SECTION_INFORMATION_CLASS", {
  SectionBasicInformation: 0,
  SectionImageInformation: 1,
  SectionRelocationInformation: 2,
  SectionOriginalBaseInformation: 3,
});
const SECTION_BASIC_INFORMATION = struct("SECTION_BASIC_INFORMATION", 0x18, {
  BaseAddress: at(0x0, PVOID),
  AllocationAttributes: at(0x8, u32),
  MaximumSize: at(0x10, LARGE_INTEGER),
});

export const NtQuerySection = systemService("NtQuerySection", {
  support: partial("classes: basic, image, original base"),
  params: {
    SectionHandle: value(HANDLE),
    SectionInformationClass: value(SECTION_INFORMATION_CLASS),
    SectionInformation: outBuffer("SectionInformationLength"),
    SectionInformationLength: value(SIZE_LENGTH),
    ReturnLength: optional(out(SIZE_LENGTH)),
  },
  run(call, { SectionHandle, SectionInformationClass, SectionInformation: buffer, ReturnLength }) {
    const section = call.reference(SectionHandle, Section, SectionAccess.SECTION_QUERY);
    const C = SECTION_INFORMATION_CLASS;
    switch (SectionInformationClass) {
      case C.SectionBasicInformation: {
        if (buffer.length < SECTION_BASIC_INFORMATION.size) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        SECTION_BASIC_INFORMATION.write(buffer.memory, buffer.address, {
          BaseAddress: 0,
          AllocationAttributes: section.attributes | (section.file ? SEC_FILE : 0),
          MaximumSize: BigInt(section.size),
        });
        ReturnLength?.set(SECTION_BASIC_INFORMATION.size);
        return ntstatus.STATUS_SUCCESS;
      }
      case C.SectionImageInformation: {
        if (buffer.length < SECTION_IMAGE_INFORMATION.size) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        if (section.imageInformation === undefined) return ntstatus.STATUS_SECTION_NOT_IMAGE;
        SECTION_IMAGE_INFORMATION.write(buffer.memory, buffer.address, section.imageInformation);
        ReturnLength?.set(SECTION_IMAGE_INFORMATION.size);
        return ntstatus.STATUS_SUCCESS;
      }
      case C.SectionOriginalBaseInformation: {
        if (buffer.length < 8) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        if (!section.isImage) return ntstatus.STATUS_SECTION_NOT_IMAGE;
        PVOID.write(buffer.memory, buffer.address, section.imageBase);
        ReturnLength?.set(8);
        return ntstatus.STATUS_SUCCESS;
      }
      case C.SectionRelocationInformation:
        return call.unsupported("section information class SectionRelocationInformation");
      default:
        return ntstatus.STATUS_INVALID_INFO_CLASS;
    }
  },
});

export const NtExtendSection = systemService("NtExtendSection", {
  support: partial("not once a view exists"),
  params: { SectionHandle: value(HANDLE), NewSectionSize: inout(LARGE_INTEGER) },
  run(call, { SectionHandle, NewSectionSize }) {
    const section = call.reference(SectionHandle, Section, SectionAccess.SECTION_EXTEND_SIZE);
    const size = Number(NewSectionSize.value);
    if (section.pages !== undefined && size > section.size) call.unsupported("extending a section that is mapped");
    if (section.file !== undefined && size > section.file.sectionSize()) section.file.sectionExtend(size);
    section.size = Math.max(section.size, size);
    NewSectionSize.set(BigInt(section.size));
    return ntstatus.STATUS_SUCCESS;
  },
});
