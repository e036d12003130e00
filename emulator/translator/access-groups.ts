/**
 * Accesses of one block at constant distances from each other, such as those of a stack frame or a structure: their pages are checked once, before the first.
 *
 * A group spans at most a page, so it lies on two at most, and both have bytes that the block accesses: where the check fails, one of the accesses would have
 * left the region too. Nothing that a region does itself takes a tag away, so what was checked stays so to the end of the block.
 */
import { constantValue } from "../ir/fold.ts";
import type { Effect, InstructionIr } from "../ir/instruction-ir.ts";
import type { Access, Node, RegisterPart } from "../ir/node.ts";
import type { GuestInstruction } from "./region.ts";

const PAGE_SIZE = 0x1000n;

/** Bytes from `start` up to `end`, relative to the address of the access that they are checked at. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What to check before an access; nothing where both are undefined. */
export interface PlannedCheck {
  readonly read: Span | undefined;
  readonly write: Span | undefined;
}

const checkedBefore: PlannedCheck = { read: undefined, write: undefined };

interface GuestAccess {
  readonly effect: Effect;
  readonly base: unknown;
  readonly start: bigint;
  readonly end: bigint;
  readonly write: boolean;
}

class Group {
  readonly accesses: GuestAccess[] = [];
  #start: bigint;
  #end: bigint;

  constructor(first: GuestAccess) {
    this.#start = first.start;
    this.#end = first.end;
    this.accesses.push(first);
  }
  add(access: GuestAccess): boolean {
    const start = access.start < this.#start ? access.start : this.#start;
    const end = access.end > this.#end ? access.end : this.#end;
    if (end - start > PAGE_SIZE) return false;
    this.#start = start;
    this.#end = end;
    this.accesses.push(access);
    return true;
  }

  /** Undefined where it would not be less than a check for each access. */
  plan(): PlannedCheck | undefined {
    const [{ start: origin }] = this.accesses;
    const write = hull(this.accesses.filter(({ write }) => write));
    let read = hull(this.accesses.filter(({ write }) => !write));
    if (read && write && write.start <= read.start && read.end <= write.end) read = undefined;
    if (this.accesses.length <= 2 * (Number(read !== undefined) + Number(write !== undefined))) return undefined;
    const relative = (span: typeof read): Span | undefined =>
      span && { start: Number(span.start - origin), end: Number(span.end - origin) };
    return { read: relative(read), write: relative(write) };
  }
}

function hull(accesses: readonly GuestAccess[]): Pick<GuestAccess, "start" | "end"> | undefined {
  if (!accesses.length) return undefined;
  return accesses.reduce<Pick<GuestAccess, "start" | "end">>(
    ({ start, end }, access) => ({
      start: access.start < start ? access.start : start,
      end: access.end > end ? access.end : end,
    }),
    accesses[0],
  );
}

/** By the effect; those that are not in the result check for themselves. */
export function planAccesses(instructions: readonly GuestInstruction[]): ReadonlyMap<Effect, PlannedCheck> {
  const groups = new Map<unknown, Group[]>();
  const registers = new SymbolicRegisters();
  for (const { ir } of instructions) {
    if (!ir) continue;
    for (const access of accessesOf(ir, registers)) {
      const open = groups.get(access.base);
      if (!open) groups.set(access.base, [new Group(access)]);
      else if (!open.some((group) => group.add(access))) open.push(new Group(access));
    }
    registers.execute(ir);
  }
  const planned = new Map<Effect, PlannedCheck>();
  for (const open of groups.values())
    for (const group of open) {
      const plan = group.plan();
      if (plan) group.accesses.forEach(({ effect }, index) => planned.set(effect, index ? checkedBefore : plan));
    }
  return planned;
}

function accessesOf({ effects }: InstructionIr, registers: SymbolicRegisters): GuestAccess[] {
  return effects.flatMap((effect): GuestAccess[] => {
    if (effect.kind !== "load" && (effect.kind !== "store" || effect.checked)) return [];
    const { bytes } = effect.kind === "load" ? (effect.node.imm as Access) : effect;
    const write = effect.kind === "store" || (effect.node.imm as Access).update;
    const { base, offset } = registers.resolve(effect.kind === "load" ? effect.node.args[0] : effect.address);
    const end = offset + BigInt(bytes);
    if (base !== ABSOLUTE) return [{ effect, base, start: offset, end, write }];
    // The pages are known: a group for each.
    const page = offset / PAGE_SIZE;
    return (end - 1n) / PAGE_SIZE === page ? [{ effect, base: page, start: offset, end, write }] : [];
  });
}

const ABSOLUTE = "absolute";

/** A value as a distance from another, of which only identity is known. */
interface Symbolic {
  readonly base: unknown;
  readonly offset: bigint;
}

/** What the general registers hold, relative to what they held at the start of the block or to values computed in it. */
class SymbolicRegisters {
  readonly #values = Array.from({ length: 16 }, (): Symbolic => ({ base: {}, offset: 0n }));

  resolve(node: Node): Symbolic {
    const constant = constantValue(node);
    if (constant !== undefined) return { base: ABSOLUTE, offset: constant };
    if (node.op === "gpr" && node.type === "i64") return this.#values[(node.imm as RegisterPart).register];
    if (node.op === "i64.add" || node.op === "i64.sub") {
      const distance = constantValue(node.args[1]);
      if (distance !== undefined) {
        const { base, offset } = this.resolve(node.args[0]);
        return { base, offset: node.op === "i64.add" ? offset + distance : offset - distance };
      }
    }
    return { base: node, offset: 0n };
  }
  execute({ writes }: InstructionIr): void {
    const values = writes.flatMap((write) =>
      write.kind === "gpr"
        ? [{ register: write.target.register, value: write.target.width === 64 ? this.resolve(write.value) : { base: {}, offset: 0n } }] // prettier-ignore
        : [],
    );
    for (const { register, value } of values) this.#values[register] = value;
  }
}
