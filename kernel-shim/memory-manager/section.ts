import type { SECTION_IMAGE_INFORMATION } from "../abi/structures.ts";
import type { ValueOf } from "../abi/type.ts";
import { stateClass } from "../executive/state.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { KernelObject, objectType } from "../object-manager/kernel-object.ts";
import { exportsOf, parsePe, type PeImage } from "../pe/index.ts";
import { SectionPages } from "./address-space-state.ts";

export const SectionType = objectType("Section", { read: 0x20005, write: 0x20002, execute: 0x20008, all: 0xf001f });

/** What a section needs of the file it is over. File objects provide it. */
export interface SectionFile {
  /** The NT path, as MemoryMappedFilenameInformation shows it. */
  readonly path: string;
  sectionSize(): number;
  /** Bytes that neither the caller nor the file changes afterwards; shorter at the end of the file. */
  sectionRead(offset: number, length: number): Uint8Array;
  sectionWrite(offset: number, bytes: Uint8Array): void;
  /** Makes the file at least this long. Leaves the service when the volume is full. */
  sectionExtend(size: number): void;
  /** Counted by the file, which refuses what a section over it forbids. */
  sectionOpened(image: boolean): void;
  sectionClosed(image: boolean): void;
}

/** A section object: memory that can be mapped into processes. Backed by a file, by an image or by nothing but itself. */
export class Section extends KernelObject {
  readonly file: SectionFile | undefined;
  readonly isImage: boolean;
  /** In bytes; of an image, its size in memory. */
  size: number;
  /** PAGE_*: the most that views may ask for. */
  readonly protect: number;
  /** SEC_*. */
  readonly attributes: number;
  /** Contents that views share. Undefined for images, and until a view needs them. */
  pages: SectionPages | undefined = undefined;
  views = 0;
  closed = false;
  readonly imageInformation: ValueOf<typeof SECTION_IMAGE_INFORMATION> | undefined;
  /** For an ntdll or win32u: numbers of its system call stubs. Empty for everything else. */
  readonly systemCallNumbers: ReadonlyMap<number, string>;
  readonly imageBase: number;

  constructor(options: {
    readonly file: SectionFile | undefined;
    readonly size: number;
    readonly protect: number;
    readonly attributes: number;
    readonly image?: PeImage;
  }) {
    super();
    this.file = options.file;
    this.isImage = options.image !== undefined;
    this.size = options.size;
    this.protect = options.protect;
    this.attributes = options.attributes;
    this.imageInformation = options.image && imageInformation(options.image, options.file?.sectionSize() ?? 0);
    this.imageBase = options.image?.headers.imageBase ?? 0;
    this.systemCallNumbers = options.image === undefined ? new Map<number, string>() : systemCallNumbers(options.image);
    this.file?.sectionOpened(this.isImage);
  }
  get type(): ObjectType {
    return SectionType;
  }
  /** The image, parsed anew from its file: images are immutable while a section is over them. */
  openImage(): PeImage {
    if (this.file === undefined) throw new Error("an image section without a file");
    return parsePe(this.file.sectionRead(0, this.file.sectionSize()));
  }
  /** The shared contents; read from the file when first asked for. */
  sharedPages(): SectionPages {
    if (this.pages !== undefined) return this.pages;
    const pages = new SectionPages(Math.ceil(this.size / 0x1000) * 0x1000);
    if (this.file !== undefined)
      pages.bytes.set(this.file.sectionRead(0, Math.min(this.size, this.file.sectionSize())));
    this.pages = pages;
    return pages;
  }
  /** Writes what views have changed back to the file. */
  flush(offset = 0, length = this.size - offset): void {
    if (this.file === undefined || this.pages === undefined || this.isImage) return;
    const end = Math.min(offset + length, this.size);
    const now = this.pages.bytes;
    const before = this.file.sectionRead(offset, end - offset);
    let first = offset;
    while (first < end && now[first] === before[first - offset]) first++;
    let last = end;
    while (last > first && now[last - 1] === before[last - 1 - offset]) last--;
    if (first < last) this.file.sectionWrite(first, now.slice(first, last));
  }
  viewClosed(shared: boolean): void {
    this.views--;
    if (shared) this.flush();
    this.releaseFile();
  }
  override lastHandleClosed(): void {
    this.closed = true;
    this.releaseFile();
  }
  private releaseFile(): void {
    if (this.closed && this.views === 0) this.file?.sectionClosed(this.isImage);
  }
  override describe(): string {
    const path = this.path || this.file?.path;
    return path ? `Section ${path}` : "Section";
  }
}
stateClass("Section", Section);

const SECTION_CONTAINS_CODE = 0x20;

function imageInformation({ headers }: PeImage, fileSize: number): ValueOf<typeof SECTION_IMAGE_INFORMATION> {
  return {
    TransferAddress: headers.imageBase + headers.addressOfEntryPoint,
    ZeroBits: 0,
    MaximumStackSize: headers.sizeOfStackReserve,
    CommittedStackSize: headers.sizeOfStackCommit,
    SubSystemType: headers.subsystem,
    SubSystemMinorVersion: headers.subsystemVersion[1],
    SubSystemMajorVersion: headers.subsystemVersion[0],
    MajorOperatingSystemVersion: headers.operatingSystemVersion[0],
    MinorOperatingSystemVersion: headers.operatingSystemVersion[1],
    ImageCharacteristics: headers.characteristics,
    DllCharacteristics: headers.dllCharacteristics,
    Machine: headers.machine,
    ImageContainsCode: headers.sections.some((section) => (section.characteristics & SECTION_CONTAINS_CODE) !== 0)
      ? 1
      : 0,
    ImageFlags: 0,
    LoaderFlags: 0,
    ImageFileSize: fileSize,
    CheckSum: headers.checkSum,
  };
}

/** The modules whose stubs carry system call numbers. */
const STUB_MODULES = new Set(["ntdll.dll", "win32u.dll"]);
const NO_NUMBERS: ReadonlyMap<number, string> = new Map();

/** Reads the numbers from the stubs `mov r10, rcx; mov eax, imm32` that a module exports. */
function systemCallNumbers(image: PeImage): ReadonlyMap<number, string> {
  const exports = exportsOf(image);
  if (exports === undefined || !STUB_MODULES.has(exports.moduleName.toLowerCase())) return NO_NUMBERS;
  const numbers = new Map<number, string>();
  for (const { target, name } of exports.named()) {
    if (!("rva" in target)) continue;
    const code = image.bytesAt(target.rva, 8);
    if (code?.length !== 8 || code[0] !== 0x4c || code[1] !== 0x8b || code[2] !== 0xd1 || code[3] !== 0xb8) continue;
    const number = code[4] | (code[5] << 8) | (code[6] << 16) | (code[7] << 24);
    // Nt and Zw names share stubs; the Nt name is the service's, and comes first.
    if (!numbers.has(number)) numbers.set(number, name());
  }
  return numbers;
}
