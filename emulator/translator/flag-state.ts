import { layout } from "../context-layout.ts";
import { flagNames, type FlagName, type Node } from "../ir/node.ts";
import type { FunctionBuilder, Label } from "../wasm/function-builder.ts";
import type { ValueType } from "../wasm/opcodes.ts";
import type { BudgetPlan } from "./budget.ts";
import { FlagKinds, IN_MEMORY, type Comparison, type FlagKind, type FlagSite } from "./flag-kind.ts";
import { eachBackward, flagLiveness, registersChanged, registersWritten } from "./liveness.ts";
import type { NodeEmitter, FlagReader } from "./node-emitter.ts";
import { canBeOwed, emitOwe, emitOweNothing, emitSettled } from "./owed-flags.ts";
import type { Region } from "./region.ts";

const FEW_BLOCKS = 12;

export type KindSet = ReadonlySet<number>;

/** What each instruction of a region has to do about flags. */
export interface FlagPlan {
  readonly kinds: FlagKinds;
  /** By block and instruction; undefined where nobody asks for the new flags. */
  readonly sites: readonly (readonly (FlagSite | undefined)[])[];
  /** Kinds that the flags may have when the block begins. */
  readonly atStart: readonly KindSet[];
}

export function planFlags(region: Region, budget: BudgetPlan): FlagPlan {
  const { graph } = region;
  const kinds = new FlagKinds();
  // Operands in registers are kinds of their own. Where many meet, one kind with copies costs less than telling them apart.
  const isSmall = graph.size <= FEW_BLOCKS;
  const neededAtEnd = flagLiveness(region, budget).atEnd;
  const changedAtEnd = registersChanged(region, neededAtEnd).atEnd;
  const sites = region.blocks.map(({ instructions }, index) => {
    const list: (FlagSite | undefined)[] = [];
    const inRegisters = isSmall || graph.successors[index].some((target) => graph.isBackEdge(index, target));
    eachBackward(region, index, neededAtEnd[index], changedAtEnd[index], (at, needed, changed) => {
      const ir = instructions[at].ir!;
      list[at] = ir.flags && kinds.site(ir.flags, needed, inRegisters ? changed | registersWritten(ir) : -1);
    });
    return list;
  });
  return { kinds, sites, atStart: propagateKinds(region, sites) };
}

function propagateKinds(region: Region, sites: FlagPlan["sites"]): KindSet[] {
  const { graph } = region;
  const starts = region.blocks.map(() => new Set<number>());
  starts[0].add(IN_MEMORY);
  for (let changed = true; changed;) {
    changed = false;
    for (const node of graph.reversePostorder) {
      let kinds: KindSet = starts[node];
      for (const site of sites[node]) if (site) kinds = afterSite(kinds, site);
      if (region.blocks[node].terminator.kind === "call") kinds = new Set([IN_MEMORY]);
      for (const target of graph.successors[node]) {
        const start = starts[target];
        const { size } = start;
        for (const kind of kinds) start.add(kind);
        if (start.size !== size) changed = true;
      }
    }
  }
  return starts;
}

const afterSite = (kinds: KindSet, { kind, condition }: FlagSite): KindSet =>
  new Set(condition ? [...kinds, kind.number] : [kind.number]);

/** More kinds than this are told apart by a br_table. */
const FEW = 3;

/** The flags while a region's code is emitted. */
export class FlagState implements FlagReader {
  /** What the flags may be at this point. */
  now: KindSet = new Set([IN_MEMORY]);
  readonly #f: FunctionBuilder;
  readonly #kinds: FlagKinds;
  readonly #state: number;
  readonly #settle: number;
  readonly #kind: number;
  readonly #operands: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #emitter!: NodeEmitter;

  /** `settle` is the index of the function that computes owed flags. */
  constructor(f: FunctionBuilder, kinds: FlagKinds, state: number, settle: number) {
    this.#settle = settle;
    this.#f = f;
    this.#kinds = kinds;
    this.#state = state;
    this.#kind = f.local("i32");
  }
  /** Emitter and flags need each other. */
  connect(emitter: NodeEmitter): void {
    this.#emitter = emitter;
  }

  #operandLocals({ operands }: FlagKind): number[] {
    const used: Partial<Record<ValueType, number>> = {};
    return operands.map((type) => {
      const index = used[type] ?? 0;
      used[type] = index + 1;
      return (this.#operands[type][index] ??= this.#f.local(type));
    });
  }

