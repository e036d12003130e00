/** One region as one WebAssembly function; see region-contract.ts for what it promises. */
import type { Effect, InstructionIr, Write } from "../ir/instruction-ir.ts";
import type { Access, Node } from "../ir/node.ts";
import type { BulkOperation } from "../memory/bulk.ts";
import type { FunctionBuilder, Label as WasmLabel } from "../wasm/function-builder.ts";
import { RING_SIZE } from "../interpreter/jump-targets.ts";
import { planBudget, type BudgetPlan } from "./budget.ts";
import type { FlagSite } from "./flag-kind.ts";
import { FlagState, planFlags, type FlagPlan } from "./flag-state.ts";
import { clearedInMemory, dirtyRegisters, fieldsRead, registerUse, vectorBit, type RegisterUse } from "./liveness.ts";
import { superfluousTests } from "./known-numbers.ts";
import { planAccesses, type PlannedCheck } from "./access-groups.ts";
import { isZeroVector } from "../ir/fold.ts";
import { checkAccess, checkSpan, load, loadZeroExtended, store, storeName } from "./memory-access.ts";
import { NodeEmitter, RegisterLocals } from "./node-emitter.ts";
import { GiveUp, type RegionMemory } from "./region-contract.ts";
import type { Block, Region } from "./region.ts";
import { structure, type Edge, type Label, type Statement } from "./structure.ts";
import { hashTargets } from "./target-hash.ts";

/** Functions that a region calls, by their index in the module. */
export interface RegionCalls {
  /** The dispatcher's `enter`. */
  readonly enter: number;
  /** Computes owed flags. */
  readonly settleFlags: number;
  readonly bulk: Readonly<Record<BulkOperation, number>>;
  /** The region for `address` when it is in the same module. */
  direct(address: number): number | undefined;
  /** Where the computed jump at `address` notes what it led to; undefined: nowhere. */
  ring(address: number): number | undefined;
}

const DEPTH = 0;
const reasons = [GiveUp.memory, GiveUp.guard, GiveUp.instruction, GiveUp.budget] as const;

export class RegionEmitter {
  readonly #f: FunctionBuilder;
  readonly #region: Region;
  readonly #memory: RegionMemory;
  readonly #calls: RegionCalls;
  readonly #registers: RegisterLocals;
  readonly #flags: FlagState;
  readonly #emitter: NodeEmitter;
  readonly #superfluous: ReadonlySet<Effect>;
  readonly #budget: BudgetPlan;
  readonly #flagPlan: FlagPlan;
  readonly #uses: readonly RegisterUse[];
  /** Of the whole region. */
  readonly #use: RegisterUse;
  readonly #clearedInMemory: number;
  readonly #dirtyGpr: Int32Array;
  readonly #dirtyVector: Int32Array;
  readonly #rip: number;
  readonly #remaining: number;
  readonly #dispatch: number;
  readonly #scopes = new Map<Label, WasmLabel>();
  readonly #giveUpLabels = new Map<GiveUp, WasmLabel>();
  #leaveLabel!: WasmLabel;
  /** Flags that may be alive where the region is left through the shared exit. */
  readonly #kindsAtLeave = new Set<number>();
  /** Executed and not subtracted from the budget at this point. */
  #pending = 0;
  /** Of the present block. */
  #accesses: ReadonlyMap<Effect, PlannedCheck> = new Map();

