import type { AccessKind, AddressSpace } from "../../emulator/cpu.ts";
import { PAGE_SIZE } from "../../emulator/cpu.ts";
import { AllocationType, FreeType, MemoryState, MemoryType, PageProtection } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import type { MEMORY_BASIC_INFORMATION } from "../abi/structures.ts";
import type { ValueOf } from "../abi/type.ts";
import { stateClass } from "../executive/state.ts";
import { StatusError } from "../executive/unsupported.ts";
import type { Machine } from "../machine.ts";
import { firstIndex } from "../sorted.ts";
import {
  type AddressRequirements,
  ALLOCATION_GRANULARITY,
  findFreeRange,
  HIGHEST_USER_ADDRESS,
} from "./address-search.ts";
import { hardwareProtection, isPrivateProtection, isValidProtection, viewPermits } from "./protection.ts";
import { Region } from "./region.ts";
import type { Section } from "./section.ts";

export interface Range {
  readonly base: number;
  readonly size: number;
}

const { MEM_COMMIT, MEM_RESERVE, MEM_RESET, MEM_RESET_UNDO, MEM_TOP_DOWN } = AllocationType;
const PAGE_NOACCESS = PageProtection.PAGE_NOACCESS;

/** The virtual address space of a process as NT sees it: regions, and which of their pages are committed how. */
export class VirtualMemory {
  private readonly machine: Machine;
  readonly space: AddressSpace;
  /** Ascending. */
  readonly regions: Region[] = [];
  /** Bytes committed now and at most; private pages and views of the page file. */
  committed = 0;
  peakCommitted = 0;
  reserved = 0;

  constructor(machine: Machine, space: AddressSpace) {
    this.machine = machine;
    this.space = space;
  }

  regionAt(address: number): Region | undefined {
    const region = this.firstAbove(address);
    return region !== undefined && region.start <= address ? region : undefined;
  }
  /** The region at `address`, or else the next. */
  private firstAbove(address: number): Region | undefined {
    return this.regions.at(this.indexAbove(address));
  }
  private indexAbove(address: number): number {
    return firstIndex(this.regions, ({ end }) => end > address);
  }
  /** The image that is mapped at `address`. */
  imageAt(address: number): Section | undefined {
    const region = this.regionAt(address);
    return region?.type === MemoryType.MEM_IMAGE ? region.section : undefined;
  }
  isFree(start: number, end: number): boolean {
    return (this.firstAbove(start)?.start ?? Infinity) >= end;
  }