  /** Pushes the operands of `site`; what is returned pops them into place once all values of the instruction are computed. */
  push({ kind, operands, condition }: FlagSite): () => void {
    const f = this.#f;
    const locals = this.#operandLocals(kind);
    const choose = (local: number): void => {
      if (!condition) return;
      f.get(local);
      this.#emitter.push(condition);
      f.op("i32.eqz").op("i32.eqz").select();
    };
    operands.forEach((operand, index) => {
      this.#emitter.push(operand);
      choose(locals[index]);
    });
    f.i32(kind.number);
    choose(this.#kind);
    return () => {
      f.set(this.#kind);
      for (const local of [...locals].reverse()) f.set(local);
      this.now = afterSite(this.now, { kind, operands, condition });
    };
  }

  /** The flags have been written to memory, or come from there. */
  settle(): void {
    if (this.now.size > 1 || !this.now.has(IN_MEMORY)) this.#f.i32(IN_MEMORY).set(this.#kind);
    this.now = new Set([IN_MEMORY]);
  }

  flag(name: FlagName): void {
    const f = this.#f;
    this.#byKind(this.now, "i32", (kind) => {
      if (kind.number === IN_MEMORY) {
        emitSettled(f, this.#settle);
        f.i32(0).memory("i32.load", this.#state + layout[name]);
      } else this.#pushFlag(kind, name);
    });
  }
  #pushFlag(kind: FlagKind, name: FlagName): void {
    const node = kind.flags[name];
    if (node) this.#emitter.withOperands(this.#operandLocals(kind), () => this.#emitter.push(node));
    else this.#f.i32(0);
  }

  condition(code: number, expanded: Node): void {
    const { now } = this;
    this.#byKind(now, "i32", (kind) => {
      this.now = new Set([kind.number]);
      if (kind.comparison && this.#compare(kind, kind.comparison, code)) return;
      if (now.size === 1) this.#emitter.push(expanded);
      else this.#emitter.withOperands([], () => this.#emitter.push(expanded));
    });
    this.now = now;
  }

  /** Condition `code` as one comparison of the operands; false if it is none. */
  #compare(kind: FlagKind, { kind: operation, x, y, width }: Comparison, code: number): boolean {
    const f = this.#f;
    const negated = (code & 1) === 1;
    const type = x.type;
    const operand = (node: Node, shifted: boolean): void => {
      this.#emitter.withOperands(this.#operandLocals(kind), () => this.#emitter.push(node));
      if (shifted && width < 32) f.i32(32 - width).op("i32.shl");
    };
    const zero = (): void => void (type === "i64" ? f.i64(0n) : f.i32(0));
    if (operation === "add") return false;
    if (operation === "logic") {
      switch (code >> 1) {
        case 0:
        case 1:
          f.i32(negated ? 1 : 0);
          return true;
        case 2:
        case 3:
          operand(x, true);
          f.op(`${type}.eqz`);
          if (negated) f.op("i32.eqz");
          return true;
        case 4:
        case 6:
          operand(x, true);
          zero();
          f.op(`${type}.${negated ? "ge_s" : "lt_s"}`);
          return true;
        case 7:
          operand(x, true);
          zero();
          f.op(`${type}.${negated ? "gt_s" : "le_s"}`);
          return true;
        default:
          return false;
      }
    }
    const comparison = [undefined, ["lt_u", "ge_u"], ["eq", "ne"], ["le_u", "gt_u"], undefined, undefined, ["lt_s", "ge_s"], ["le_s", "gt_s"]][code >> 1]; // prettier-ignore
    if (!comparison) return false;
    const signed = code >> 1 >= 6;
    operand(x, signed);
    operand(y, signed);
    f.op(`${type}.${comparison[negated ? 1 : 0]}`);
    return true;
  }

  /** Writes the flags to the context, or what is owed of them. */
  store(kinds: KindSet = this.now): void {
    const f = this.#f;
    this.#byKind(kinds, undefined, (kind) => {
      if (kind.number === IN_MEMORY) return;
      if (canBeOwed(kind)) {
        this.#emitter.withOperands(this.#operandLocals(kind), () =>
          emitOwe(f, kind, (which) => this.#emitter.push(kind.comparison![which])),
        );
        return;
      }
      emitOweNothing(f);
      this.#emitter.withOperands(this.#operandLocals(kind), () => {
        for (const name of flagNames) {
          const node = kind.flags[name];
          if (!node) continue;
          f.i32(0);
          this.#emitter.push(node);
          f.memory("i32.store", this.#state + layout[name]);
        }
      });
    });
  }
  /** Would `store` be short enough to stand at every place that returns? */
  get cheapToStore(): boolean {
    return this.now.size <= FEW;
  }

  /** Emits a piece of code for each kind and takes the one that the flags are. */
  #byKind(kinds: KindSet, result: "i32" | undefined, emit: (kind: FlagKind) => void): void {
    const f = this.#f;
    const list = [...kinds].sort((left, right) => left - right);
    if (list.length === 0) {
      // Nothing reaches this point.
      if (result) f.i32(0);
      return;
    }
    if (list.length <= FEW) {
      list.forEach((number, index) => {
        if (index + 1 < list.length) {
          f.get(this.#kind).i32(number).op("i32.eq").if(result);
          emit(this.#kinds.get(number));
          f.else();
        } else emit(this.#kinds.get(number));
      });
      for (let index = 1; index < list.length; index++) f.end();
      return;
    }
    const done = f.block(result);
    const labels: Label[] = [];
    list.forEach(() => labels.unshift(f.block()));
    const table: Label[] = [];
    list.forEach((number, index) => (table[number] = labels[index]!));
    for (let number = 0; number < table.length; number++) table[number] ??= labels[0];
    f.get(this.#kind).brTable(table, labels[0]);
    for (const number of list) {
      f.end();
      emit(this.#kinds.get(number));
      f.br(done);
    }
    f.end();
  }
}
