/** The numbers of Unicorn's C interface by name, without `UC_`; errors, registers and instructions have files of their own. */

/** `names` in the order of their numbers, from `first` on. */
function numbered(prefix: string, names: string, first = 0): Record<string, number> {
  return Object.fromEntries(names.split(" ").map((name, index) => [prefix + name, first + index]));
}

export const Arch = { X86: 4 } as const;
export const Mode = { MODE_64: 8 } as const;
export const PROT_ALL = 7;

/** `uc_mem_type`. */
export const MemoryEvent = {
  READ: 16, WRITE: 17, FETCH: 18,
  READ_UNMAPPED: 19, WRITE_UNMAPPED: 20, FETCH_UNMAPPED: 21,
  WRITE_PROT: 22, READ_PROT: 23, FETCH_PROT: 24,
  READ_AFTER: 25,
} as const; // prettier-ignore
export type MemoryEvent = (typeof MemoryEvent)[keyof typeof MemoryEvent];

/** `uc_hook_type`, a bit set. */
export const HookType = {
  INTR: 1 << 0, INSN: 1 << 1, CODE: 1 << 2, BLOCK: 1 << 3,
  MEM_READ_UNMAPPED: 1 << 4, MEM_WRITE_UNMAPPED: 1 << 5, MEM_FETCH_UNMAPPED: 1 << 6,
  MEM_READ_PROT: 1 << 7, MEM_WRITE_PROT: 1 << 8, MEM_FETCH_PROT: 1 << 9,
  MEM_READ: 1 << 10, MEM_WRITE: 1 << 11, MEM_FETCH: 1 << 12, MEM_READ_AFTER: 1 << 13,
} as const; // prettier-ignore

/** Types of hook that unicorn.js names but has no callback for. */
const otherHookTypes = { INSN_INVALID: 1 << 14, EDGE_GENERATED: 1 << 15, TCG_OPCODE: 1 << 16, TLB_FILL: 1 << 17 };
const unmapped = HookType.MEM_READ_UNMAPPED | HookType.MEM_WRITE_UNMAPPED | HookType.MEM_FETCH_UNMAPPED;
const protectedAgainst = HookType.MEM_READ_PROT | HookType.MEM_WRITE_PROT | HookType.MEM_FETCH_PROT;
const hookSets = {
  MEM_UNMAPPED: unmapped,
  MEM_PROT: protectedAgainst,
  MEM_READ_INVALID: HookType.MEM_READ_UNMAPPED | HookType.MEM_READ_PROT,
  MEM_WRITE_INVALID: HookType.MEM_WRITE_UNMAPPED | HookType.MEM_WRITE_PROT,
  MEM_FETCH_INVALID: HookType.MEM_FETCH_UNMAPPED | HookType.MEM_FETCH_PROT,
  MEM_INVALID: unmapped | protectedAgainst,
  MEM_VALID: HookType.MEM_READ | HookType.MEM_WRITE | HookType.MEM_FETCH,
};
/** Events that a hook may answer. */
export const MEMORY_FAULTS = hookSets.MEM_INVALID;
export const MEMORY_ACCESSES = hookSets.MEM_VALID | HookType.MEM_READ_AFTER;

export const Query = { MODE: 1, PAGE_SIZE: 2, ARCH: 3, TIMEOUT: 4 } as const;

/** The instructions that a hook may wait for, of `uc_x86_insn`. */
export const HookedInstruction = { CPUID: 113, IN: 218, OUT: 500, RDTSC: 608, RDTSCP: 609, SYSCALL: 699, SYSENTER: 700 } as const; // prettier-ignore
export type HookedInstruction = (typeof HookedInstruction)[keyof typeof HookedInstruction];

export const TlbMode = { CPU: 0, VIRTUAL: 1 } as const;
export const ContextMode = { CPU: 1, MEMORY: 2 } as const;

/** major, minor, patch, extra of the interface that is followed. */
export const version = [2, 1, 4, 255] as const;

const cpuModels = "QEMU64 PHENOM CORE2DUO KVM64 QEMU32 KVM32 COREDUO 486 PENTIUM PENTIUM2 PENTIUM3 ATHLON N270 CONROE PENRYN NEHALEM WESTMERE SANDYBRIDGE IVYBRIDGE HASWELL BROADWELL SKYLAKE_CLIENT SKYLAKE_SERVER CASCADELAKE_SERVER COOPERLAKE ICELAKE_CLIENT ICELAKE_SERVER DENVERTON SNOWRIDGE KNIGHTSMILL OPTERON_G1 OPTERON_G2 OPTERON_G3 OPTERON_G4 OPTERON_G5 EPYC DHYANA EPYC_ROME ENDING"; // prettier-ignore
export const CpuModel = numbered("", cpuModels);

const prefixed = (prefix: string, values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));

export const constants: Readonly<Record<string, number>> = {
  ...numbered("ARCH_", "ARM ARM64 MIPS X86 PPC SPARC M68K RISCV S390X TRICORE MAX", 1),
  ...{ MODE_LITTLE_ENDIAN: 0, MODE_BIG_ENDIAN: 1 << 30, MODE_ARM: 0, MODE_THUMB: 16, MODE_MCLASS: 32, MODE_V8: 64 },
  ...{ MODE_ARM926: 128, MODE_ARM946: 256, MODE_ARM1176: 512, MODE_ARMBE8: 1024, MODE_MICRO: 16, MODE_MIPS3: 32 },
  ...{ MODE_MIPS32R6: 64, MODE_MIPS32: 4, MODE_MIPS64: 8, MODE_16: 2, MODE_32: 4, ...Mode, MODE_PPC32: 4 },
  ...{ MODE_PPC64: 8, MODE_QPX: 16, MODE_SPARC32: 4, MODE_SPARC64: 8, MODE_V9: 16, MODE_RISCV32: 4, MODE_RISCV64: 8 },
  ...prefixed("MEM_", MemoryEvent),
  ...prefixed("HOOK_", { ...HookType, ...otherHookTypes, ...hookSets }),
  ...prefixed("QUERY_", Query),
  ...numbered("CTL_", "UC_MODE UC_PAGE_SIZE UC_ARCH UC_TIMEOUT UC_USE_EXITS UC_EXITS_CNT UC_EXITS CPU_MODEL TB_REQUEST_CACHE TB_REMOVE_CACHE TB_FLUSH TLB_FLUSH TLB_TYPE TCG_BUFFER_SIZE CONTEXT_MODE"), // prettier-ignore
  ...prefixed("TLB_", TlbMode),
  ...prefixed("CTL_CONTEXT_", ContextMode),
  ...{ PROT_NONE: 0, PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4, PROT_ALL },
  ...Object.fromEntries(["API", "VERSION"].flatMap((name) => ["MAJOR", "MINOR", "PATCH", "EXTRA"].map((part, index) => [`${name}_${part}`, version[index]]))), // prettier-ignore
  ...{ SECOND_SCALE: 1_000_000, MILISECOND_SCALE: 1000 },
  ...{ CTL_IO_NONE: 0, CTL_IO_WRITE: 1, CTL_IO_READ: 2, CTL_IO_READ_WRITE: 3 },
  ...prefixed("X86_INS_", HookedInstruction),
  ...prefixed("CPU_X86_", CpuModel),
};
