import type { CpuLevel } from "../cpu.ts";

/** CPUID features beyond the first x86-64 processors: where they show, and from which psABI level on they are offered. */
export interface FeatureBit {
  readonly level: CpuLevel;
  readonly leaf: number;
  readonly subleaf: number;
  readonly register: "eax" | "ebx" | "ecx" | "edx";
  readonly bit: number;
}

const at = (level: CpuLevel, leaf: number, register: FeatureBit["register"], bit: number, subleaf = 0): FeatureBit => ({
  level,
  leaf,
  subleaf,
  register,
  bit,
});

export const features = {
  SSE3: at(2, 1, "ecx", 0),
  PCLMULQDQ: at(3, 1, "ecx", 1),
  SSSE3: at(2, 1, "ecx", 9),
  FMA: at(3, 1, "ecx", 12),
  CMPXCHG16B: at(2, 1, "ecx", 13),
  "SSE4.1": at(2, 1, "ecx", 19),
  "SSE4.2": at(2, 1, "ecx", 20),
  MOVBE: at(3, 1, "ecx", 22),
  POPCNT: at(2, 1, "ecx", 23),
  AES: at(3, 1, "ecx", 25),
  XSAVE: at(3, 1, "ecx", 26),
  AVX: at(3, 1, "ecx", 28),
  F16C: at(3, 1, "ecx", 29),
  RDRAND: at(3, 1, "ecx", 30),
  FSGSBASE: at(3, 7, "ebx", 0),
  BMI1: at(3, 7, "ebx", 3),
  AVX2: at(3, 7, "ebx", 5),
  BMI2: at(3, 7, "ebx", 8),
  CLFLUSHOPT: at(3, 7, "ebx", 23),
  CLWB: at(3, 7, "ebx", 24),
  RDSEED: at(3, 7, "ebx", 18),
  ADX: at(3, 7, "ebx", 19),
  SHA: at(3, 7, "ebx", 29),
  RDPID: at(3, 7, "ecx", 22),
  XSAVEOPT: at(3, 0xd, "eax", 0, 1),
  XSAVEC: at(3, 0xd, "eax", 1, 1),
  XSAVES: at(3, 0xd, "eax", 3, 1),
  LAHF: at(2, 0x8000_0001, "ecx", 0),
  LZCNT: at(3, 0x8000_0001, "ecx", 5),
  RDTSCP: at(2, 0x8000_0001, "edx", 27),
} as const satisfies Record<string, FeatureBit>;

export type Feature = keyof typeof features;
