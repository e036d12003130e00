/**
 * A region: the basic blocks that direct jumps and fall-throughs reach from one entry. Calls are boundaries (the code behind
 * them belongs to the region), and so are instructions that the interpreter has to run.
 */
import { constantValue } from "../ir/fold.ts";
import type { Control, InstructionIr } from "../ir/instruction-ir.ts";
import { FlowGraph } from "./flow-graph.ts";

export interface GuestInstruction {
  readonly address: number;
  readonly next: number;
  /** Undefined for what has no lift. */
  readonly ir: InstructionIr | undefined;
  readonly mnemonic: string;
}

export interface CodeSource {
  /** Undefined where no instruction can be fetched or decoded. */
  instruction(address: number): GuestInstruction | undefined;
  /** Where the computed jump at `address` has led, as far as that is known; the most frequent first. */
  targets(address: number): readonly number[];
}

/** Addresses that are not blocks of the region leave it. */
export type Terminator =
  | { readonly kind: "fall"; readonly target: number }
  | { readonly kind: "jump"; readonly target: number }
  | { readonly kind: "branch"; readonly taken: number; readonly next: number }
  /** `target` is undefined for an indirect call; then the last instruction's control has it. */
  | { readonly kind: "call"; readonly target: number | undefined; readonly next: number }
  /** RET, or a JMP whose target is computed: it often is one of `targets`. */
  | { readonly kind: "indirect"; readonly targets: readonly number[] }
  /** The interpreter runs the instruction at `address`, which is not one of the block's. */
  | { readonly kind: "giveUp"; readonly address: number };

export interface Block {
  readonly address: number;
  readonly end: number;
  readonly instructions: readonly GuestInstruction[];
  readonly terminator: Terminator;
}

export interface RegionLimits {
  readonly blocks: number;
  readonly instructions: number;
}

export const defaultLimits: RegionLimits = { blocks: 256, instructions: 2000 };

export class Region {
  /** Block 0 is the entry. */
  readonly blocks: readonly Block[];
  readonly graph: FlowGraph;
  readonly #byAddress: ReadonlyMap<number, number>;

  constructor(blocks: readonly Block[]) {
    this.blocks = blocks;
    this.#byAddress = new Map(blocks.map((block, index) => [block.address, index]));
    this.graph = new FlowGraph(
      blocks.map((block) => successorAddresses(block).flatMap((address) => this.blockAt(address) ?? [])),
    );
  }

  get entry(): number {
    return this.blocks[0].address;
  }
  /** Number of the block that begins at `address`. */
  blockAt(address: number): number | undefined {
    return this.#byAddress.get(address);
  }
  get instructionCount(): number {
    return this.blocks.reduce((count, block) => count + block.instructions.length, 0);
  }
  /** Addresses of directly called functions. */
  callees(): number[] {
    const callees = new Set<number>();
    for (const { terminator } of this.blocks)
      if (terminator.kind === "call" && terminator.target !== undefined) callees.add(terminator.target);
    return [...callees];
  }
  /** Calls `visit` with the first address and the end of each run of code bytes. */
  forEachRange(visit: (start: number, end: number) => void): void {
    for (const block of this.blocks) if (block.end > block.address) visit(block.address, block.end);
  }
}

/** In the order in which the terminator's edges are numbered. */
export function successorAddresses({ terminator }: Block): number[] {
  switch (terminator.kind) {
    case "fall":
    case "jump":
      return [terminator.target];
    case "branch":
      return [terminator.taken, terminator.next];
    case "call":
      return [terminator.next];
    case "indirect":
      return [...terminator.targets];
    case "giveUp":
      return [];
  }
}

