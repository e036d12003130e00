/** unicorn.js's engine object over our CPU: docs/unicorn-js.md. */
import { Context } from "../context.ts";
import { PAGE_SIZE, type AddressSpace, type CpuLevel } from "../cpu.ts";
import { createCpu, TRANSLATE_AFTER, type EngineCpu } from "../engine.ts";
import { layout } from "../context-layout.ts";
import { blockExtent } from "./block.ts";
import { Arch, ContextMode, CpuModel, HookedInstruction, HookType, MEMORY_ACCESSES, MEMORY_FAULTS, Mode, Query, TlbMode } from "./constants.ts"; // prettier-ignore
import { errorCodes, failure, type ErrorName } from "./errors.ts";
import { Execution } from "./execution.ts";
import { HeldRegisters } from "./held-registers.ts";
import { Hook, type HookCallback } from "./hooks.ts";
import { Regions } from "./regions.ts";
import { registerOf } from "./registers.ts";
import { getScalar, scalarSizes, setScalar, toUint64, type Integer, type Scalar, type ScalarType } from "./scalar.ts"; // prettier-ignore

/** unicorn.js throws strings. */
function throwText(text: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error
  throw text;
}

/** What `context_alloc` returns. */
class SavedState {
  context: Context | undefined;
  held: HeldRegisters | undefined;
  freed = false;
}

/** What executes, made when it is first needed: a CPU model can be chosen until then. */
interface Machine {
  readonly cpu: EngineCpu;
  readonly space: AddressSpace;
  readonly regions: Regions;
  readonly execution: Execution;
}

const FPU_CONTROL = 0x37f;
const DR6_INITIAL = 0xffff_0ff0;
const DR7_INITIAL = 0x400;
/** In 64-bit mode. */
const models32 = ["QEMU32", "KVM32", "COREDUO", "486", "PENTIUM", "PENTIUM2", "PENTIUM3", "ATHLON", "N270"];
const level3From = CpuModel["HASWELL"];
const level2From = CpuModel["NEHALEM"];
const level3Models = ["EPYC", "DHYANA", "EPYC_ROME"];
const level2Models = ["DENVERTON", "SNOWRIDGE"];

/** The micro-architecture level that has what a model of CPU_X86_… has, of what this processor can do. */
function levelOf(model: number): CpuLevel {
  const name = Object.keys(CpuModel).find((key) => CpuModel[key] === model) ?? "";
  if (level3Models.includes(name)) return 3;
  if (level2Models.includes(name)) return 2;
  if (name.startsWith("OPTERON") || model < level2From) return 1;
  return model < level3From ? 2 : 3;
}

export class Unicorn {
  readonly arch: number;
  readonly mode: number;
  readonly #context = new Context();
  readonly #held = new HeldRegisters();
  #machine: Machine | undefined;
  #closed = false;
  #errno = errorCodes.ERR_OK;
  #model: number | undefined;
  #bufferSize = 0x200_0000;
  /** Of the last start, in microseconds. */
  #timeout = 0;
  /** Set in place of `until`, while `#usesExits`. */
  #exits: ReadonlySet<number> = new Set();
  #usesExits = false;

  constructor(arch: number, mode: number) {
    this.arch = arch;
    this.mode = mode;
    if (arch !== Arch.X86) this.#check("uc_open", "ERR_ARCH");
    if (mode !== Mode.MODE_64) this.#check("uc_open", "ERR_MODE");
    const context = this.#context;
    context.rflags = 2;
    context.view.setUint16(layout.fcw, FPU_CONTROL, true);
    context.view.setBigUint64(layout.dr + 32, BigInt(DR6_INITIAL), true);
    context.view.setBigUint64(layout.dr + 40, BigInt(DR7_INITIAL), true);
  }

