/** Mapping sections: views of images and of data. */
import { AllocationType, MemoryType, PageProtection, SectionAttributes } from "../abi/memory.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { StatusError } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import { canRelocate, layoutImage, PeError } from "../pe/index.ts";
import type { Process } from "../process-manager/process.ts";
import type { Thread } from "../process-manager/thread.ts";
import {
  type AddressRequirements,
  ALLOCATION_GRANULARITY,
  findFreeRange,
  HIGHEST_USER_ADDRESS,
} from "./address-search.ts";
import { hardwareProtection, isValidProtection } from "./protection.ts";
import { Region } from "./region.ts";
import type { Section } from "./section.ts";
import { pageUp } from "./virtual-memory.ts";

export interface ViewRequest {
  /** 0 lets the kernel choose. */
  readonly base: number;
  readonly offset: number;
  /** 0 is the rest of the section. */
  readonly size: number;
  readonly protect: number;
  readonly allocationType: number;
  readonly requirements?: AddressRequirements;
}

export interface View {
  readonly status: NtStatus;
  readonly base: number;
  readonly size: number;
}

export function mapView(
  machine: Machine,
  process: Process,
  thread: Thread | undefined,
  section: Section,
  request: ViewRequest,
): View {
  if (!section.isImage) return mapData(process, section, request);
  const view = mapImage(process, section, request);
  machine.observer.event({
    kind: "module-load",
    process,
    thread,
    base: view.base,
    size: view.size,
    path: section.file?.path ?? "",
  });
  return view;
}

function mapImage(process: Process, section: Section, request: ViewRequest): View {
  const { virtualMemory } = process;
  const image = section.openImage();
  const size = pageUp(image.headers.sizeOfImage);
  const wanted = request.base === 0 ? image.headers.imageBase : request.base;
  let base = wanted;
  if (
    !virtualMemory.isFree(wanted, wanted + size) ||
    wanted + size > HIGHEST_USER_ADDRESS ||
    wanted < ALLOCATION_GRANULARITY
  ) {
    if (request.base !== 0) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    if (!canRelocate(image)) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    const found = findFreeRange(virtualMemory.regions, size, { topDown: true, ...request.requirements });
    if (found === undefined) throw new StatusError(ntstatus.STATUS_NO_MEMORY);
    base = found;
  }
  let layout;
  try {
    layout = layoutImage(image, base, !process.loaderRelocates);
  } catch (error) {
    if (error instanceof PeError) throw new StatusError(ntstatus.STATUS_INVALID_IMAGE_FORMAT);
    throw error;
  }
  const region = new Region(base, base + size, MemoryType.MEM_IMAGE, PageProtection.PAGE_EXECUTE_WRITECOPY, section);
  virtualMemory.insert(region);
  section.views++;
  const { space } = virtualMemory;
  // Pages between sections are part of the image and accessible to nobody.
  space.map(base, size, 0);
  region.set(base, base + size, PageProtection.PAGE_NOACCESS);
  for (const segment of layout.segments) {
    const start = base + segment.rva;
    space.map(start, segment.size, hardwareProtection(segment.protection), segment.bytes);
    region.set(start, start + segment.size, segment.protection);
  }
  return {
    status: base === image.headers.imageBase ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_IMAGE_NOT_AT_BASE,
    base,
    size,
  };
}

function mapData(process: Process, section: Section, request: ViewRequest): View {
  const { virtualMemory } = process;
  const { PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY, PAGE_NOACCESS } = PageProtection;
  if (!isValidProtection(request.protect)) throw new StatusError(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
  if (!permits(section.protect, request.protect)) throw new StatusError(ntstatus.STATUS_SECTION_PROTECTION);
  if (request.offset % ALLOCATION_GRANULARITY !== 0) throw new StatusError(ntstatus.STATUS_MAPPED_ALIGNMENT);
  if (request.offset >= section.size) throw new StatusError(ntstatus.STATUS_INVALID_VIEW_SIZE);
  const length = request.size === 0 ? section.size - request.offset : request.size;
  if (request.offset + length > pageUp(section.size)) throw new StatusError(ntstatus.STATUS_INVALID_VIEW_SIZE);
  const size = pageUp(length);
  let base = request.base;
  if (base === 0) {
    const topDown = (request.allocationType & AllocationType.MEM_TOP_DOWN) !== 0;
    const found = findFreeRange(virtualMemory.regions, size, { topDown, ...request.requirements });
    if (found === undefined) throw new StatusError(ntstatus.STATUS_NO_MEMORY);
    base = found;
  } else {
    if (base % ALLOCATION_GRANULARITY !== 0) throw new StatusError(ntstatus.STATUS_MAPPED_ALIGNMENT);
    if (!virtualMemory.isFree(base, base + size)) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
  }
  const copyOnWrite = (request.protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) !== 0;
  const region = new Region(base, base + size, MemoryType.MEM_MAPPED, request.protect, section, request.offset);
  // Views of a file that nobody may change through a section are private copies: the direct window serves those.
  region.shared = !copyOnWrite && (section.file === undefined || permitsWriting(section.protect));
  virtualMemory.insert(region);
  section.views++;
  if (section.attributes & SectionAttributes.SEC_RESERVE) return { status: ntstatus.STATUS_SUCCESS, base, size };
  const hardware = (request.protect & 0xff) === PAGE_NOACCESS ? 0 : hardwareProtection(request.protect);
  if (region.shared) {
    virtualMemory.space.mapShared(base, size, hardware, section.sharedPages(), request.offset);
  } else {
    const contents =
      section.file === undefined || section.pages !== undefined
        ? section.sharedPages().bytes.slice(request.offset, request.offset + size)
        : section.file.sectionRead(request.offset, Math.min(size, section.size - request.offset));
    virtualMemory.space.map(base, size, hardware, contents);
  }
  region.set(base, base + size, request.protect);
  return { status: ntstatus.STATUS_SUCCESS, base, size };
}

/** NtUnmapViewOfSection: any address in the view will do. */
export function unmapView(machine: Machine, process: Process, address: number): NtStatus {
  const { virtualMemory } = process;
  const region = virtualMemory.regionAt(address);
  if (region?.section === undefined) return ntstatus.STATUS_NOT_MAPPED_VIEW;
  for (const run of region.runs) virtualMemory.space.unmap(run.start, run.end - run.start);
  virtualMemory.remove(region);
  region.section.viewClosed(region.shared);
  if (region.section.isImage) {
    machine.observer.event({
      kind: "module-unload",
      process,
      base: region.start,
      path: region.section.file?.path ?? "",
    });
  }
  return ntstatus.STATUS_SUCCESS;
}

const WRITABLE = PageProtection.PAGE_READWRITE | PageProtection.PAGE_EXECUTE_READWRITE;
const EXECUTABLE = PageProtection.PAGE_EXECUTE | PageProtection.PAGE_EXECUTE_READ | PageProtection.PAGE_EXECUTE_READWRITE | PageProtection.PAGE_EXECUTE_WRITECOPY; // prettier-ignore

function permitsWriting(protect: number): boolean {
  return (protect & WRITABLE) !== 0;
}
/** Whether a section made with `section` may be seen with `view`. */
function permits(section: number, view: number): boolean {
  if (permitsWriting(view) && !permitsWriting(section)) return false;
  return !(view & EXECUTABLE) || (section & EXECUTABLE) !== 0;
}
