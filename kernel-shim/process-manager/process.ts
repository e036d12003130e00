import type { AddressSpace } from "../../emulator/cpu.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { DispatcherObject } from "../executive/dispatcher-object.ts";
import { stateClass } from "../executive/state.ts";
import type { VirtualMemory } from "../memory-manager/virtual-memory.ts";
import type { Section } from "../memory-manager/section.ts";
import { HandleTable } from "../object-manager/handle-table.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType, type KernelObject } from "../object-manager/kernel-object.ts";
import type { CrashReport } from "./crash-report.ts";
import type { Job } from "./job.ts";
import type { Thread } from "./thread.ts";

export const ProcessType = objectType("Process", { read: 0x20410, write: 0x20bea, execute: 0x121001, all: 0x1fffff });

/** Addresses of the user-mode entries to which the kernel transfers, found in the process's ntdll; 0 without one. */
export interface UserEntries {
  /** Where ntdll is mapped. */
  readonly base: number;
  readonly LdrInitializeThunk: number;
  readonly RtlUserThreadStart: number;
  readonly KiUserExceptionDispatcher: number;
  readonly KiUserApcDispatcher: number;
  /** Wine's ntdll: some frames are its own. */
  readonly isWine: boolean;
}

export class Process extends DispatcherObject {
  readonly id: number;
  readonly parentId: number;
  readonly virtualMemory: VirtualMemory;
  readonly handles = new HandleTable();
  /** Living and terminated threads whose objects still count, in order of creation. */
  readonly threads: Thread[] = [];
  /** The program's image, and its path in the form \Device\…. */
  readonly section: Section;
  imagePath: string;
  peb = 0;
  entries: UserEntries | undefined = undefined;
  /** The image's ntdll relocates modules itself, as Wine's does; Windows' leaves it to the kernel. */
  loaderRelocates = false;
  /** Code of the kernel's own in this process whose system calls have no number in any table. */
  readonly stubs: { readonly address: number; readonly size: number; readonly service: string }[] = [];
  /** The innermost first. */
  readonly jobs: Job[] = [];
  token: KernelObject | undefined = undefined;
  exitStatus: NtStatus = ntstatus.STATUS_PENDING;
  exited = false;
  /** The last exception that the processor raised, with the state at that time: why the process ends, if it ends with that code. */
  lastException: CrashReport | undefined = undefined;
  /** Millisecond that KUSER_SHARED_DATA shows. */
  sharedDataTime = -1;
  suspendCount = 0;
  createTime = 0n;
  exitTime = 0n;
  /** SEM_* of the process, NtSetInformationProcess class 12. */
  defaultHardErrorMode = 1;
  priorityClass = 2;
  cookie = 0;
  affinity = 1;

  constructor(id: number, parentId: number, virtualMemory: VirtualMemory, section: Section, imagePath: string) {
    super();
    this.id = id;
    this.parentId = parentId;
    this.virtualMemory = virtualMemory;
    this.section = section;
    this.imagePath = imagePath;
  }
  get memory(): AddressSpace {
    return this.virtualMemory.space;
  }
  get type(): ObjectType {
    return ProcessType;
  }
  isSignaled(): boolean {
    return this.exited;
  }
  get livingThreads(): Thread[] {
    return this.threads.filter((thread) => thread.state !== "terminated");
  }
  /** The program's file name. */
  get imageName(): string {
    return this.imagePath.slice(this.imagePath.lastIndexOf("\\") + 1);
  }
  override describe(): string {
    return `Process ${this.id} ${this.imageName}`;
  }
}
stateClass("Process", Process);
