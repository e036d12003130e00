import { ByteWriter } from "./byte-writer.ts";
import { opcode, type ValueType } from "./opcodes.ts";

export const valueTypeCodes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const satisfies Record<
  ValueType,
  number
>;

/** A branch target: the block, loop or arm that `block`, `loop` or `if` opened. */
export interface Label {
  readonly depth: number;
}

/** The code of one WebAssembly function. Locals are allocated as they are wanted; released ones are used again. */
export class FunctionBuilder {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly code = new ByteWriter();
  readonly #locals: ValueType[] = [];
  readonly #free: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  /** Offsets in `code` of branches that are hardly ever taken. */
  readonly #unlikely: number[] = [];
  #depth = 0;

  constructor(params: readonly ValueType[], results: readonly ValueType[]) {
    this.params = params;
    this.results = results;
  }

  /** A local of `type`; its contents are not defined when it was released before. */
  local(type: ValueType): number {
    const released = this.#free[type].pop();
    if (released !== undefined) return released;
    this.#locals.push(type);
    return this.params.length + this.#locals.length - 1;
  }
  release(local: number): void {
    const type = this.#locals[local - this.params.length];
    if (type) this.#free[type].push(local);
  }
  get localCount(): number {
    return this.params.length + this.#locals.length;
  }

  /** An instruction without immediates. */
  op(name: string): this {
    this.code.bytes(opcode(name).code);
    return this;
  }
  /** A load or store at the address on the stack plus `offset`. Claims no alignment. */
  memory(name: string, offset = 0): this {
    this.code.bytes(opcode(name).code);
    this.code.u8(0);
    this.code.unsigned(offset);
    return this;
  }
  /** `memory.copy`: destination, source, bytes. */
  copyMemory(): this {
    this.code.bytes([0xfc, 10, 0, 0]);
    return this;
  }
  /** `memory.fill`: destination, byte, bytes. */
  fillMemory(): this {
    this.code.bytes([0xfc, 11, 0]);
    return this;
  }
  memoryLane(name: string, lane: number, offset = 0): this {
    this.memory(name, offset);
    this.code.u8(lane);
    return this;
  }
  lane(name: string, lane: number): this {
    this.code.bytes(opcode(name).code);
    this.code.u8(lane);
    return this;
  }
  shuffle(lanes: ArrayLike<number>): this {
    this.code.bytes(opcode("i8x16.shuffle").code);
    this.code.bytes(lanes);
    return this;
  }
  i32(value: number): this {
    this.code.u8(0x41);
    this.code.signed32(value);
    return this;
  }
  i64(value: bigint): this {
    this.code.u8(0x42);
    this.code.signed64(value);
    return this;
  }
  f32(value: number): this {
    this.code.u8(0x43);
    this.code.f32(value);
    return this;
  }
  f64(value: number): this {
    this.code.u8(0x44);
    this.code.f64(value);
    return this;
  }
  v128(bytes: ArrayLike<number>): this {
    this.code.bytes([0xfd, 12]);
    this.code.bytes(bytes);
    return this;
  }

  get(local: number): this {
    this.code.u8(0x20);
    this.code.unsigned(local);
    return this;
  }
  set(local: number): this {
    this.code.u8(0x21);
    this.code.unsigned(local);
    return this;
  }
  tee(local: number): this {
    this.code.u8(0x22);
    this.code.unsigned(local);
    return this;
  }
  globalGet(index: number): this {
    this.code.u8(0x23);
    this.code.unsigned(index);
    return this;
  }
  globalSet(index: number): this {
    this.code.u8(0x24);
    this.code.unsigned(index);
    return this;
  }

  block(result?: ValueType): Label {
    return this.#open(0x02, result);
  }
  loop(result?: ValueType): Label {
    return this.#open(0x03, result);
  }
  if(result?: ValueType): Label {
    return this.#open(0x04, result);
  }
  /** An arm that is hardly ever taken: hosts that know of branch hints keep it out of the way. */
  ifUnlikely(): Label {
    this.#unlikely.push(this.code.length);
    return this.if();
  }
  else(): this {
    this.code.u8(0x05);
    return this;
  }
  end(): this {
    this.#depth--;
    this.code.u8(0x0b);
    return this;
  }
  br(label: Label): this {
    this.code.u8(0x0c);
    this.code.unsigned(this.#depth - label.depth);
    return this;
  }
  brIf(label: Label): this {
    this.code.u8(0x0d);
    this.code.unsigned(this.#depth - label.depth);
    return this;
  }
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.code.u8(0x0e);
    this.code.unsigned(labels.length);
    for (const label of labels) this.code.unsigned(this.#depth - label.depth);
    this.code.unsigned(this.#depth - otherwise.depth);
    return this;
  }
  return(): this {
    this.code.u8(0x0f);
    return this;
  }
  call(functionIndex: number): this {
    this.code.u8(0x10);
    this.code.unsigned(functionIndex);
    return this;
  }
  callIndirect(typeIndex: number, table = 0): this {
    this.code.u8(0x11);
    this.code.unsigned(typeIndex);
    this.code.unsigned(table);
    return this;
  }
  returnCall(functionIndex: number): this {
    this.code.u8(0x12);
    this.code.unsigned(functionIndex);
    return this;
  }
  drop(): this {
    this.code.u8(0x1a);
    return this;
  }
  select(): this {
    this.code.u8(0x1b);
    return this;
  }
  unreachable(): this {
    this.code.u8(0x00);
    return this;
  }

  #open(code: number, result: ValueType | undefined): Label {
    this.code.u8(code);
    this.code.u8(result ? valueTypeCodes[result] : 0x40);
    return { depth: ++this.#depth };
  }

  /** The entry of the code section: locals in runs of one type, instructions, `end`. */
  body(): ByteWriter {
    const body = this.#declarations();
    body.bytes(this.code.view());
    body.u8(0x0b);
    return body;
  }
  /** The entry of the section `metadata.code.branch_hint`, its function aside. Undefined: there are no hints. */
  branchHints(): ByteWriter | undefined {
    if (!this.#unlikely.length) return undefined;
    const hints = new ByteWriter();
    const start = this.#declarations().length;
    hints.unsigned(this.#unlikely.length);
    for (const offset of this.#unlikely) {
      hints.unsigned(start + offset);
      hints.bytes([1, 0]);
    }
    return hints;
  }
  #declarations(): ByteWriter {
    const body = new ByteWriter();
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    body.unsigned(runs.length);
    for (const { type, count } of runs) {
      body.unsigned(count);
      body.u8(valueTypeCodes[type]);
    }
    return body;
  }
}
