/** A lift → the WebAssembly function that interprets it: operands from the record, registers in the state in memory. */
import { layout } from "../context-layout.ts";
import type { Control, GuardVector, InstructionExit, InstructionIr, Write } from "../ir/instruction-ir.ts";
import { flagNames, type Access, type Bulk, type FlagName, type Node, type RecordField, type RegisterPart, type StateField, type VectorPart } from "../ir/node.ts"; // prettier-ignore
import { DEFERRED_REGISTER } from "../isa/operand.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { pushOffset } from "../memory/window-size.ts";
import type { FunctionBuilder } from "../wasm/function-builder.ts";
import { opcode, type ValueType } from "../wasm/opcodes.ts";
import { record } from "./record.ts";

/** Indices of the functions that handlers call. All take the record first. */
export interface HandlerImports {
  /** (record, address low, address high, bytes | UPDATE): leaves the bytes in `scratch`, or throws. */
  readonly slowLoad: number;
  /** (record, address low, address high, bytes): takes them from `scratch`. */
  readonly slowStore: number;
  /** (record, vector): throws. */
  readonly raise: number;
  /** (record): does the instruction by its `execute`. */
  readonly execute: number;
  /** BulkFunctions. */
  readonly copy: number;
  readonly fill: number;
}
export const UPDATE = 0x100;
export const guardVectors = ["DE", "GP", "UD", "AC", "XM"] as const satisfies readonly GuardVector[];
/** What the cell `exit` holds; 0: nothing. */
export const exitCodes = { syscall: 1, breakpoint: 2, interrupt: 3, reconsider: 4, debug: 5 } as const satisfies Record<InstructionExit, number>; // prettier-ignore

const RECORD = 0;
const { state } = windowLayout;
const loadNames: Record<Access["bytes"], string> = { 1: "i32.load8_u", 2: "i32.load16_u", 4: "i32.load", 8: "i64.load", 16: "v128.load", 32: "v128.load" }; // prettier-ignore

function storeName(type: ValueType, bytes: number): string {
  if (type === "i32") return bytes === 4 ? "i32.store" : `i32.store${bytes * 8}`;
  if (type === "i64") return bytes === 8 ? "i64.store" : `i64.store${bytes * 8}`;
  return `${type}.store`;
}

/** Where a value of the state is: a constant offset, or one that the record holds. */
interface Place {
  readonly slot: number | undefined;
  readonly offset: number;
}

const gprPlace = ({ register, high }: RegisterPart): Place =>
  register >= DEFERRED_REGISTER
    ? { slot: register - DEFERRED_REGISTER, offset: state }
    : { slot: undefined, offset: state + layout.gpr + register * 8 + (high ? 1 : 0) };

function vectorPlace({ register, part }: VectorPart): Place {
  const half = part === "high" ? layout.ymmHigh - layout.xmm : 0;
  return register >= DEFERRED_REGISTER
    ? { slot: register - DEFERRED_REGISTER, offset: state + half }
    : { slot: undefined, offset: state + layout.xmm + register * 16 + half };
}

export class HandlerEmitter {
  readonly #f: FunctionBuilder;
  readonly #imports: HandlerImports;
  readonly #windowSize: number;
  /** Values that are in locals on every path to this point. */
  #locals = new Map<Node, number>();

  constructor(f: FunctionBuilder, imports: HandlerImports, windowSize: number) {
    this.#f = f;
    this.#imports = imports;
    this.#windowSize = windowSize;
  }

