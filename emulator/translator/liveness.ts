/** What the instructions of a region read and change, for the analyses over its graph. */
import type { FlagWrite, InstructionIr, Write } from "../ir/instruction-ir.ts";
import {
  flagNames,
  type FlagName,
  type Node,
  type RegisterPart,
  type StateField,
  type VectorPart,
} from "../ir/node.ts";
import type { BudgetPlan } from "./budget.ts";
import { solveBackward, solveForward, type Solution } from "./data-flow.ts";
import { ALL_FLAGS, conditionOf, flagBit } from "./flag-kind.ts";
import type { Block, Region } from "./region.ts";

/** Calls `visit` once for every node reachable from `roots`. */
export function forEachNode(roots: Iterable<Node>, visit: (node: Node) => void, seen = new Set<Node>()): void {
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    visit(root);
    forEachNode(root.args, visit, seen);
  }
}

/** Flags that computing the nodes asks for. */
export function flagsRead(roots: Iterable<Node>): number {
  let mask = 0;
  forEachNode(roots, ({ op, imm }) => {
    if (op === "flag") mask |= flagBit[imm as FlagName];
  });
  return mask;
}

/** The nodes that an instruction computes whatever becomes of its flags. */
export function rootsOf({ effects, writes, control }: InstructionIr): Node[] {
  const roots: Node[] = [];
  for (const effect of effects) {
    if (effect.kind === "load") roots.push(effect.node);
    else if (effect.kind === "store") roots.push(effect.address, effect.value, ...(effect.high ? [effect.high] : []));
    else roots.push(effect.condition, ...(effect.kind === "fallback" && effect.within ? [effect.within] : []));
  }
  for (const { value } of writes) roots.push(value);
  if (control?.kind === "jump") roots.push(control.target);
  if (control?.kind === "branch") roots.push(control.condition);
  return roots;
}

/** Everything that an instruction may compute. */
function allRoots(ir: InstructionIr): Node[] {
  const flags = ir.flags ? flagNames.flatMap((name) => ir.flags![name] ?? []) : [];
  return [...rootsOf(ir), ...flags];
}

/** May the instruction leave the region before it has done anything? */
export const mayGiveUp = ({ effects }: InstructionIr): boolean => effects.length > 0;

/** Flags needed before the instruction when `after` are needed behind it. */
export function flagsNeededBefore(ir: InstructionIr, after: number): number {
  if (mayGiveUp(ir)) return ALL_FLAGS;
  let needed = after;
  if (ir.flags) {
    const computed = flagNames.flatMap((name) => (after & flagBit[name] && ir.flags![name]) || []);
    needed = (needed & ~overwritten(ir.flags)) | flagsRead(computed);
  }
  return needed | flagsRead(rootsOf(ir));
}

/** Flags that no longer depend on what they were. */
function overwritten(write: FlagWrite): number {
  if (conditionOf(write)) return 0;
  return flagNames.reduce((mask, name) => mask | (write[name] ? flagBit[name] : 0), 0);
}

/** Flags that may be asked for at the blocks' starts and ends. Wherever the region is left all are. */
export function flagLiveness(region: Region, { needed: checks }: BudgetPlan): Solution {
  return solveBackward(region.graph, (index, mask) => {
    const { instructions } = region.blocks[index];
    let needed = leavesAtEnd(region, index) ? ALL_FLAGS : mask;
    for (let at = instructions.length - 1; at >= 0; at--) needed = flagsNeededBefore(instructions[at].ir!, needed);
    return checks[index] ? ALL_FLAGS : needed;
  });
}

/** Registers that may change while somebody may still ask for the flags that hold at the blocks' starts and ends. */
export function registersChanged(region: Region, neededAtEnd: Int32Array): Solution {
  return solveBackward(region.graph, (index, mask) => eachBackward(region, index, neededAtEnd[index], mask, () => {}));
}

/**
 * Calls `visit` with each instruction of a block, the last first, the flags that may be asked for behind it and the registers that may change before they are
 * new. Returns the registers of that kind at the block's start.
 */
export function eachBackward(
  region: Region,
  index: number,
  neededAtEnd: number,
  changedAtEnd: number,
  visit: (at: number, needed: number, changed: number) => void,
): number {
  const { instructions } = region.blocks[index];
  let needed = leavesAtEnd(region, index) ? ALL_FLAGS : neededAtEnd;
  let changed = changedAtEnd;
  for (let at = instructions.length - 1; at >= 0; at--) {
    visit(at, needed, changed);
    const ir = instructions[at].ir!;
    // What computes new flags has looked at the old ones before it writes.
    changed = !needed || setsFlags(ir, needed) ? 0 : changed | registersWritten(ir);
    needed = flagsNeededBefore(ir, needed);
  }
  return changed;
}

