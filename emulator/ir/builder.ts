import { layout } from "../context-layout.ts";
import { Flag } from "../context.ts";
import type { ImmediateOperand, MemoryOperand, Operand, RegisterOperand } from "../isa/operand.ts";
import { DEFERRED_REGISTER } from "../isa/operand.ts";
import { opcode, type ValueType } from "../wasm/opcodes.ts";
import { Flags } from "./flags.ts";
import { fold } from "./fold.ts";
import type {
  Control,
  Effect,
  FlagWrite,
  GuardVector,
  InstructionExit,
  InstructionIr,
  Tested,
  Write,
} from "./instruction-ir.ts";
import type { Access, Bulk, FlagName, Immediate, Node, RecordField, StateField, VectorPart } from "./node.ts";

export type Width = 8 | 16 | 32 | 64;

/** What the instruction being lifted is, as far as lifts ask. */
export interface LiftSite {
  /** Address of the instruction; undefined in a handler of the interpreter, which serves many. */
  readonly address: number | undefined;
  readonly next: number | undefined;
  /** 16, 32 or 64. */
  readonly operandSize: number;
  readonly addressSize: 32 | 64;
  /** The encoding has a VEX prefix: writing 128 bits of a vector register clears its upper half. */
  readonly vex: boolean;
  /** PE of MXCSR is taken for set: where it is not, an instruction that might set it is left to its `execute`. */
  readonly inexact: boolean;
}

/**
 * What a lift writes an instruction's meaning with. All that is read is the state before the instruction, whatever was written in the meantime;
 * loads and guards come before the store, and the lift makes at most one store.
 *
 * Values of 8 and 16 bits are i32, zero-extended when read, with undefined upper bits when written.
 */
export class Builder {
  readonly site: LiftSite;
  readonly flags = new Flags(this);
  readonly #effects: Effect[] = [];
  readonly #writes: Write[] = [];
  readonly #addresses = new Map<MemoryOperand, Node>();
  readonly #leaves = new Map<string, Node>();
  #flagWrite: FlagWrite | undefined;
  #control: Control | undefined;

  constructor(site: LiftSite) {
    this.site = site;
  }

  // Nodes