  emit(ir: InstructionIr): void {
    const f = this.#f;
    for (const effect of ir.effects)
      switch (effect.kind) {
        case "load":
          this.#load(effect.node, effect.high);
          break;
        case "guard":
          this.#node(effect.condition);
          f.if();
          f.get(RECORD).i32(guardVectors.indexOf(effect.vector)).call(this.#imports.raise);
          f.end();
          break;
        case "fallback":
          this.#fallback(effect.condition, effect.within);
          break;
        case "store":
          // Values that the writes need are from before the store, but registers do not change by it.
          this.#store(effect.address, effect.bytes, effect.value, effect.high);
          break;
      }
    this.#commit(ir);
  }

  #fallback(condition: Node, within: Node | undefined): void {
    const f = this.#f;
    if (within) {
      this.#node(within);
      f.if();
      const outer = new Map(this.#locals);
      this.#fallback(condition, undefined);
      this.#locals = outer;
    } else {
      this.#node(condition);
      f.if();
      f.get(RECORD).call(this.#imports.execute).return();
    }
    f.end();
  }

  /** Computes everything that changes onto the stack, then stores it, later writes last. */
  #commit({ writes, flags, control }: InstructionIr): void {
    const f = this.#f;
    const stores: (() => void)[] = [];
    const pending: { push: () => void; store: () => void }[] = [];
    for (const name of flagNames) {
      const value = flags?.[name];
      if (value) pending.push(this.#change({ slot: undefined, offset: state + layout[name] }, () => this.#node(value), "i32.store")); // prettier-ignore
    }
    for (const write of writes) pending.push(this.#write(write));
    if (control) pending.push(...this.#control(control));
    for (const { push, store } of pending.reverse()) {
      push();
      stores.push(store);
    }
    for (const store of stores.reverse()) store();
    if (control?.kind === "raise") f.get(RECORD).i32(guardVectors.indexOf(control.vector)).call(this.#imports.raise);
  }

  #change(place: Place, value: () => void, store: string): { push: () => void; store: () => void } {
    return {
      push: () => {
        this.#place(place);
        value();
      },
      store: () => this.#f.memory(store, place.offset),
    };
  }
  #write(write: Write): { push: () => void; store: () => void } {
    const { value } = write;
    const push = (): void => this.#node(value);
    switch (write.kind) {
      case "gpr": {
        const { width } = write.target;
        const place = gprPlace(write.target);
        if (width === 32) return this.#change(place, () => (push(), this.#f.op("i64.extend_i32_u")), "i64.store");
        return this.#change(place, push, storeName(value.type, width / 8));
      }
      case "xmm":
        return this.#change(vectorPlace(write.target), push, storeName(value.type, value.type === "i64" ? 8 : 4));
      case "state":
        return this.#change(
          { slot: undefined, offset: state + write.target.offset },
          push,
          storeName(value.type, write.target.bytes),
        );
    }
  }
  #control(control: Control): { push: () => void; store: () => void }[] {
    const f = this.#f;
    const rip = (value: () => void) =>
      this.#change({ slot: undefined, offset: state + layout.rip }, value, "i64.store");
    const cell = (offset: number, value: () => void) => this.#change({ slot: undefined, offset }, value, "i32.store");
    const next = (): void => void f.get(RECORD).memory("i64.load", record.next);
    switch (control.kind) {
      case "jump":
        return [rip(() => this.#node(control.target))];
      case "branch":
        return [
          rip(() => {
            this.#node(control.target);
            next();
            this.#node(control.condition);
            f.select();
          }),
        ];
      case "exit": {
        const { argument } = control;
        return [
          rip(next),
          cell(windowLayout.exit, () => f.i32(exitCodes[control.exit])),
          ...(argument ? [cell(windowLayout.exitArgument, () => this.#node(argument))] : []),
        ];
      }
      case "raise":
        return [];
    }
  }

  /** Pushes the variable part of a place's address. */
  #place({ slot }: Place): void {
    if (slot === undefined) this.#f.i32(0);
    else this.#f.get(RECORD).memory("i32.load16_u", record.slots + slot * 2);
  }

  // Memory

  /** Pushes where in the window the address in `local` lies. */
  #pushOffset(local: number): void {
    pushOffset(this.#f, local, this.#windowSize);
  }
  /** Pushes whether `bytes` at the address in `local` may be accessed at full speed. */
  #tagMatches(local: number, bytes: number, tags: number): void {
    const f = this.#f;
    this.#pushOffset(local);
    f.i32(12).op("i32.shr_u").i32(3).op("i32.shl").memory("i64.load", tags);
    f.get(local);
    if (bytes > 1) f.i64(BigInt(bytes - 1)).op("i64.add");
    f.i64(12n).op("i64.shr_u").op("i64.eq");
  }
  #slow(local: number, bytes: number, call: number): void {
    const f = this.#f;
    f.get(RECORD);
    f.get(local).op("i32.wrap_i64");
    f.get(local).i64(32n).op("i64.shr_u").op("i32.wrap_i64");
    f.i32(bytes).call(call);
  }
  #address(node: Node): number {
    const known = this.#locals.get(node);
    if (known !== undefined) return known;
    this.#node(node);
    const local = this.#locals.get(node);
    if (local !== undefined) {
      this.#f.drop();
      return local;
    }
    const fresh = this.#f.local("i64");
    this.#f.set(fresh);
    return fresh;
  }
  #load(node: Node, high: Node | undefined): void {
    const f = this.#f;
    const { bytes, update, attempt } = node.imm as Access;
    const address = this.#address(node.args[0]);
    const value = f.local(node.type);
    const upper = high && f.local("v128");
    this.#tagMatches(address, bytes, update ? windowLayout.writeTags : windowLayout.readTags);
    const atFullSpeed = (): void => {
      if (upper !== undefined) {
        this.#pushOffset(address);
        f.memory("v128.load", 16).set(upper);
      }
      this.#pushOffset(address);
      f.memory(loadNames[bytes]);
    };
    if (attempt) {
      f.op("i32.eqz").if();
      f.get(RECORD).call(this.#imports.execute).return();
      f.end();
      atFullSpeed();
    } else {
      f.if(node.type);
      atFullSpeed();
      f.else();
      this.#slow(address, bytes | (update ? UPDATE : 0), this.#imports.slowLoad);
      if (upper !== undefined)
        f.i32(0)
          .memory("v128.load", windowLayout.scratch + 16)
          .set(upper);
      f.i32(0).memory(loadNames[bytes], windowLayout.scratch);
      f.end();
    }
    f.set(value);
    if (high && upper !== undefined) this.#locals.set(high, upper);
    this.#locals.set(node, value);
  }
  #store(addressNode: Node, bytes: Access["bytes"], valueNode: Node, high: Node | undefined): void {
    const f = this.#f;
    const address = this.#address(addressNode);
    this.#node(valueNode);
    const value = f.local(valueNode.type);
    f.set(value);
    const upper = high && f.local("v128");
    if (high && upper !== undefined) {
      this.#node(high);
      f.set(upper);
    }
    const store = storeName(valueNode.type, bytes);
    this.#tagMatches(address, bytes, windowLayout.writeTags);
    f.if();
    this.#pushOffset(address);
    f.get(value).memory(store);
    if (upper !== undefined) {
      this.#pushOffset(address);
      f.get(upper).memory("v128.store", 16);
    }
    f.else();
    f.i32(0).get(value).memory(store, windowLayout.scratch);
    if (upper !== undefined)
      f.i32(0)
        .get(upper)
        .memory("v128.store", windowLayout.scratch + 16);
    this.#slow(address, bytes, this.#imports.slowStore);
    f.end();
  }

  // Nodes

  /** Pushes the value of `node`. */
  #node(node: Node): void {
    const f = this.#f;
    const known = this.#locals.get(node);
    if (known !== undefined) {
      f.get(known);
      return;
    }
    this.#compute(node);
    if (node.uses > 1 && node.op !== "const") {
      const local = f.local(node.type);
      f.tee(local);
      this.#locals.set(node, local);
    }
  }
  #compute(node: Node): void {
    const f = this.#f;
    switch (node.op) {
      case "const":
        return this.#constant(node);
      case "gpr": {
        const part = node.imm as RegisterPart;
        const place = gprPlace(part);
        this.#place(place);
        f.memory(loadNames[(part.width / 8) as Access["bytes"]], place.offset);
        return;
      }
      case "xmm": {
        const place = vectorPlace(node.imm as VectorPart);
        this.#place(place);
        f.memory(`${node.type}.load`, place.offset);
        return;
      }
      case "flag":
        f.i32(0).memory("i32.load", state + layout[node.imm as FlagName]);
        return;
      case "state": {
        const { offset, bytes } = node.imm as StateField;
        f.i32(0).memory(loadNames[bytes], state + offset);
        return;
      }
      case "record":
        return this.#record(node.imm as RecordField, node.type);
      case "register.record": {
        const place = { slot: node.imm as number, offset: state };
        this.#place(place);
        f.memory("i64.load", state);
        return;
      }
      case "segment.record":
        f.get(RECORD).memory("i32.load16_u", record.segment).memory("i64.load", state);
        return;
      case "condition":
        return this.#node(node.args[0]);
      case "bulk": {
        const { operation, bytes } = node.imm as Bulk;
        for (const arg of node.args) this.#node(arg);
        f.i32(bytes).call(this.#imports[operation]);
        return;
      }
      case "load":
      case "load.high":
        throw new Error("a load is used before its place among the effects");
      case "select":
        for (const arg of node.args) this.#node(arg);
        if (node.type === "v128") f.code.bytes([0x1c, 1, 0x7b]);
        else f.select();
        return;
      default:
        for (const arg of node.args) this.#node(arg);
        if (node.imm instanceof Uint8Array) f.shuffle(node.imm);
        else if (opcode(node.op).immediate === "lane") f.lane(node.op, node.imm as number);
        else f.op(node.op);
    }
  }
  #record(field: RecordField, type: ValueType): void {
    const f = this.#f.get(RECORD);
    switch (field) {
      case "immediate":
        f.memory(`${type}.load`, record.immediate);
        return;
      case "scale":
        f.memory(type === "i64" ? "i64.load32_u" : "i32.load", record.scale);
        return;
      case "displacement":
      case "next":
        f.memory("i64.load", record[field]);
        return;
      case "address":
        throw new Error("a record does not hold its own address");
    }
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
}
