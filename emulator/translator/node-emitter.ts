/** Emits an instruction's expressions with guest registers and flags in locals. */
import { layout } from "../context-layout.ts";
import type { Bulk, FlagName, Node, RegisterPart, StateField, VectorPart } from "../ir/node.ts";
import type { BulkOperation } from "../memory/bulk.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import { opcode, type ValueType } from "../wasm/opcodes.ts";

const fieldLoads: Record<StateField["bytes"], string> = { 1: "i32.load8_u", 2: "i32.load16_u", 4: "i32.load", 8: "i64.load" }; // prettier-ignore

/** Locals that hold the guest's registers in a region. */
export class RegisterLocals {
  readonly #f: FunctionBuilder;
  readonly #state: number;
  readonly #gpr = new Map<number, number>();
  /** By register, upper halves from 16 on. */
  readonly #vector = new Map<number, number>();
  /** Fields of the state that the region reads, by offset. Memory has the same. */
  readonly #fields = new Map<number, { readonly field: StateField; readonly local: number }>();

  constructor(f: FunctionBuilder, state: number) {
    this.#f = f;
    this.#state = state;
  }
  gpr(register: number): number {
    let local = this.#gpr.get(register);
    if (local === undefined) this.#gpr.set(register, (local = this.#f.local("i64")));
    return local;
  }
  vector(register: number, high: boolean): number {
    const key = register + (high ? 16 : 0);
    let local = this.#vector.get(key);
    if (local === undefined) this.#vector.set(key, (local = this.#f.local("v128")));
    return local;
  }
  /** To be called for all fields before any code is emitted. */
  declareField(field: StateField): void {
    const known = this.#fields.get(field.offset);
    if (!known) this.#fields.set(field.offset, { field, local: this.#f.local(field.bytes === 8 ? "i64" : "i32") });
    else if (known.field.bytes !== field.bytes) throw new Error("a field of the state has two sizes");
  }
  /** Undefined where no instruction of the region reads it. */
  field(field: StateField): number | undefined {
    return this.#fields.get(field.offset)?.local;
  }
  /** Loads from the context the fields and the registers of the masks (see RegisterUse). */
  load(gprMask: number, vectorMask: number): void {
    for (const { field, local } of this.#fields.values())
      this.#f
        .i32(0)
        .memory(fieldLoads[field.bytes], this.#state + field.offset)
        .set(local);
    this.#each(gprMask, (register) =>
      this.#f.i32(0).memory("i64.load", this.#gprOffset(register)).set(this.gpr(register)),
    );
    this.#each(vectorMask, (key) =>
      this.#f
        .i32(0)
        .memory("v128.load", this.#vectorOffset(key))
        .set(this.vector(key & 15, key >= 16)),
    );
  }
  store(gprMask: number, vectorMask: number): void {
    this.#each(gprMask, (register) =>
      this.#f.i32(0).get(this.gpr(register)).memory("i64.store", this.#gprOffset(register)),
    );
    this.#each(vectorMask, (key) =>
      this.#f
        .i32(0)
        .get(this.vector(key & 15, key >= 16))
        .memory("v128.store", this.#vectorOffset(key)),
    );
  }
  /** In the context, of the mask. */
  clearVector(vectorMask: number): void {
    this.#each(vectorMask, (key) =>
      this.#f.i32(0).v128(new Uint8Array(16)).memory("v128.store", this.#vectorOffset(key)),
    );
  }
  #each(mask: number, visit: (number: number) => void): void {
    for (let number = 0; number < 32; number++) if (mask & (1 << number)) visit(number);
  }
  #gprOffset(register: number): number {
    return this.#state + layout.gpr + register * 8;
  }
  #vectorOffset(key: number): number {
    return this.#state + (key < 16 ? layout.xmm + key * 16 : layout.ymmHigh + (key - 16) * 16);
  }
}

/** Who knows what flags and flag operands are at the moment. */
export interface FlagReader {
  /** Pushes the raw flag (i32). */
  flag(name: FlagName): void;
  /** Pushes condition `code` as 0 or 1; `expanded` is it as an expression over flags. */
  condition(code: number, expanded: Node): void;
}

export class NodeEmitter {
  readonly #f: FunctionBuilder;
  readonly #registers: RegisterLocals;
  readonly #flags: FlagReader;
  /** Indices of the functions. */
  readonly #bulk: Readonly<Record<BulkOperation, number>>;
  #operands: readonly number[] = [];
  /** Values of the present instruction that are in locals. */
  #values = new Map<Node, number>();
  #temporaries: { readonly local: number; readonly type: ValueType }[] = [];
  /**
   * Not the function's own free list: a local that lives through the region (a register, a flag operand) may be allocated after a temporary
   * was released, and code that stands before it may run after it.
   */
  readonly #free: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };

  constructor(
    f: FunctionBuilder,
    registers: RegisterLocals,
    flags: FlagReader,
    bulk: Readonly<Record<BulkOperation, number>>,
  ) {
    this.#bulk = bulk;
    this.#f = f;
    this.#registers = registers;
    this.#flags = flags;
  }

