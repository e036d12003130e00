import type { AddressRequirements } from "../memory-manager/address-search.ts";
import { ALLOCATION_GRANULARITY, HIGHEST_USER_ADDRESS } from "../memory-manager/address-search.ts";
import { at, struct } from "../abi/struct.ts";
import { PVOID, SIZE_T, u64 } from "../abi/type.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import type { ServiceCall } from "./service.ts";

const MEM_EXTENDED_PARAMETER = struct("MEM_EXTENDED_PARAMETER", 0x10, { Type: at(0x0, u64), Value: at(0x8, u64) });
const MEM_ADDRESS_REQUIREMENTS = struct("MEM_ADDRESS_REQUIREMENTS", 0x18, {
  LowestStartingAddress: at(0x0, PVOID),
  HighestEndingAddress: at(0x8, PVOID),
  Alignment: at(0x10, SIZE_T),
});
const MemExtendedParameterAddressRequirements = 1;
const MemExtendedParameterNumaNode = 2;
const MAXIMUM_PARAMETERS = 16;

/** Reads MEM_EXTENDED_PARAMETERs: address requirements count, the one NUMA node is given anyway. Each type may come once. */
export function readExtendedParameters(
  call: ServiceCall,
  address: number,
  count: number,
): AddressRequirements | undefined {
  if (count === 0) return undefined;
  if (address === 0 || count > MAXIMUM_PARAMETERS) throw call.fail(ntstatus.STATUS_INVALID_PARAMETER);
  let requirements: AddressRequirements | undefined;
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) {
    const { Type, Value } = MEM_EXTENDED_PARAMETER.read(call.memory, address + i * MEM_EXTENDED_PARAMETER.size);
    const type = Number(Type & 0xffn);
    if (seen.has(type) || type === 0) throw call.fail(ntstatus.STATUS_INVALID_PARAMETER);
    seen.add(type);
    if (type === MemExtendedParameterNumaNode) continue;
    if (type !== MemExtendedParameterAddressRequirements) return call.unsupported(`memory extended parameter ${type}`);
    requirements = checkRequirements(call, Number(Value));
  }
  return requirements;
}

function checkRequirements(call: ServiceCall, address: number): AddressRequirements {
  const {
    LowestStartingAddress: lowest,
    HighestEndingAddress: highest,
    Alignment: alignment,
  } = MEM_ADDRESS_REQUIREMENTS.read(call.memory, address);
  const granular = (value: number): boolean => value % ALLOCATION_GRANULARITY === 0;
  const isPower = alignment === 0 || Number.isInteger(Math.log2(alignment));
  if (
    !isPower ||
    (alignment !== 0 && alignment < ALLOCATION_GRANULARITY) ||
    !granular(lowest) ||
    (highest !== 0 && (!granular(highest + 1) || highest > HIGHEST_USER_ADDRESS || lowest >= highest))
  ) {
    throw call.fail(ntstatus.STATUS_INVALID_PARAMETER);
  }
  return { lowest, ...(highest !== 0 && { highest }), ...(alignment !== 0 && { alignment }) };
}