/** `reached` tells where control has been: targets of jumps where it has not are left out. */
export function discover(
  source: CodeSource,
  entry: number,
  limits: RegionLimits = defaultLimits,
  reached: (address: number) => boolean = () => true,
): Region {
  const decoded = new Map<number, GuestInstruction | undefined>();
  const fetch = (address: number): GuestInstruction | undefined => {
    if (!decoded.has(address)) decoded.set(address, source.instruction(address));
    return decoded.get(address);
  };
  const leaders = new Set([entry]);
  let budget = limits.instructions;
  // Breadth first: what is near the entry is in when the limits cut.
  for (const leader of leaders) {
    for (let address = leader; ;) {
      if (decoded.has(address)) break;
      const instruction = fetch(address);
      const terminator = instruction && terminatorOf(instruction, source);
      if (terminator)
        for (const target of successorAddresses({ address, end: address, instructions: [], terminator }))
          if (leaders.size < limits.blocks && budget > 0 && reached(target)) leaders.add(target);
      if (!instruction || terminator) break;
      address = instruction.next;
      if (--budget <= 0) break;
    }
  }
  const ordered = [entry, ...[...leaders].filter((leader) => leader !== entry).sort((left, right) => left - right)];
  const blocks = ordered.map((leader) =>
    blockFrom(leader, (address) => (decoded.has(address) ? fetch(address) : "outside"), leaders, source),
  );
  const region = new Region(blocks);
  return region.graph.isLoopHeader(0) && blocks[0].instructions.some(isTested)
    ? new Region([copyOf(blocks[0]), ...blocks])
    : region;
}

/** Whether floating-point tests belong to it, which later ones need not repeat: known-numbers.ts. */
function isTested({ ir }: GuestInstruction): boolean {
  return ir?.effects.some((effect) => effect.kind === "fallback" && effect.tested) ?? false;
}
/** What is left out of one is not left out of the other. */
function copyOf(block: Block): Block {
  const instructions = block.instructions.map((instruction) => ({
    ...instruction,
    ir: instruction.ir && { ...instruction.ir, effects: instruction.ir.effects.map((effect) => ({ ...effect })) },
  }));
  return { ...block, instructions };
}

function blockFrom(
  leader: number,
  fetch: (address: number) => GuestInstruction | undefined | "outside",
  leaders: ReadonlySet<number>,
  source: CodeSource,
): Block {
  const instructions: GuestInstruction[] = [];
  for (let address = leader; ;) {
    const fell = address !== leader && leaders.has(address);
    const instruction = fell ? "outside" : fetch(address);
    // A leader that the limits left without code is left at once, with `fall` to itself avoided by giving up.
    if (instruction === "outside")
      return { address: leader, end: address, instructions, terminator: address === leader ? { kind: "giveUp", address } : { kind: "fall", target: address } }; // prettier-ignore
    if (!instruction) return { address: leader, end: address, instructions, terminator: { kind: "giveUp", address } };
    const terminator = terminatorOf(instruction, source);
    if (terminator?.kind === "giveUp") return { address: leader, end: address, instructions, terminator };
    instructions.push(instruction);
    address = instruction.next;
    if (terminator) return { address: leader, end: address, instructions, terminator };
  }
}

function terminatorOf({ address, next, ir }: GuestInstruction, source: CodeSource): Terminator | undefined {
  if (!ir) return { kind: "giveUp", address };
  return ir.control && controlTerminator(ir.control, address, next, source);
}

function controlTerminator(control: Control, address: number, next: number, source: CodeSource): Terminator {
  switch (control.kind) {
    case "exit":
    case "raise":
      return { kind: "giveUp", address };
    case "branch": {
      const taken = constantValue(control.target);
      return taken === undefined ? { kind: "giveUp", address } : { kind: "branch", taken: Number(taken), next };
    }
    case "jump": {
      const constant = constantValue(control.target);
      const target = constant === undefined ? undefined : Number(constant);
      switch (control.how) {
        case "direct":
          return target === undefined ? { kind: "indirect", targets: [] } : { kind: "jump", target };
        case "call":
        case "indirectCall":
          return { kind: "call", target, next };
        case "indirect":
          return { kind: "indirect", targets: source.targets(address) };
        case "return":
          return { kind: "indirect", targets: [] };
      }
    }
  }
}