/** Are the flags behind the instruction its own, whatever they were? */
const setsFlags = ({ flags }: InstructionIr, needed: number): boolean =>
  flags !== undefined && !conditionOf(flags) && flagNames.some((name) => flags[name] && needed & flagBit[name]);

/** A mask over register numbers. */
export const registersWritten = ({ writes }: InstructionIr): number =>
  writes.reduce((mask, write) => (write.kind === "gpr" ? mask | (1 << write.target.register) : mask), 0);

/** Can control leave the region behind the block's last instruction? */
export function leavesAtEnd(region: Region, index: number): boolean {
  const { terminator } = region.blocks[index];
  switch (terminator.kind) {
    case "call":
    case "indirect":
    case "giveUp":
      return true;
    case "fall":
    case "jump":
      return region.blockAt(terminator.target) === undefined;
    case "branch":
      return region.blockAt(terminator.taken) === undefined || region.blockAt(terminator.next) === undefined;
  }
}

export interface RegisterUse {
  /** Masks over register numbers. */
  readonly gpr: number;
  readonly gprWritten: number;
  /** Low halves in bits 0–15, upper halves in bits 16–31. */
  readonly vector: number;
  readonly vectorWritten: number;
}

export const vectorBit = ({ register, part }: VectorPart): number => 1 << (register + (part === "high" ? 16 : 0));

const isClearing = ({ value }: Write): boolean => value.imm instanceof Uint8Array && value.imm.every((byte) => byte === 0) && value.op === "const"; // prettier-ignore

/**
 * Halves of vector registers that the region does nothing with but clear them, of registers that it does not use otherwise: most of what VZEROUPPER does.
 * Their zeroes go to memory at once, so that they are not loaded and stored wherever the region begins and ends. As `vector` of RegisterUse.
 */
export function clearedInMemory({ blocks }: Region): number {
  let used = 0;
  let cleared = 0;
  const seen = new Set<Node>();
  for (const { instructions } of blocks)
    for (const { ir } of instructions) {
      if (!ir) continue;
      forEachNode(allRoots(ir), ({ op, imm }) => void (op === "xmm" && (used |= vectorBit(imm as VectorPart))), seen);
      for (const write of ir.writes)
        if (write.kind === "xmm") {
          if (isClearing(write)) cleared |= vectorBit(write.target);
          else used |= vectorBit(write.target);
        }
    }
  return cleared & ~(used | (used << 16));
}

/** `inMemory`: see `clearedInMemory`. */
export function registerUse({ instructions }: Block, inMemory: number): RegisterUse {
  let gpr = 0;
  let gprWritten = 0;
  let vector = 0;
  let vectorWritten = 0;
  const seen = new Set<Node>();
  for (const { ir } of instructions) {
    if (!ir) continue;
    forEachNode(
      allRoots(ir),
      ({ op, imm }) => {
        if (op === "gpr") gpr |= 1 << (imm as RegisterPart).register;
        if (op === "xmm") vector |= vectorBit(imm as VectorPart);
      },
      seen,
    );
    for (const write of ir.writes) {
      if (write.kind === "gpr") gprWritten |= 1 << write.target.register;
      if (write.kind === "xmm") vectorWritten |= vectorBit(write.target);
    }
  }
  vectorWritten &= ~inMemory;
  return { gpr: gpr | gprWritten, gprWritten, vector: vector | vectorWritten, vectorWritten };
}

/** Fields of the state outside the registers that the region's instructions ask for. */
export function fieldsRead({ blocks }: Region): StateField[] {
  const fields: StateField[] = [];
  const seen = new Set<Node>();
  for (const { instructions } of blocks)
    for (const { ir } of instructions)
      if (ir) forEachNode(allRoots(ir), ({ op, imm }) => void (op === "state" && fields.push(imm as StateField)), seen);
  return fields;
}

/** Registers that may differ from memory, where the region writes them back before each call. */
export function dirtyRegisters(region: Region, written: readonly number[]): Solution {
  return solveForward(
    region.graph,
    (index, mask) => (region.blocks[index].terminator.kind === "call" ? 0 : mask | written[index]),
    0,
  );
}
