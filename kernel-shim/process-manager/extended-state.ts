/**
 * What CONTEXT has no place for: the upper halves of the YMM registers. They stand in the part of an XSAVE area that begins with its header, compacted;
 * a CONTEXT_EX behind the CONTEXT says where. docs/decisions/0007-avx.md
 */
import type { Context } from "../../emulator/context.ts";
import type { Cpu } from "../../emulator/cpu.ts";
import {
  componentsInUse,
  initializeComponents,
  loadYmmHigh,
  saveYmmHigh,
  StateComponent,
  XSAVE_HEADER_SIZE,
  XSAVE_SIZE,
  xsaveArea,
} from "../../emulator/xsave-area.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { CONTEXT, CONTEXT_EX, type XSTATE_CONFIGURATION } from "../abi/structures.ts";
import type { StructValue } from "../abi/struct.ts";
import type { GuestMemory } from "../abi/type.ts";

/** With the upper halves. */
export const EXTENDED_STATE_SIZE = XSAVE_SIZE - xsaveArea.header;
const YMM_HIGH = xsaveArea.ymmHigh - xsaveArea.header;
const COMPACTED = 1n << 63n;
const { avx } = StateComponent;

/** CPUs below this level have none. */
export const hasExtendedState = ({ level }: Cpu): boolean => level >= 3;

interface ExtendedState {
  /** Of the header. */
  readonly address: number;
  /** Those that CompactionMask names and this processor has. */
  readonly components: number;
}

/** Where the extended state of the CONTEXT at `context` lies. */
export function locateExtendedState(
  memory: GuestMemory,
  context: number,
): ExtendedState | { readonly status: NtStatus } {
  const contextEx = context + CONTEXT.size;
  const { XStateOffset, XStateLength } = CONTEXT_EX.read(memory, contextEx);
  if (XStateOffset < CONTEXT_EX.size || XStateLength < XSAVE_HEADER_SIZE)
    return { status: ntstatus.STATUS_INVALID_PARAMETER };
  const address = contextEx + XStateOffset;
  const compactionMask = memory.readUint64(address + 8);
  const components = Number(compactionMask & BigInt(avx));
  if (components && XStateLength < EXTENDED_STATE_SIZE) return { status: ntstatus.STATUS_BUFFER_OVERFLOW };
  return { address, components };
}

/** Components in their initial state are named by CompactionMask alone. */
export function writeExtendedState(memory: GuestMemory, address: number, context: Context, components: number): void {
  const used = componentsInUse(context) & components;
  memory.writeUint64(address, BigInt(used));
  memory.writeUint64(address + 8, COMPACTED | BigInt(components));
  if (!(used & avx)) return;
  const area = new Uint8Array(XSAVE_SIZE);
  saveYmmHigh(context, area);
  memory.write(address + YMM_HIGH, area.subarray(xsaveArea.ymmHigh));
}
/** A CompactionMask of 0 stands for all. */
export function readExtendedState(memory: GuestMemory, address: number, context: Context): void {
  const mask = memory.readUint64(address);
  const compactionMask = memory.readUint64(address + 8);
  if (mask & BigInt(avx)) {
    const area = new Uint8Array(XSAVE_SIZE);
    area.set(memory.read(address + YMM_HIGH, XSAVE_SIZE - xsaveArea.ymmHigh), xsaveArea.ymmHigh);
    loadYmmHigh(context, area);
  } else if (compactionMask === 0n || compactionMask & BigInt(avx)) initializeComponents(context, avx);
}

/** What KUSER_SHARED_DATA tells of the XSAVE area. */
export function extendedStateConfiguration(cpu: Cpu): Partial<StructValue<typeof XSTATE_CONFIGURATION.fields>> {
  if (!hasExtendedState(cpu)) return {};
  const features = [
    { Offset: 0, Size: xsaveArea.xmm },
    { Offset: xsaveArea.xmm, Size: 16 * 16 },
    { Offset: xsaveArea.ymmHigh, Size: XSAVE_SIZE - xsaveArea.ymmHigh },
  ];
  return {
    EnabledFeatures: BigInt(StateComponent.all),
    EnabledVolatileFeatures: BigInt(StateComponent.all),
    Size: XSAVE_SIZE,
    ControlFlags: XSTATE_OPTIMIZED_SAVE | XSTATE_COMPACTION_ENABLED,
    Features: Array.from({ length: 64 }, (_, i) => features[i] ?? { Offset: 0, Size: 0 }),
    AllFeatureSize: XSAVE_SIZE,
    AllFeatures: Array.from({ length: 64 }, (_, i) => features[i]?.Size ?? 0),
  };
}
const XSTATE_OPTIMIZED_SAVE = 1;
const XSTATE_COMPACTION_ENABLED = 2;
