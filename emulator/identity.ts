/** What CPUID says: the level that was chosen, as far as it is implemented. SDM volume 2, CPUID. */
import type { CpuLevel } from "./cpu.ts";
import { features, type Feature, type FeatureBit } from "./isa/feature.ts";
import type { InstructionSpecification } from "./isa/instruction.ts";
import { StateComponent, XSAVE_SIZE, xsaveArea } from "./xsave-area.ts";

export type CpuidLeaf = readonly [eax: number, ebx: number, ecx: number, edx: number];

const nothing: CpuidLeaf = [0, 0, 0, 0];
const text = (value: string): number[] =>
  Array.from({ length: value.length / 4 }, (_, word) =>
    [0, 1, 2, 3].reduce((bits, byte) => bits | (value.charCodeAt(word * 4 + byte) << (byte * 8)), 0),
  );

/** FPU, TSC, CX8, CMOV, CLFSH, MMX, FXSR, SSE, SSE2: what every x86-64 processor has. */
const baseline = (1 << 0) | (1 << 4) | (1 << 8) | (1 << 15) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26);
/** The operating system has enabled XSAVE. */
const OSXSAVE = 1 << 27;
/** XGETBV with ECX = 1. */
const XGETBV1 = 1 << 2;
/** PREFETCHW is no invalid opcode. */
const PREFETCHW = 1 << 8;
const LAST_LEAF = 0xd;
/** SYSCALL, NX, long mode. */
const extendedBaseline = (1 << 11) | (1 << 20) | (1 << 29);

export class Identity {
  readonly #offered: ReadonlySet<Feature>;

  constructor(specifications: readonly InstructionSpecification[], level: CpuLevel) {
    const implemented = new Set<Feature>();
    const incomplete = new Set<Feature>();
    for (const { definition } of specifications) {
      if (!definition.feature || features[definition.feature].level > level) continue;
      (definition.unimplemented ? incomplete : implemented).add(definition.feature);
    }
    this.#offered = new Set([...implemented].filter((feature) => !incomplete.has(feature)));
  }

  #bits(leaf: number, register: FeatureBit["register"], subleaf = 0): number {
    let bits = 0;
    for (const feature of this.#offered) {
      const at = features[feature];
      if (at.leaf === leaf && at.subleaf === subleaf && at.register === register) bits |= 1 << at.bit;
    }
    return bits;
  }

  get #hasXsave(): boolean {
    return this.#offered.has("XSAVE");
  }
  /** The components of XSAVE, all of which are always enabled. */
  #extendedState(subleaf: number): CpuidLeaf {
    switch (subleaf) {
      case 0:
        return [StateComponent.all, XSAVE_SIZE, XSAVE_SIZE, 0];
      case 1:
        return [this.#bits(LAST_LEAF, "eax", 1) | XGETBV1, XSAVE_SIZE, 0, 0];
      case 2:
        return [XSAVE_SIZE - xsaveArea.ymmHigh, xsaveArea.ymmHigh, 0, 0];
      default:
        return nothing;
    }
  }

  cpuid(leaf: number, subleaf: number): CpuidLeaf {
    switch (leaf) {
      case 0: {
        const [ebx, edx, ecx] = text("GenuineIntel");
        return [this.#hasXsave ? LAST_LEAF : 7, ebx, ecx, edx];
      }
      case 1:
        // Family 6; one logical processor, lines of 64 bytes.
        return [0x000306c0, (1 << 16) | (8 << 8), this.#bits(1, "ecx") | (this.#hasXsave ? OSXSAVE : 0), baseline];
      case 7:
        return subleaf === 0 ? [0, this.#bits(7, "ebx"), this.#bits(7, "ecx"), 0] : nothing;
      case LAST_LEAF:
        return this.#hasXsave ? this.#extendedState(subleaf) : nothing;
      case 0x8000_0000:
        return [0x8000_0008, 0, 0, 0];
      case 0x8000_0001:
        return [0, 0, this.#bits(0x8000_0001, "ecx") | PREFETCHW, extendedBaseline | this.#bits(0x8000_0001, "edx")];
      case 0x8000_0002:
      case 0x8000_0003:
      case 0x8000_0004: {
        const brand = text("Ring 3 virtual processor".padEnd(48, "\0")).slice((leaf - 0x8000_0002) * 4);
        return [brand[0], brand[1], brand[2], brand[3]];
      }
      case 0x8000_0008:
        // 48 bits of linear and 40 of physical addresses.
        return [0x3028, 0, 0, 0];
      default:
        return nothing;
    }
  }
}