  /** NtAllocateVirtualMemory. `base` 0 lets the kernel choose. */
  allocate(base: number, size: number, type: number, protect: number, requirements: AddressRequirements = {}): Range {
    if (type & (MEM_RESET | MEM_RESET_UNDO)) return this.reset(base, size);
    if (!(type & (MEM_COMMIT | MEM_RESERVE))) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER_5);
    if (!isValidProtection(protect)) throw new StatusError(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
    if (size === 0) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER_4);
    if (base === 0 && !isPrivateProtection(protect)) throw new StatusError(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
    if (base > HIGHEST_USER_ADDRESS) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER_3);
    if (size > HIGHEST_USER_ADDRESS || base + size - 1 > HIGHEST_USER_ADDRESS)
      throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER_4);
    if (base !== 0 && !(type & MEM_RESERVE)) return this.commit(base, size, protect);
    let start: number;
    let end: number;
    if (base === 0) {
      const length = pageUp(size);
      const found = findFreeRange(this.regions, length, { topDown: (type & MEM_TOP_DOWN) !== 0, ...requirements });
      if (found === undefined) throw new StatusError(ntstatus.STATUS_NO_MEMORY);
      start = found;
      end = start + length;
    } else {
      start = base - (base % ALLOCATION_GRANULARITY);
      end = pageUp(base + size);
      if (start < ALLOCATION_GRANULARITY) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER);
      if (!this.isFree(start, end)) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    }
    const region = new Region(start, end, MemoryType.MEM_PRIVATE, protect);
    if (type & MEM_COMMIT) this.charge(end - start);
    this.insert(region);
    if (type & MEM_COMMIT) this.commitPages(region, start, end, protect);
    return { base: start, size: end - start };
  }

  private commit(base: number, size: number, protect: number): Range {
    const start = pageDown(base);
    const end = pageUp(base + size);
    const region = this.regionAt(start);
    if (region === undefined || region.end < end) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    if (
      region.type === MemoryType.MEM_IMAGE ||
      (region.section !== undefined && region.committedIn(start, end) === end - start)
    ) {
      throw new StatusError(ntstatus.STATUS_ALREADY_COMMITTED);
    }
    this.charge(end - start - region.committedIn(start, end));
    this.commitPages(region, start, end, protect);
    return { base: start, size: end - start };
  }

  /** Gives `[start, end)` the protection; pages that were not committed become zeros. */
  private commitPages(region: Region, start: number, end: number, protect: number): void {
    const hardware = hardwareProtection(protect);
    let at = start;
    for (const run of [...region.runsIn(start, end)]) {
      if (run.start > at) this.mapPages(region, at, run.start, hardware);
      if (run.protect !== protect) this.space.protect(run.start, run.end - run.start, hardware);
      at = run.end;
    }
    if (at < end) this.mapPages(region, at, end, hardware);
    region.set(start, end, protect);
  }
  private mapPages(region: Region, start: number, end: number, hardware: number): void {
    if (region.section === undefined || region.section.isImage) this.space.map(start, end - start, hardware);
    else
      this.space.mapShared(
        start,
        end - start,
        hardware,
        region.section.sharedPages(),
        region.sectionOffset + start - region.start,
      );
  }

  private reset(base: number, size: number): Range {
    const start = pageDown(base);
    const end = pageUp(base + size);
    const region = this.regionAt(start);
    if (region === undefined || region.end < end) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    // The contents may go; they are kept, which is one of the permitted outcomes.
    return { base: start, size: end - start };
  }

  /** NtFreeVirtualMemory. */
  free(base: number, size: number, type: number): Range {
    const { MEM_DECOMMIT, MEM_RELEASE } = FreeType;
    if (type !== MEM_DECOMMIT && type !== MEM_RELEASE) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER_4);
    const region = this.regionAt(base);
    if (region === undefined) throw new StatusError(ntstatus.STATUS_MEMORY_NOT_ALLOCATED);
    if (region.type !== MemoryType.MEM_PRIVATE || region.permanent)
      throw new StatusError(ntstatus.STATUS_UNABLE_TO_DELETE_SECTION);
    let start = pageDown(base);
    let end = pageUp(base + size);
    if (size === 0) {
      if (start !== region.start) throw new StatusError(ntstatus.STATUS_FREE_VM_NOT_AT_BASE);
      start = region.start;
      end = region.end;
    }
    if (end > region.end) throw new StatusError(ntstatus.STATUS_UNABLE_TO_FREE_VM);
    this.decommitPages(region, start, end);
    if (type === MEM_RELEASE) {
      this.remove(region);
      if (start > region.start) this.insert(part(region, region.start, start));
      if (end < region.end) this.insert(part(region, end, region.end));
    }
    return { base: start, size: end - start };
  }
  private decommitPages(region: Region, start: number, end: number): void {
    for (const run of region.runsIn(start, end)) {
      this.space.unmap(run.start, run.end - run.start);
      this.charge(run.start - run.end);
    }
    region.set(start, end, undefined);
  }

  /** NtProtectVirtualMemory. Returns the protection that the first page had. */
  protect(base: number, size: number, protect: number): Range & { readonly old: number } {
    if (!isValidProtection(protect)) throw new StatusError(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
    const start = pageDown(base);
    const end = pageUp(base + size);
    const region = this.regionAt(start);
    if (region === undefined || region.permanent) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    if (end > region.end) throw new StatusError(ntstatus.STATUS_CONFLICTING_ADDRESSES);
    if (region.committedIn(start, end) < end - start) throw new StatusError(ntstatus.STATUS_NOT_COMMITTED);
    const old = region.runAt(start)?.protect ?? 0;
    let effective = protect;
    switch (region.type) {
      case MemoryType.MEM_PRIVATE:
        if (!isPrivateProtection(protect)) throw new StatusError(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
        break;
      case MemoryType.MEM_MAPPED:
        if (!viewPermits(region.allocationProtect, protect))
          throw new StatusError(ntstatus.STATUS_INVALID_PAGE_PROTECTION);
        break;
      case MemoryType.MEM_IMAGE:
        effective = imagePageProtection(protect);
        break;
    }
    this.space.protect(start, end - start, hardwareProtection(effective));
    region.set(start, end, effective);
    return { base: start, size: end - start, old };
  }

  /** NtQueryVirtualMemory, MemoryBasicInformation. */
  query(address: number): ValueOf<typeof MEMORY_BASIC_INFORMATION> {
    const page = pageDown(address);
    const region = this.regionAt(page);
    if (region === undefined) {
      const next = this.firstAbove(page)?.start ?? HIGHEST_USER_ADDRESS + 1;
      return {
        BaseAddress: page,
        AllocationBase: 0,
        AllocationProtect: 0,
        PartitionId: 0,
        RegionSize: next - page,
        State: MemoryState.MEM_FREE,
        Protect: PAGE_NOACCESS,
        Type: 0,
      };
    }
    const run = region.runAt(page);
    const end = run?.end ?? region.firstRunAbove(page)?.start ?? region.end;
    return {
      BaseAddress: page,
      AllocationBase: region.start,
      AllocationProtect: region.allocationProtect,
      PartitionId: 0,
      RegionSize: end - page,
      State: run === undefined ? MemoryState.MEM_RESERVE : MemoryState.MEM_COMMIT,
      Protect: run?.protect ?? 0,
      Type: region.type,
    };
  }

  /** The first touch of a guard page: it becomes an ordinary one. */
  takeGuard(address: number): boolean {
    const page = pageDown(address);
    const region = this.regionAt(page);
    const run = region?.runAt(page);
    if (region === undefined || run === undefined || !(run.protect & PageProtection.PAGE_GUARD)) return false;
    const protect = run.protect & ~PageProtection.PAGE_GUARD;
    this.space.protect(page, PAGE_SIZE, hardwareProtection(protect));
    region.set(page, page + PAGE_SIZE, protect);
    return true;
  }
  /** Whether the page is committed and its protection permits the access. */
  permits(address: number, access: AccessKind): boolean {
    const bit = access === "read" ? 1 : access === "write" ? 2 : 4;
    return ((this.space.protectionAt(pageDown(address)) ?? 0) & bit) !== 0;
  }

  insert(region: Region): void {
    this.regions.splice(this.indexAbove(region.start), 0, region);
    this.reserved += region.size;
  }
  remove(region: Region): void {
    this.regions.splice(this.indexAbove(region.start), 1);
    this.reserved -= region.size;
  }
  /** Counts committed bytes against the machine's limit. */
  charge(bytes: number): void {
    if (bytes > 0 && this.machine.committedBytes + bytes > this.machine.limits.committedBytes) {
      this.machine.limitsReached.add("committedBytes");
      throw new StatusError(ntstatus.STATUS_COMMITMENT_LIMIT);
    }
    this.machine.committedBytes += bytes;
    this.committed += bytes;
    this.peakCommitted = Math.max(this.peakCommitted, this.committed);
  }
  /** The process is gone: everything is given back. */
  dispose(): void {
    for (const region of this.regions) region.section?.viewClosed(region.shared);
    this.regions.length = 0;
    this.machine.committedBytes -= this.committed;
    this.committed = 0;
    this.space.dispose();
  }

  /** One line a run, as /proc/maps has it. */
  toString(): string {
    const hex = (n: number): string => n.toString(16).padStart(12, "0");
    return this.regions
      .flatMap((region) => {
        const what = region.section?.describe() ?? "";
        const runs = region.runs.length > 0 ? region.runs : [{ start: region.start, end: region.end, protect: 0 }];
        return runs.map((run) =>
          `${hex(run.start)}-${hex(run.end)} ${run.protect === 0 ? "reserved" : PageProtection.format(run.protect)} ${what}`.trimEnd(),
        );
      })
      .join("\n");
  }
}
stateClass("VirtualMemory", VirtualMemory);

export function pageDown(address: number): number {
  return address - (address % PAGE_SIZE);
}
export function pageUp(address: number): number {
  return Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
}

function part(region: Region, start: number, end: number): Region {
  const piece = new Region(start, end, region.type, region.allocationProtect, region.section, region.sectionOffset);
  for (const run of region.runsIn(start, end)) piece.set(run.start, run.end, run.protect);
  return piece;
}

/** Pages of an image become private when they are written: PAGE_READWRITE means PAGE_WRITECOPY there. */
function imagePageProtection(protect: number): number {
  const { PAGE_READWRITE, PAGE_WRITECOPY, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY } = PageProtection;
  const modifiers = protect & ~0xff;
  if ((protect & 0xff) === PAGE_READWRITE) return PAGE_WRITECOPY | modifiers;
  if ((protect & 0xff) === PAGE_EXECUTE_READWRITE) return PAGE_EXECUTE_WRITECOPY | modifiers;
  return protect;
}
