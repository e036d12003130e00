import { enumeration, flags } from "./type.ts";

/** PAGE_*: one of the first eight, and modifiers. */
export const PageProtection = flags("PAGE_PROTECTION", {
  PAGE_NOACCESS: 0x01,
  PAGE_READONLY: 0x02,
  PAGE_READWRITE: 0x04,
  PAGE_WRITECOPY: 0x08,
  PAGE_EXECUTE: 0x10,
  PAGE_EXECUTE_READ: 0x20,
  PAGE_EXECUTE_READWRITE: 0x40,
  PAGE_EXECUTE_WRITECOPY: 0x80,
  PAGE_GUARD: 0x100,
  PAGE_NOCACHE: 0x200,
  PAGE_WRITECOMBINE: 0x400,
});
export const AllocationType = flags("ALLOCATION_TYPE", {
  MEM_COMMIT: 0x1000,
  MEM_RESERVE: 0x2000,
  MEM_RESET: 0x8_0000,
  MEM_TOP_DOWN: 0x10_0000,
  MEM_WRITE_WATCH: 0x20_0000,
  MEM_PHYSICAL: 0x40_0000,
  MEM_RESET_UNDO: 0x100_0000,
  MEM_LARGE_PAGES: 0x2000_0000,
  MEM_RESERVE_PLACEHOLDER: 0x4_0000,
  MEM_REPLACE_PLACEHOLDER: 0x4000,
});
export const FreeType = flags("FREE_TYPE", {
  MEM_COALESCE_PLACEHOLDERS: 0x1,
  MEM_PRESERVE_PLACEHOLDER: 0x2,
  MEM_DECOMMIT: 0x4000,
  MEM_RELEASE: 0x8000,
});
export const MemoryState = { MEM_COMMIT: 0x1000, MEM_RESERVE: 0x2000, MEM_FREE: 0x1_0000 } as const;
export const MemoryType = { MEM_PRIVATE: 0x2_0000, MEM_MAPPED: 0x4_0000, MEM_IMAGE: 0x100_0000 } as const;
export const SectionAttributes = flags("SECTION_ATTRIBUTES", {
  SEC_FILE: 0x80_0000,
  SEC_IMAGE: 0x100_0000,
  SEC_PROTECTED_IMAGE: 0x200_0000,
  SEC_RESERVE: 0x400_0000,
  SEC_COMMIT: 0x800_0000,
  SEC_NOCACHE: 0x1000_0000,
  SEC_WRITECOMBINE: 0x4000_0000,
  SEC_LARGE_PAGES: 0x8000_0000,
  SEC_IMAGE_NO_EXECUTE: 0x1100_0000,
});
export const MEMORY_INFORMATION_CLASS = enumeration("MEMORY_INFORMATION_CLASS", {
  MemoryBasicInformation: 0,
  MemoryWorkingSetInformation: 1,
  MemoryMappedFilenameInformation: 2,
  MemoryRegionInformation: 3,
  MemoryWorkingSetExInformation: 4,
  MemorySharedCommitInformation: 5,
  MemoryImageInformation: 6,
  MemoryRegionInformationEx: 7,
  MemoryPrivilegedBasicInformation: 8,
  MemoryWineUnixFuncs: 1000,
});