  /** Forgets the values of the instruction before. */
  beginInstruction(): void {
    for (const { local, type } of this.#temporaries) this.#free[type].push(local);
    this.#temporaries = [];
    this.#values = new Map();
  }
  temporary(type: ValueType): number {
    const local = this.#free[type].pop() ?? this.#f.local(type);
    this.#temporaries.push({ local, type });
    return local;
  }
  /** Says that the local holds the value of `node`. */
  define(node: Node, local: number): void {
    this.#values.set(node, local);
  }
  /** The local that holds the value of `node`, computed now unless it was before. */
  local(node: Node): number {
    let local = this.#values.get(node);
    if (local === undefined) {
      this.#compute(node);
      local = this.temporary(node.type);
      this.#f.set(local);
      this.#values.set(node, local);
    }
    return local;
  }
  /** Evaluates in an arm that not every path takes: what is computed there is known nowhere else. */
  inArm(emit: () => void): void {
    const outer = this.#values;
    this.#values = new Map(outer);
    emit();
    this.#values = outer;
  }
  /** Evaluates expressions over `operand` leaves, which are in `locals`. Values kept meanwhile are valid nowhere else. */
  withOperands(locals: readonly number[], emit: () => void): void {
    const outer = { operands: this.#operands, values: this.#values };
    this.#operands = locals;
    this.#values = new Map();
    emit();
    this.#operands = outer.operands;
    this.#values = outer.values;
  }

  /** Pushes the value of `node`. Must not be called in an arm that not every path takes, except for `operand` expressions. */
  push(node: Node): void {
    const known = this.#values.get(node);
    if (known !== undefined) {
      this.#f.get(known);
      return;
    }
    this.#compute(node);
    if (node.uses > 1 && node.args.length > 0) {
      const local = this.temporary(node.type);
      this.#f.tee(local);
      this.#values.set(node, local);
    }
  }

  #compute(node: Node): void {
    const f = this.#f;
    switch (node.op) {
      case "const":
        this.#constant(node);
        return;
      case "gpr":
        this.#gpr(node.imm as RegisterPart);
        return;
      case "xmm":
        this.#vector(node.imm as VectorPart);
        return;
      case "state": {
        const local = this.#registers.field(node.imm as StateField);
        if (local === undefined) throw new Error("a field of the state was not declared");
        f.get(local);
        return;
      }
      case "flag":
        this.#flags.flag(node.imm as FlagName);
        return;
      case "condition":
        this.#flags.condition(node.imm as number, node.args[0]);
        return;
      case "operand":
        f.get(this.#operands[node.imm as number]);
        return;
      case "bulk": {
        const { operation, bytes } = node.imm as Bulk;
        for (const arg of node.args) this.push(arg);
        f.i32(bytes).call(this.#bulk[operation]);
        return;
      }
      case "load":
      case "load.high":
        throw new Error("a load is asked for before it happens");
    }
    for (const arg of node.args) this.push(arg);
    if (node.op === "select") {
      if (node.type === "v128") f.code.bytes([0x1c, 1, 0x7b]);
      else f.select();
      return;
    }
    switch (opcode(node.op).immediate) {
      case "lane":
        f.lane(node.op, node.imm as number);
        return;
      case "shuffle":
        f.shuffle(node.imm as Uint8Array);
        return;
      default:
        f.op(node.op);
    }
  }

  /** Pushes the new value of a whole vector register whose `part` becomes `value`. */
  pushVectorWrite({ register, part }: VectorPart, value: Node): void {
    const f = this.#f;
    if (part === "v128" || part === "high") {
      this.push(value);
      return;
    }
    f.get(this.#registers.vector(register, false));
    this.push(value);
    f.lane(replaceLane(part), 0);
  }

  #constant({ type, imm }: Node): void {
    const f = this.#f;
    switch (type) {
      case "i32":
        f.i32(imm as number);
        return;
      case "i64":
        f.i64(imm as bigint);
        return;
      case "f32":
        f.f32(imm as number);
        return;
      case "f64":
        f.f64(imm as number);
        return;
      case "v128":
        f.v128(imm as Uint8Array);
    }
  }

  #gpr({ register, width, high }: RegisterPart): void {
    const f = this.#f.get(this.#registers.gpr(register));
    if (width === 64) return;
    f.op("i32.wrap_i64");
    if (high) f.i32(8).op("i32.shr_u");
    if (width < 32) f.i32(width === 8 ? 0xff : 0xffff).op("i32.and");
  }

  #vector({ register, part }: VectorPart): void {
    const f = this.#f.get(this.#registers.vector(register, part === "high"));
    if (part !== "v128" && part !== "high") f.lane(`${part}x${part.endsWith("32") ? 4 : 2}.extract_lane`, 0);
  }

  /** With the value to write on the stack, pushes the new value of the whole register. */
  mergeGpr({ register, width, high }: RegisterPart): void {
    const f = this.#f;
    if (width === 64) return;
    if (width === 32) {
      f.op("i64.extend_i32_u");
      return;
    }
    f.i32(width === 8 ? 0xff : 0xffff)
      .op("i32.and")
      .op("i64.extend_i32_u");
    if (high) f.i64(8n).op("i64.shl");
    const kept = width === 16 ? ~0xffffn : high ? ~0xff00n : ~0xffn;
    f.get(this.#registers.gpr(register)).i64(kept).op("i64.and").op("i64.or");
  }
}

const replaceLane = (type: ValueType): string => `${type}x${type.endsWith("32") ? 4 : 2}.replace_lane`;