  node(op: string, type: ValueType, args: readonly Node[], imm?: Immediate): Node {
    for (const arg of args) arg.uses++;
    return { op, type, args, imm, uses: 0 };
  }
  #leaf(key: string, op: string, type: ValueType, imm: Immediate): Node {
    let leaf = this.#leaves.get(key);
    if (!leaf) this.#leaves.set(key, (leaf = this.node(op, type, [], imm)));
    return leaf;
  }
  /** A WebAssembly instruction without immediates, by name. Constants are folded. */
  op(name: string, ...args: Node[]): Node {
    const folded = fold(name, args);
    if (folded) return "node" in folded ? folded.node : this.#constant(folded.value, folded.type);
    const { params, result } = opcode(name);
    if (!result) throw new Error(`${name} has no value`);
    if (params.length !== args.length || params.some((type, index) => type !== args[index].type))
      throw new Error(`${name} of ${args.map((arg) => `${arg.op}:${arg.type}`).join(", ")}`);
    return this.node(name, result, args);
  }
  /** An instruction with a lane number: `i32x4.extract_lane`, `i16x8.replace_lane`, … */
  lane(name: string, lane: number, ...args: Node[]): Node {
    return this.node(name, opcode(name).result ?? "v128", args, lane);
  }
  shuffle(x: Node, y: Node, lanes: readonly number[]): Node {
    return this.node("i8x16.shuffle", "v128", [x, y], Uint8Array.from(lanes));
  }
  #constant(value: bigint, type: "i32" | "i64"): Node {
    return type === "i32" ? this.i32(Number(value)) : this.i64(value);
  }
  i32(value: number): Node {
    return this.#leaf(`i32 ${value | 0}`, "const", "i32", value | 0);
  }
  i64(value: bigint): Node {
    value = BigInt.asIntN(64, value);
    return this.#leaf(`i64 ${value}`, "const", "i64", value);
  }
  f32(value: number): Node {
    return this.node("const", "f32", [], value);
  }
  f64(value: number): Node {
    return this.node("const", "f64", [], value);
  }
  v128(bytes: ArrayLike<number>): Node {
    return this.node("const", "v128", [], Uint8Array.from(bytes));
  }
  /** `value` in the type of `like` (i32 or i64). */
  constant(like: Node, value: number | bigint): Node {
    return like.type === "i64" ? this.i64(BigInt(value)) : this.i32(Number(BigInt.asIntN(32, BigInt(value))));
  }

  // Operators named without type take it from their first operand. A number as second operand becomes a constant.

  #binary(name: string, x: Node, y: Node | number | bigint): Node {
    return this.op(`${x.type}.${name}`, x, typeof y === "object" ? y : this.constant(x, y));
  }
  add = (x: Node, y: Node | number | bigint): Node => this.#binary("add", x, y);
  sub = (x: Node, y: Node | number | bigint): Node => this.#binary("sub", x, y);
  mul = (x: Node, y: Node | number | bigint): Node => this.#binary("mul", x, y);
  divU = (x: Node, y: Node | number | bigint): Node => this.#binary("div_u", x, y);
  divS = (x: Node, y: Node | number | bigint): Node => this.#binary("div_s", x, y);
  remU = (x: Node, y: Node | number | bigint): Node => this.#binary("rem_u", x, y);
  remS = (x: Node, y: Node | number | bigint): Node => this.#binary("rem_s", x, y);
  and = (x: Node, y: Node | number | bigint): Node => this.#binary("and", x, y);
  or = (x: Node, y: Node | number | bigint): Node => this.#binary("or", x, y);
  xor = (x: Node, y: Node | number | bigint): Node => this.#binary("xor", x, y);
  shl = (x: Node, y: Node | number | bigint): Node => this.#binary("shl", x, y);
  shrU = (x: Node, y: Node | number | bigint): Node => this.#binary("shr_u", x, y);
  shrS = (x: Node, y: Node | number | bigint): Node => this.#binary("shr_s", x, y);
  rotl = (x: Node, y: Node | number | bigint): Node => this.#binary("rotl", x, y);
  rotr = (x: Node, y: Node | number | bigint): Node => this.#binary("rotr", x, y);
  eq = (x: Node, y: Node | number | bigint): Node => this.#binary("eq", x, y);
  ne = (x: Node, y: Node | number | bigint): Node => this.#binary("ne", x, y);
  ltU = (x: Node, y: Node | number | bigint): Node => this.#binary("lt_u", x, y);
  ltS = (x: Node, y: Node | number | bigint): Node => this.#binary("lt_s", x, y);
  gtU = (x: Node, y: Node | number | bigint): Node => this.#binary("gt_u", x, y);
  gtS = (x: Node, y: Node | number | bigint): Node => this.#binary("gt_s", x, y);
  leU = (x: Node, y: Node | number | bigint): Node => this.#binary("le_u", x, y);
  geU = (x: Node, y: Node | number | bigint): Node => this.#binary("ge_u", x, y);
  eqz = (x: Node): Node => this.op(`${x.type}.eqz`, x);
  clz = (x: Node): Node => this.op(`${x.type}.clz`, x);
  ctz = (x: Node): Node => this.op(`${x.type}.ctz`, x);
  popcnt = (x: Node): Node => this.op(`${x.type}.popcnt`, x);
  not = (x: Node): Node => this.#binary("xor", x, -1);
  neg = (x: Node): Node => this.op(`${x.type}.sub`, this.constant(x, 0), x);
  /** `condition` (i32) ≠ 0 ? x : y; both are computed. */
  select(condition: Node, x: Node, y: Node): Node {
    if (condition.op === "const") return condition.imm === 0 ? y : x;
    return this.node("select", x.type, [x, y, condition]);
  }
  wrap = (x: Node): Node => (x.type === "i32" ? x : this.op("i32.wrap_i64", x));
  /** Zero extension of an i32 (or of nothing) to i64. */
  extendU = (x: Node): Node => (x.type === "i64" ? x : this.op("i64.extend_i32_u", x));
  extendS = (x: Node): Node => (x.type === "i64" ? x : this.op("i64.extend_i32_s", x));
  /** The low `width` bits of `x`, zero-extended in its type. */
  truncate(x: Node, width: number): Node {
    if (x.type === "i64") return width >= 64 ? x : this.and(x, (1n << BigInt(width)) - 1n);
    return width >= 32 ? x : this.and(x, 2 ** width - 1);
  }
  /** The low `width` bits of `x`, sign-extended in its type. */
  signExtend(x: Node, width: number): Node {
    if (width >= (x.type === "i64" ? 64 : 32)) return x;
    return this.op(`${x.type}.extend${width}_s`, x);
  }
  /** `x` as a value of `width` bits, in the type that such values have. */
  resize(x: Node, width: number): Node {
    return width === 64 ? this.extendU(x) : this.truncate(this.wrap(x), width);
  }

  // Operands

  /** The operand's value: i32 up to 32 bits (zero-extended), i64, or v128 for vector registers and 128 bits. `view` asks for the low part in another type. */
  read(operand: Operand, view?: ValueType): Node {
    switch (operand.kind) {
      case "immediate":
        return this.#immediate(operand, view);
      case "register":
        if (operand.file === "gpr") {
          const value = this.gpr(operand.register, operand.width as Width, operand.high);
          return view && view !== value.type ? this.#as(value, view) : value;
        }
        if (operand.file === "xmm") return this.xmm(operand.register, view ?? "v128");
        throw new Error(`registers ${operand.file} have no view as a node`);
      case "memory": {
        const value = this.load(this.address(operand), (operand.width / 8) as Access["bytes"]);
        return view && view !== value.type ? this.#as(value, view) : value;
      }
    }
  }
  #as(value: Node, view: ValueType): Node {
    if (value.type === "i32" && view === "i64") return this.extendU(value);
    if (value.type === "i64" && view === "i32") return this.wrap(value);
    if (value.type === "i32" && view === "f32") return this.op("f32.reinterpret_i32", value);
    if (value.type === "i64" && view === "f64") return this.op("f64.reinterpret_i64", value);
    if (value.type === "i32" && view === "v128")
      return this.lane("i32x4.replace_lane", 0, this.v128(new Uint8Array(16)), value);
    if (value.type === "i64" && view === "v128")
      return this.lane("i64x2.replace_lane", 0, this.v128(new Uint8Array(16)), value);
    if (value.type === "v128" && view !== "v128")
      return this.lane(`${view}x${view.endsWith("32") ? 4 : 2}.extract_lane`, 0, value);
    throw new Error(`no view of ${value.type} as ${view}`);
  }
  #immediate(operand: ImmediateOperand, view: ValueType | undefined): Node {
    const wide = operand.width === 64 || view === "i64";
    if (!operand.deferred) {
      const value = BigInt.asUintN(operand.width, operand.value);
      return wide ? this.i64(value) : this.i32(Number(value));
    }
    if (operand.width === 64) return this.record("immediate", "i64");
    // Records hold immediates sign-extended.
    if (wide) return this.and(this.record("immediate", "i64"), (1n << BigInt(operand.width)) - 1n);
    return this.truncate(this.record("immediate", "i32"), operand.width);
  }
  /** The number that an immediate operand holds, for lifts that need it to know their shape (their instruction says `constantImmediate`). */
  number(operand: Operand): number {
    if (operand.kind !== "immediate" || operand.deferred) throw new Error("the immediate is not known here");
    return Number(operand.value);
  }
  /** The upper 16 bytes of a 256-bit operand. */
  readHigh(operand: Operand): Node {
    if (operand.kind === "register") return this.#vector({ register: operand.register, part: "high" }, "v128");
    if (operand.kind === "memory") {
      const { high } = this.#loadEffect(this.address(operand), 32);
      if (high) return high;
    }
    throw new Error("the operand has no upper half");
  }

  /** Scalar values to a vector register leave its other lanes alone. i32 up to 32 bits, i64, f32, f64 or v128. */
  write(operand: Operand, value: Node): void {
    switch (operand.kind) {
      case "immediate":
        throw new Error("an immediate is written");
      case "register":
        if (operand.file === "gpr") this.writeGpr(operand.register, operand.width as Width, value, operand.high);
        else if (operand.file === "xmm") {
          this.#write({ kind: "xmm", target: { register: operand.register, part: value.type }, value });
          if (this.site.vex && operand.width === 128) this.#writeHigh(operand, this.v128(new Uint8Array(16)));
        } else throw new Error(`registers ${operand.file} are not written as nodes`);
        return;
      case "memory":
        this.store(this.address(operand), (operand.width / 8) as Access["bytes"], value);
    }
  }
  /** Writes a scalar to the low lane of a vector register and clears the rest of its low 16 bytes. */
  writeZeroing(operand: Operand, value: Node): void {
    this.write(operand, value.type === "v128" ? value : this.#as(this.#bits(value), "v128"));
  }
  #bits(value: Node): Node {
    if (value.type === "f32") return this.op("i32.reinterpret_f32", value);
    return value.type === "f64" ? this.op("i64.reinterpret_f64", value) : value;
  }
  /** All 32 bytes of an operand of 256 bits. */
  write256(operand: Operand, low: Node, high: Node): void {
    if (operand.kind === "memory") this.store(this.address(operand), 32, low, high);
    else if (operand.kind === "register") {
      this.write(operand, low);
      this.#writeHigh(operand, high);
    }
  }
  #writeHigh({ register }: RegisterOperand, value: Node): void {
    this.#write({ kind: "xmm", target: { register, part: "high" }, value });
  }
  clearVector(register: number, part: "v128" | "high"): void {
    this.#write({ kind: "xmm", target: { register, part }, value: this.v128(new Uint8Array(16)) });
  }
  #write(write: Write): void {
    write.value.uses++;
    this.#writes.push(write);
  }

  // Registers by number

  gpr(register: number, width: Width, high = false): Node {
    const type = width === 64 ? "i64" : "i32";
    return this.#leaf(`gpr ${register} ${width} ${high}`, "gpr", type, { register, width, high });
  }
  writeGpr(register: number, width: Width, value: Node, high = false): void {
    if ((value.type === "i64") !== (width === 64)) throw new Error(`${value.type} written to ${width} bits`);
    this.#write({ kind: "gpr", target: { register, width, high }, value });
  }
  xmm(register: number, part: ValueType): Node {
    return this.#vector({ register, part }, part);
  }
  #vector(imm: VectorPart, type: ValueType): Node {
    return this.#leaf(`xmm ${imm.register} ${imm.part}`, "xmm", type, imm);
  }
  /** A field of the state that is no register: MXCSR, the other bits of RFLAGS, segment bases, … */
  state(field: StateField): Node {
    return this.#leaf(`state ${field.offset} ${field.bytes}`, "state", field.bytes === 8 ? "i64" : "i32", field);
  }
  writeState(target: StateField, value: Node): void {
    this.#write({ kind: "state", target, value });
  }
  /** RFLAGS but for the six arithmetic flags (i32). */
  rflags(): Node {
    return this.state({ offset: layout.rflags, bytes: 4 });
  }
  /** ±1 by DF, as i64, times `bytes`. */
  direction(bytes: number): Node {
    return this.select(this.and(this.rflags(), Flag.DF), this.i64(-BigInt(bytes)), this.i64(BigInt(bytes)));
  }

  // Constants of the instruction

  record(field: RecordField, type: "i32" | "i64"): Node {
    return this.#leaf(`record ${field} ${type}`, "record", type, field);
  }
  /** Address of the next instruction (i64). */
  next(): Node {
    return this.site.next === undefined ? this.record("next", "i64") : this.i64(BigInt(this.site.next));
  }

  // Memory

  /** Effective address and segment base (i64). */
  address(operand: MemoryOperand): Node {
    let address = this.#addresses.get(operand);
    if (!address) {
      address = this.#inSegment(operand, this.offset(operand));
      this.#addresses.set(operand, address);
    }
    return address;
  }
  /** The same with `index` (i64) for the index: the address of an element of a gather. */
  elementAddress(operand: MemoryOperand, index: Node): Node {
    return this.#inSegment(operand, this.#sum(operand, index));
  }
  /** The same `distance` bytes (i64) further, within 32 bits where the address has no more. */
  addressBehind(operand: MemoryOperand, distance: Node): Node {
    const offset = this.add(this.offset(operand), distance);
    return this.#inSegment(operand, operand.addressWidth === 32 ? this.and(offset, 0xffff_ffffn) : offset);
  }
  #inSegment({ segment, deferred }: MemoryOperand, offset: Node): Node {
    if (!segment) return offset;
    const base = deferred
      ? this.#leaf("segment.record", "segment.record", "i64", undefined)
      : this.state({ offset: segment === "fs" ? layout.fsBase : layout.gsBase, bytes: 8 });
    return this.add(base, offset);
  }
  /** Effective address without segment base: what LEA gives (i64). */
  offset(operand: MemoryOperand): Node {
    return this.#sum(operand, undefined);
  }
  #sum(operand: MemoryOperand, element: Node | undefined): Node {
    const part = (register: number): Node =>
      register >= DEFERRED_REGISTER
        ? this.#leaf(`register.record ${register}`, "register.record", "i64", register - DEFERRED_REGISTER)
        : this.gpr(register, 64);
    let sum: Node | undefined;
    if (operand.base >= 0) sum = part(operand.base);
    const factor = element ?? (operand.index >= 0 ? part(operand.index) : undefined);
    if (factor) {
      const scale = operand.deferred ? this.record("scale", "i64") : this.i64(BigInt(operand.scale));
      const index = this.shl(factor, scale);
      sum = sum ? this.add(sum, index) : index;
    }
    const displacement = operand.deferred ? this.record("displacement", "i64") : this.i64(BigInt(operand.displacement));
    sum = sum ? this.add(sum, displacement) : displacement;
    return operand.addressWidth === 32 ? this.and(sum, 0xffff_ffffn) : sum;
  }
  /** i32 (zero-extended) up to 4 bytes, i64 for 8, v128 for 16; of 32 bytes the lower half. */
  load(address: Node, bytes: Access["bytes"]): Node {
    return this.#loadEffect(address, bytes).node;
  }
  /**
   * A load that leaves the instruction to its `execute` where it is not possible at full speed, be it that it faults: for what need not access all
   * of it, or has a state of its own when it faults half done.
   */
  attempt(address: Node, bytes: Access["bytes"]): Node {
    return this.#loadEffect(address, bytes, true).node;
  }
  /** The 16 or twice 16 bytes of a memory operand by such a load. */
  attemptHalves(operand: MemoryOperand): Node[] {
    const { node, high } = this.#loadEffect(this.address(operand), (operand.width / 8) as Access["bytes"], true);
    return high ? [node, high] : [node];
  }
  #loadEffect(address: Node, bytes: Access["bytes"], attempt = false): Effect & { kind: "load" } {
    const known = this.#effects.find(
      (effect) =>
        effect.kind === "load" && effect.node.args[0] === address && (effect.node.imm as Access).bytes === bytes,
    );
    if (known?.kind === "load") return known;
    const type = bytes >= 16 ? "v128" : bytes === 8 ? "i64" : "i32";
    const access: Access = { bytes, update: false, attempt };
    const node = this.node("load", type, [address], access);
    node.uses++;
    const high = bytes === 32 ? this.node("load.high", "v128", [node]) : undefined;
    const effect = { kind: "load", node, high } as const;
    this.#effects.push(effect);
    return effect;
  }
  /** Stores the low `bytes` of `value`; of 32 the upper half is `high`. */
  store(address: Node, bytes: Access["bytes"], value: Node, high?: Node): void {
    if (this.#effects.some((effect) => effect.kind === "store")) throw new Error("a lift makes one store");
    let checked = false;
    for (const effect of this.#effects)
      if (effect.kind === "load" && effect.node.args[0] === address) {
        const access = effect.node.imm as Access;
        if (access.bytes === bytes) access.update = checked = true;
      }
    address.uses++;
    value = this.#bits(value);
    if (value.type === "v128" && bytes < 16) value = this.#as(value, bytes === 8 ? "i64" : "i32");
    value.uses++;
    if (high) high.uses++;
    this.#effects.push({ kind: "store", address, bytes, value, high, checked });
  }
  /** Raises `vector` when `condition` is not 0. Comes before the store. */
  guard(condition: Node, vector: GuardVector): void {
    if (this.#effects.some((effect) => effect.kind === "store")) throw new Error("a guard comes before the store");
    condition.uses++;
    this.#effects.push({ kind: "guard", condition, vector });
  }
  /** Leaves the instruction to its `execute` when `condition` is not 0, which is computed only where `within` is not 0. Comes before the store. */
  fallback(condition: Node, within?: Node, tested?: Tested): void {
    if (this.#effects.some((effect) => effect.kind === "store")) throw new Error("a fallback comes before the store");
    condition.uses++;
    if (within) within.uses++;
    this.#effects.push({ kind: "fallback", condition, within, tested });
  }
  /** Says that a value holds no denormal numbers, or only where DE is set in MXCSR. */
  isNumber(value: Node, isSingle: boolean): void {
    this.#numbers ??= new Map();
    this.#numbers.set(value, { isSingle });
  }
  #numbers: Map<Node, { readonly isSingle: boolean }> | undefined;
  /** Does `count` (i64) elements at once, or leaves the instruction to its `execute` before anything is done. `source` is an address to copy from, or the value. */
  bulk(bulk: Bulk, destination: Node, source: Node, count: Node): void {
    this.fallback(this.eqz(this.node("bulk", "i32", [destination, source, count], bulk)));
  }
  /** Faults with #GP unless the address of a memory operand is a multiple of its size. */
  aligned(operand: Operand): void {
    if (operand.kind === "memory") this.guard(this.wrap(this.and(this.address(operand), operand.width / 8 - 1)), "GP");
  }

  // Flags

  /** A flag as 0 or 1. */
  flag(name: FlagName): Node {
    const raw = this.rawFlag(name);
    if (name === "pf") return this.eqz(this.and(this.popcnt(this.and(raw, 0xff)), 1));
    if (name === "af") return this.and(this.shrU(raw, 4), 1);
    return this.ne(raw, 0);
  }
  /** A flag in the form of the state: see `Node`. */
  rawFlag(name: FlagName): Node {
    return this.#leaf(`flag ${name}`, "flag", "i32", name);
  }
  /** Condition code 0–15 (the low four bits of Jcc) as 0 or 1. */
  condition(code: number): Node {
    return this.node("condition", "i32", [this.#expandCondition(code)], code);
  }
  #expandCondition(code: number): Node {
    const base = ((): Node => {
      switch (code >> 1) {
        case 0:
          return this.flag("of");
        case 1:
          return this.flag("cf");
        case 2:
          return this.flag("zf");
        case 3:
          return this.or(this.flag("cf"), this.flag("zf"));
        case 4:
          return this.flag("sf");
        case 5:
          return this.flag("pf");
        case 6:
          return this.xor(this.flag("sf"), this.flag("of"));
        default:
          return this.or(this.flag("zf"), this.xor(this.flag("sf"), this.flag("of")));
      }
    })();
    return code & 1 ? this.eqz(base) : base;
  }
  setFlags(flags: FlagWrite): void {
    if (this.#flagWrite) throw new Error("flags are set once");
    for (const node of [flags.cf, flags.pf, flags.af, flags.zf, flags.sf, flags.of]) if (node) node.uses++;
    if (flags.compare) {
      flags.compare.x.uses++;
      flags.compare.y.uses++;
    }
    this.#flagWrite = flags;
  }

  // Control

  #end(control: Control): void {
    if (this.#control) throw new Error("control is transferred twice");
    this.#control = control;
  }
  jump(target: Node, how: "direct" | "indirect" | "call" | "indirectCall" | "return"): void {
    target.uses++;
    this.#end({ kind: "jump", target, how });
  }
  branch(condition: Node, target: Node): void {
    condition.uses++;
    target.uses++;
    this.#end({ kind: "branch", condition, target });
  }
  exit(exit: InstructionExit, argument?: Node): void {
    if (argument) argument.uses++;
    this.#end({ kind: "exit", exit, argument });
  }
  raise(vector: "UD" | "GP" | "DE"): void {
    this.#end({ kind: "raise", vector });
  }

  finish(): InstructionIr {
    return {
      effects: this.#effects,
      writes: this.#writes,
      flags: this.#flagWrite,
      control: this.#control,
      numbers: this.#numbers,
    };
  }
}