  /** `f` has one parameter, the depth, and returns an i64. */
  constructor(f: FunctionBuilder, region: Region, memory: RegionMemory, calls: RegionCalls) {
    this.#f = f;
    this.#region = region;
    this.#memory = memory;
    this.#calls = calls;
    this.#registers = new RegisterLocals(f, memory.state);
    for (const field of fieldsRead(region)) this.#registers.declareField(field);
    this.#superfluous = superfluousTests(region);
    this.#budget = planBudget(region);
    this.#flagPlan = planFlags(region, this.#budget);
    this.#flags = new FlagState(f, this.#flagPlan.kinds, memory.state, calls.settleFlags);
    this.#emitter = new NodeEmitter(f, this.#registers, this.#flags, calls.bulk);
    this.#flags.connect(this.#emitter);
    this.#clearedInMemory = clearedInMemory(region);
    this.#uses = region.blocks.map((block) => registerUse(block, this.#clearedInMemory));
    this.#use = this.#uses.reduce((sum, use) => ({
      gpr: sum.gpr | use.gpr,
      gprWritten: sum.gprWritten | use.gprWritten,
      vector: sum.vector | use.vector,
      vectorWritten: sum.vectorWritten | use.vectorWritten,
    }));
    this.#dirtyGpr = dirtyRegisters(region, this.#uses.map(({ gprWritten }) => gprWritten)).atStart; // prettier-ignore
    this.#dirtyVector = dirtyRegisters(region, this.#uses.map(({ vectorWritten }) => vectorWritten)).atStart; // prettier-ignore
    this.#rip = f.local("i64");
    this.#remaining = f.local("i32");
    this.#dispatch = f.local("i32");
  }

  emit(): void {
    const f = this.#f;
    const { gpr, vector, gprWritten, vectorWritten } = this.#use;
    f.i32(0).memory("i32.load", this.#memory.remaining).tee(this.#remaining);
    f.i32(this.#budget.needed[0]).op("i32.lt_s").ifUnlikely();
    f.i32(0).i32(GiveUp.budget).memory("i32.store", this.#memory.giveUp);
    f.i64(BigInt(this.#region.entry)).return().end();

    this.#leaveLabel = f.block();
    for (const reason of reasons) this.#giveUpLabels.set(reason, f.block());
    this.#registers.load(gpr, vector);
    this.#statements(structure(this.#region.graph.successors).body);
    f.unreachable();
    for (const reason of [...reasons].reverse()) {
      f.end();
      f.i32(0).i32(reason).memory("i32.store", this.#memory.giveUp).br(this.#leaveLabel);
    }
    f.end();
    this.#registers.store(gprWritten, vectorWritten);
    this.#flags.store(this.#kindsAtLeave);
    this.#storeRemaining();
    f.get(this.#rip);
  }

  #statements(statements: readonly Statement[]): void {
    const f = this.#f;
    for (const statement of statements) {
      switch (statement.kind) {
        case "scope":
          this.#scopes.set(statement.label, statement.label.kind === "loop" ? f.loop() : f.block());
          this.#statements(statement.body);
          f.end();
          break;
        case "dispatch": {
          const labels = statement.labels.map((label) => this.#scopes.get(label)!);
          f.get(this.#dispatch).brTable(labels, labels[0]);
          break;
        }
        case "code":
          this.#block(statement.node, statement.edges);
          break;
      }
    }
  }

  #block(index: number, edges: readonly Edge[]): void {
    const block = this.#region.blocks[index];
    const sites = this.#flagPlan.sites[index];
    this.#flags.now = this.#flagPlan.atStart[index]!;
    this.#pending = this.#budget.pending[index]!;
    this.#emitter.beginInstruction();
    const needed = this.#budget.needed[index];
    if (needed && (index !== 0 || this.#region.graph.predecessors[0].length)) {
      this.#f.get(this.#remaining).i32(needed).op("i32.lt_s").ifUnlikely();
      this.#giveUp(GiveUp.budget, block.address);
      this.#f.end();
    }
    this.#accesses = planAccesses(block.instructions);
    block.instructions.forEach(({ address, ir }, at) => {
      this.#emitter.beginInstruction();
      this.#instruction(ir!, sites[at], address);
      this.#pending++;
    });
    this.#terminator(block, index, edges);
  }

  #instruction(ir: InstructionIr, site: FlagSite | undefined, address: number): void {
    const f = this.#f;
    const emitter = this.#emitter;
    for (const effect of ir.effects) {
      switch (effect.kind) {
        case "guard":
          this.#giveUpIf(effect.condition, GiveUp.guard, address);
          break;
        case "fallback": {
          const { condition, within } = effect;
          if (this.#superfluous.has(effect)) break;
          if (!within) {
            this.#giveUpIf(condition, GiveUp.instruction, address);
            break;
          }
          emitter.push(within);
          f.ifUnlikely();
          emitter.inArm(() => this.#giveUpIf(condition, GiveUp.instruction, address));
          f.end();
          break;
        }
        case "load": {
          const { bytes, update } = effect.node.imm as Access;
          const local = emitter.local(effect.node.args[0]);
          this.#check(effect, local, bytes, update ? "write" : "read", address);
          const zeroed = zeroExtended(effect.node, ir);
          if (zeroed) {
            const vector = emitter.temporary("v128");
            loadZeroExtended(f, this.#memory, local, bytes);
            f.set(vector);
            emitter.define(zeroed, vector);
            break;
          }
          // Not more than the check if only flags that nobody asks for use the value; V8 drops what is not used.
          const value = emitter.temporary(effect.node.type);
          load(f, this.#memory, local, bytes);
          f.set(value);
          emitter.define(effect.node, value);
          if (effect.high) {
            const high = emitter.temporary("v128");
            load(f, this.#memory, local, 16, 16);
            f.set(high);
            emitter.define(effect.high, high);
          }
          break;
        }
        case "store": {
          const local = emitter.local(effect.address);
          if (!effect.checked) this.#check(effect, local, effect.bytes, "write", address);
          // Values that later writes share are kept in locals by the emitter.
          store(f, this.#memory, local, effect.bytes, effect.value.type, () => emitter.push(effect.value));
          const { high } = effect;
          if (high) store(f, this.#memory, local, 16, "v128", () => emitter.push(high), 16);
          break;
        }
      }
    }
    const { control } = ir;
    if (control?.kind === "jump" && control.target.op !== "const") emitter.local(control.target);
    if (control?.kind === "branch" && (ir.writes.length || site)) emitter.local(control.condition);
    this.#write(ir.writes, site);
  }

  /** Leaves the region at `address` unless the access may be done at full speed, or was checked with others. */
  #check(effect: Effect, local: number, bytes: number, access: "read" | "write", address: number): void {
    const giveUp = (): void => {
      this.#giveUp(GiveUp.memory, address);
    };
    const planned = this.#accesses.get(effect);
    if (!planned) checkAccess(this.#f, this.#memory, local, bytes, access, giveUp);
    else if (planned.read || planned.write)
      checkSpan(this.#f, this.#memory, local, this.#emitter.temporary("i64"), planned, giveUp);
  }

  /** All values are computed before the first register changes: they wait on the stack. */
  #write(writes: readonly Write[], site: FlagSite | undefined): void {
    const f = this.#f;
    const emitter = this.#emitter;
    const place = (write: Write): string => {
      if (write.kind === "gpr") return `gpr ${write.target.register}`;
      if (write.kind === "xmm") return `xmm ${write.target.register} ${write.target.part === "high"}`;
      return "state";
    };
    // Registers that are written twice, and memory, take their values from locals afterwards, in order.
    const inOrder = writes.filter(
      (write) => write.kind === "state" || writes.some((other) => other !== write && place(other) === place(write)),
    );
    for (const { value } of inOrder) emitter.local(value);
    const pops: (() => void)[] = [];
    for (const write of writes) if (!inOrder.includes(write)) pops.push(this.#pushWrite(write));
    if (site) pops.push(this.#flags.push(site));
    for (const pop of pops.reverse()) pop();
    for (const write of inOrder) {
      if (write.kind === "state") {
        const { offset, bytes } = write.target;
        const local = this.#registers.field(write.target);
        f.i32(0);
        emitter.push(write.value);
        if (local !== undefined) f.tee(local);
        f.memory(storeName(write.value.type, bytes), this.#memory.state + offset);
      } else this.#pushWrite(write)();
    }
  }

  #pushWrite(write: Write): () => void {
    const f = this.#f;
    const emitter = this.#emitter;
    if (write.kind === "state") throw new Error("state is not written from the stack");
    if (write.kind === "gpr") {
      emitter.push(write.value);
      emitter.mergeGpr(write.target);
      const local = this.#registers.gpr(write.target.register);
      return () => f.set(local);
    }
    const { register, part } = write.target;
    if (this.#clearedInMemory & vectorBit(write.target))
      return () => this.#registers.clearVector(vectorBit(write.target));
    const local = this.#registers.vector(register, part === "high");
    emitter.pushVectorWrite(write.target, write.value);
    return () => f.set(local);
  }

  #terminator(block: Block, index: number, edges: readonly Edge[]): void {
    const f = this.#f;
    const { terminator } = block;
    let next = 0;
    const edgeTo = (address: number): Edge | undefined =>
      this.#region.blockAt(address) === undefined ? undefined : edges[next++];
    switch (terminator.kind) {
      case "giveUp":
        this.#giveUp(GiveUp.instruction, terminator.address);
        break;
      case "fall":
      case "jump":
        this.#follow(terminator.target, edgeTo(terminator.target));
        break;
      case "branch": {
        const control = block.instructions.at(-1)!.ir!.control!;
        if (control.kind !== "branch") throw new Error("a branch without a condition");
        const taken = edgeTo(terminator.taken);
        const notTaken = edgeTo(terminator.next);
        const { now } = this.#flags;
        const pending = this.#pending;
        this.#emitter.push(control.condition);
        f.if();
        this.#follow(terminator.taken, taken);
        f.end();
        this.#flags.now = now;
        this.#pending = pending;
        this.#follow(terminator.next, notTaken);
        break;
      }
      case "call":
        this.#writeBack(index);
        this.#call(block, terminator.target, terminator.next);
        this.#pending = 0;
        this.#follow(terminator.next, edgeTo(terminator.next));
        break;
      case "indirect": {
        const known = terminator.targets.flatMap((target) => {
          const edge = edgeTo(target);
          return edge ? { target, edge } : [];
        });
        if (known.length) {
          this.#jumpToOne(block, known);
          break;
        }
        this.#writeBack(index);
        this.#pushTarget(block);
        f.return();
        break;
      }
    }
  }

  /** A computed jump that is expected to lead to one of `known`. */
  #jumpToOne(block: Block, known: readonly { readonly target: number; readonly edge: Edge }[]): void {
    const f = this.#f;
    const { now } = this.#flags;
    const pending = this.#pending;
    this.#pushTarget(block);
    f.set(this.#rip);
    const miss = f.block();
    const arms = known.map(() => f.block());
    if (known.length > 1) {
      const { multiplier, shift, slots } = hashTargets(known.map(({ target }) => target));
      f.get(this.#rip).op("i32.wrap_i64").i32(multiplier).op("i32.mul").i32(shift).op("i32.shr_u");
      const labels = Array.from(slots, (index) => (index < 0 ? miss : arms[index]));
      f.brTable(labels, miss);
    }
    for (const { target, edge } of [...known].reverse()) {
      f.end();
      this.#flags.now = now;
      this.#pending = pending;
      f.get(this.#rip).i64(BigInt(target)).op("i64.ne").brIf(miss);
      this.#follow(target, edge);
    }
    f.end();
    const ring = this.#calls.ring(block.instructions.at(-1)!.address);
    if (ring !== undefined) {
      f.get(this.#rip)
        .op("i32.wrap_i64")
        .i32(3)
        .op("i32.shl")
        .i32(RING_SIZE - 8)
        .op("i32.and");
      f.get(this.#rip).memory("i64.store", ring);
    }
    this.#flags.now = now;
    this.#pending = pending;
    this.#leave(this.#leaveLabel);
  }

  /** Goes on at `address`, in the region along `edge` or outside of it. */
  #follow(address: number, edge: Edge | undefined): void {
    const f = this.#f;
    if (!edge) {
      this.#leave(this.#leaveLabel, address);
      return;
    }
    this.#countDown(this.#pending - this.#budget.pending[edge.to]);
    switch (edge.kind) {
      case "branch":
        f.br(this.#scopes.get(edge.label)!);
        break;
      case "dispatch":
        f.i32(edge.index).set(this.#dispatch).br(this.#scopes.get(edge.label)!);
        break;
      case "inline":
        this.#statements(edge.body);
        break;
    }
  }

  /** Leaves with RIP = `address`, or what the local has, all of the state as it is at this point. */
  #leave(label: WasmLabel, address?: number): void {
    for (const kind of this.#flags.now) this.#kindsAtLeave.add(kind);
    if (address !== undefined) this.#f.i64(BigInt(address)).set(this.#rip);
    this.#countDown(this.#pending);
    this.#f.br(label);
  }
  #giveUp(reason: GiveUp, address: number): void {
    this.#leave(this.#giveUpLabels.get(reason)!, address);
  }
  #giveUpIf(condition: Node, reason: GiveUp, address: number): void {
    for (const one of alternatives(condition)) {
      this.#emitter.push(one);
      this.#f.ifUnlikely();
      this.#giveUp(reason, address);
      this.#f.end();
    }
  }
  #countDown(instructions: number): void {
    if (instructions) this.#f.get(this.#remaining).i32(instructions).op("i32.sub").set(this.#remaining);
  }
  #storeRemaining(): void {
    this.#f.i32(0).get(this.#remaining).memory("i32.store", this.#memory.remaining);
  }

  /** At the end of a block: everything to memory. */
  #writeBack(index: number): void {
    const use = this.#uses[index];
    this.#countDown(this.#pending);
    this.#storeRemaining();
    this.#registers.store(this.#dirtyGpr[index] | use.gprWritten, this.#dirtyVector[index] | use.vectorWritten);
    this.#flags.store();
    this.#flags.settle();
  }

  #pushTarget(block: Block): void {
    const { control } = block.instructions.at(-1)!.ir!;
    if (control?.kind !== "jump") throw new Error("a jump without a target");
    this.#emitter.push(control.target);
  }

  #call(block: Block, target: number | undefined, next: number): void {
    const f = this.#f;
    const pushTarget = (): void => {
      if (target === undefined) this.#pushTarget(block);
      else f.i64(BigInt(target));
    };
    f.get(DEPTH).op("i32.eqz").ifUnlikely();
    pushTarget();
    f.return().end();
    const direct = target === undefined ? undefined : this.#calls.direct(target);
    const enter = (): void => {
      f.i64(BigInt(next)).get(DEPTH).i32(1).op("i32.sub").call(this.#calls.enter).set(this.#rip);
    };
    const leaveUnlessReturned = (): void => {
      f.get(this.#rip).i64(BigInt(next)).op("i64.ne").ifUnlikely();
      f.get(this.#rip).return().end();
    };
    if (direct === undefined) {
      pushTarget();
      enter();
      leaveUnlessReturned();
    } else {
      f.get(DEPTH).i32(1).op("i32.sub").call(direct).tee(this.#rip).i64(BigInt(next)).op("i64.ne").ifUnlikely();
      f.get(this.#rip);
      enter();
      leaveUnlessReturned();
      f.end();
    }
    this.#registers.load(this.#use.gpr, this.#use.vector);
    f.i32(0).memory("i32.load", this.#memory.remaining).set(this.#remaining);
  }
}

/** The vector that the instruction makes of nothing but `load`, zeroes elsewhere. */
function zeroExtended(load: Node, { writes }: InstructionIr): Node | undefined {
  if (load.uses !== 1) return undefined;
  return writes.find(
    ({ value: { op, imm, args } }) =>
      (op === "i64x2.replace_lane" || op === "i32x4.replace_lane") &&
      imm === 0 &&
      args[1] === load &&
      isZeroVector(args[0]),
  )?.value;
}

/** Conditions one of which must hold for `condition` to hold: a branch each is cheaper than a value for all. */
function alternatives(condition: Node): Node[] {
  return condition.op === "i32.or" ? condition.args.flatMap(alternatives) : [condition];
}