  #check(name: string, error: ErrorName, detail?: string): void {
    this.#errno = errorCodes[error];
    if (error !== "ERR_OK") throwText(failure(name, errorCodes[error]) + (detail ? `\n${detail}` : ""));
  }
  /** What a call on a closed engine would crash on in C. */
  #open(name: string): Machine {
    if (this.#closed) this.#check(name, "ERR_HANDLE");
    this.#machine ??= this.#create();
    return this.#machine;
  }
  #create(): Machine {
    const level = this.#model === undefined ? 3 : levelOf(this.#model);
    const cpu = createCpu({ level, translateAfter: TRANSLATE_AFTER, seed: 1 });
    const space = cpu.createAddressSpace();
    const execution = new Execution(cpu, cpu.core(space), this.#context, this);
    return { cpu, space, regions: new Regions(space), execution };
  }

  // Registers

  /** `size` bytes of a register; zeroes behind those that it has. */
  reg_read(regid: number, size: number): Uint8Array {
    const value = registerOf(regid)?.read(this.#context) ?? this.#held.read(regid);
    if (!value) this.#check("uc_reg_read", "ERR_ARG");
    const result = new Uint8Array(size);
    result.set(value?.subarray(0, size) ?? []);
    return result;
  }
  /** The first bytes of a register are all that it takes; those that `bytes` lacks become 0. */
  reg_write(regid: number, bytes: ArrayLike<number>): void {
    const source = Uint8Array.from(bytes);
    const register = registerOf(regid);
    if (register) {
      const value = new Uint8Array(register.size);
      value.set(source.subarray(0, register.size));
      register.write(this.#context, value);
    } else if (!this.#held.write(this.#context, regid, source)) this.#check("uc_reg_write", "ERR_ARG");
  }
  reg_read_type<T extends ScalarType>(regid: number, type: T): Scalar<T> {
    const offset = this.#scalarOffset(regid, type);
    if (offset !== undefined) return getScalar(type, this.#context.view, offset);
    return getScalar(type, new DataView(this.reg_read(regid, scalarSizes[type]).buffer), 0);
  }
  reg_write_type<T extends ScalarType>(regid: number, type: T, value: Integer): void {
    const offset = this.#scalarOffset(regid, type);
    if (offset !== undefined) return setScalar(type, this.#context.view, offset, value);
    const bytes = new Uint8Array(scalarSizes[type]);
    setScalar(type, new DataView(bytes.buffer), 0, value);
    this.reg_write(regid, bytes);
  }
  /** Where a register that is just such a scalar stands in the context. */
  #scalarOffset(regid: number, type: ScalarType): number | undefined {
    const register = registerOf(regid);
    return register?.size === scalarSizes[type] ? register.offset?.(this.#context) : undefined;
  }
  reg_read_i8 = (regid: number): number => this.reg_read_type(regid, "i8");
  reg_read_i16 = (regid: number): number => this.reg_read_type(regid, "i16");
  reg_read_i32 = (regid: number): number => this.reg_read_type(regid, "i32");
  reg_read_i64 = (regid: number): bigint => this.reg_read_type(regid, "i64");
  reg_read_float = (regid: number): number => this.reg_read_type(regid, "float");
  reg_read_double = (regid: number): number => this.reg_read_type(regid, "double");
  reg_write_i8 = (regid: number, value: number): void => this.reg_write_type(regid, "i8", value);
  reg_write_i16 = (regid: number, value: number): void => this.reg_write_type(regid, "i16", value);
  reg_write_i32 = (regid: number, value: number): void => this.reg_write_type(regid, "i32", value);
  reg_write_i64 = (regid: number, value: Integer): void => this.reg_write_type(regid, "i64", value);
  reg_write_float = (regid: number, value: number): void => this.reg_write_type(regid, "float", value);
  reg_write_double = (regid: number, value: number): void => this.reg_write_type(regid, "double", value);

  // Memory

  mem_map(address: Integer, size: Integer, perms: number): void {
    const { regions, execution } = this.#open("uc_mem_map");
    this.#check("uc_mem_map", regions.map(toUint64(address), toUint64(size), perms));
    execution.interrupt();
  }
  mem_protect(address: Integer, size: Integer, perms: number): void {
    const { regions, execution } = this.#open("uc_mem_protect");
    this.#check("uc_mem_protect", regions.protect(toUint64(address), toUint64(size), perms));
    execution.interrupt();
  }
  mem_unmap(address: Integer, size: Integer): void {
    const { regions, execution } = this.#open("uc_mem_unmap");
    this.#check("uc_mem_unmap", regions.unmap(toUint64(address), toUint64(size)));
    execution.interrupt();
  }
  mem_regions(): { begin: bigint; end: bigint; perms: number }[] {
    const { list } = this.#open("uc_mem_regions").regions;
    return list.map(({ begin, end, perms }) => ({ begin: BigInt(begin), end: BigInt(end) - 1n, perms }));
  }
  mem_write(address: Integer, bytes: ArrayLike<number>): void {
    const { space } = this.#open("uc_mem_write");
    const at = Number(toUint64(address));
    if (!isMapped(space, at, bytes.length)) this.#check("uc_mem_write", "ERR_WRITE_UNMAPPED");
    if (bytes.length) space.poke(at, Uint8Array.from(bytes));
  }
  mem_read(address: Integer, size: Integer): Uint8Array {
    const { space } = this.#open("uc_mem_read");
    const at = Number(toUint64(address));
    const length = Number(toUint64(size));
    if (!isMapped(space, at, length)) this.#check("uc_mem_read", "ERR_READ_UNMAPPED");
    return length ? space.peek(at, length) : new Uint8Array();
  }

  // Hooks

  /** `callback`'s parameters are as docs/unicorn-js.md has them for `type`. */
  hook_add(
    type: number,
    callback: HookCallback,
    user_data: unknown = {},
    begin?: Integer,
    end?: Integer,
    extra?: number,
  ): Hook {
    // prettier-ignore
    const isSingle = [HookType.INSN, HookType.INTR, HookType.CODE, HookType.BLOCK].some((single) => type === single);
    if (type < 0) this.#check("uc_hook_add", "ERR_HOOK");
    if (!isSingle && !(type & (MEMORY_ACCESSES | MEMORY_FAULTS))) throwText("Unicorn.js: Unimplemented hook type");
    const { hooks } = this.#open("uc_hook_add").execution;
    const instruction = extra ?? 0;
    if (type === HookType.INSN && !Object.values(HookedInstruction).some((id) => id === instruction))
      this.#check("uc_hook_add", "ERR_HOOK");
    const everywhere = begin === undefined && end === undefined;
    const kinds = isSingle ? type : type & (MEMORY_ACCESSES | MEMORY_FAULTS);
    const hook = new Hook(kinds, callback, user_data, everywhere ? 1n : toUint64(begin), toUint64(end), instruction);
    hooks.add(hook);
    return hook;
  }
  hook_del(hook: Hook): void {
    this.#open("uc_hook_del").execution.hooks.delete(hook);
  }

  // Emulation

  /** `timeout` in microseconds, `count` in instructions; 0 or absent: no limit. */
  emu_start(begin: Integer, until: Integer, timeout?: Integer, count?: Integer): void {
    const { execution } = this.#open("uc_emu_start");
    this.#timeout = Number(toUint64(timeout));
    const exits = this.#usesExits ? this.#exits : new Set([Number(toUint64(until))]);
    const { error, detail } = execution.start(Number(toUint64(begin)), exits, this.#timeout, Number(count ?? 0));
    this.#check("uc_emu_start", error, detail);
  }
  emu_stop(): void {
    this.#open("uc_emu_stop").execution.stop();
  }

  // Contexts

  context_alloc(): SavedState {
    this.#open("uc_context_alloc");
    return new SavedState();
  }
  context_save(context: SavedState): void {
    this.#open("uc_context_save");
    if (context.freed) this.#check("uc_context_save", "ERR_ARG");
    context.context = this.#context.clone();
    context.held = this.#held.clone();
  }
  context_restore(context: SavedState): void {
    const { execution } = this.#open("uc_context_restore");
    if (!context.context || !context.held) this.#check("uc_context_restore", "ERR_ARG");
    else {
      this.#context.bytes.set(context.context.bytes);
      this.#held.restore(context.held);
      execution.restored();
    }
  }
  context_free(context: SavedState): void {
    context.context = context.held = undefined;
    context.freed = true;
  }

  // Queries

  query_type<T extends ScalarType>(query: number, result_type: T): Scalar<T> {
    const { execution } = this.#open("uc_query");
    const values: Readonly<Record<number, number>> = {
      [Query.MODE]: this.mode,
      [Query.PAGE_SIZE]: PAGE_SIZE,
      [Query.ARCH]: this.arch,
      [Query.TIMEOUT]: Number(execution.timedOut),
    };
    const value = values[query];
    if (value === undefined) this.#check("uc_query", "ERR_ARG");
    const view = new DataView(new ArrayBuffer(8));
    setScalar("i32", view, 0, value);
    return getScalar(result_type, view, 0);
  }
  query_i8 = (query: number): number => this.query_type(query, "i8");
  query_i16 = (query: number): number => this.query_type(query, "i16");
  query_i32 = (query: number): number => this.query_type(query, "i32");
  query_i64 = (query: number): bigint => this.query_type(query, "i64");
  query_float = (query: number): number => this.query_type(query, "float");
  query_double = (query: number): number => this.query_type(query, "double");

  errno(): number {
    return this.#errno;
  }
  close(): void {
    if (this.#closed) this.#check("uc_close", "ERR_HANDLE");
    this.#closed = true;
    this.#machine?.space.dispose();
    this.#machine?.cpu.dispose();
    this.#machine = undefined;
  }

  // uc_ctl

  ctl_get_arch = (): number => this.arch;
  ctl_get_mode = (): number => this.mode;
  ctl_get_page_size(): number {
    this.#open("uc_ctl");
    return PAGE_SIZE;
  }
  /** x86 has one page size, and none to choose. */
  ctl_set_page_size(_size: number): void {
    this.#check("uc_ctl", "ERR_ARG");
  }
  /** In nanoseconds, as Unicorn keeps it. */
  ctl_get_timeout = (): bigint => BigInt(this.#timeout) * 1000n;
  ctl_get_cpu_model(): number {
    this.#open("uc_ctl");
    return this.#model ?? CpuModel["QEMU64"];
  }
  ctl_set_cpu_model(model: number): void {
    const is64Bit = !models32.some((name) => CpuModel[name] === model);
    if (this.#machine || !(model >= 0 && model < CpuModel["ENDING"]) || !is64Bit) this.#check("uc_ctl", "ERR_ARG");
    this.#model = model;
  }
  /** There is no such buffer: the number is kept. */
  ctl_get_tcg_buffer_size = (): number => this.#bufferSize;
  ctl_set_tcg_buffer_size(size: number): void {
    this.#bufferSize = size;
  }
  ctl_exits_enable(): void {
    this.#usesExits = true;
  }
  ctl_exits_disable(): void {
    this.#usesExits = false;
  }
  ctl_set_exits(exits: readonly Integer[]): void {
    if (!this.#usesExits) this.#check("uc_ctl", "ERR_ARG");
    this.#exits = new Set(exits.map((address) => Number(toUint64(address))));
  }
  ctl_get_exits_cnt(): number {
    if (!this.#usesExits) this.#check("uc_ctl", "ERR_ARG");
    return this.#exits.size;
  }
  /** In ascending order. */
  ctl_get_exits(count: number): bigint[] {
    if (!this.#usesExits || count < this.#exits.size) this.#check("uc_ctl", "ERR_ARG");
    return [...this.#exits].sort((left, right) => left - right).map(BigInt);
  }
  ctl_request_cache(address: Integer): { pc: bigint; icount: number; size: number } {
    const { cpu, space } = this.#open("uc_ctl");
    const pc = toUint64(address);
    const { size, instructions } = blockExtent(cpu.core(space), Number(pc), () => false);
    if (!instructions) this.#check("uc_ctl", "ERR_FETCH_UNMAPPED");
    return { pc, icount: instructions, size };
  }
  /** Code that changes is noticed by itself: what was made of it is dropped here and made again when it runs. */
  ctl_remove_cache(address: Integer, end: Integer): void {
    const { cpu, space } = this.#open("uc_ctl");
    const [from, to] = [toUint64(address), toUint64(end)];
    if (from >= to) this.#check("uc_ctl", "ERR_ARG");
    cpu.core(space).forget(Number(from), Number(to));
  }
  ctl_flush_tb(): void {
    const { cpu, space } = this.#open("uc_ctl");
    cpu.core(space).forget(0, Infinity);
  }
  /** Which pages are mapped, and how, is looked up where it matters: there is nothing to flush. */
  ctl_flush_tlb(): void {
    this.#open("uc_ctl");
  }
  ctl_tlb_mode(mode: number): void {
    if (mode !== TlbMode.CPU) this.#check("uc_ctl", "ERR_ARG");
  }
  ctl_context_mode(mode: number): void {
    if (mode & ~ContextMode.CPU) this.#check("uc_ctl", "ERR_ARG");
  }
}

function isMapped(space: AddressSpace, address: number, size: number): boolean {
  for (let page = Math.floor(address / PAGE_SIZE) * PAGE_SIZE; page < address + size; page += PAGE_SIZE)
    if (space.protectionAt(page) === undefined) return false;
  return true;
}
