/** `Machine` over the running context and its address space. */
import { addressNumber } from "../address.ts";
import type { CpuLevel, ExceptionVector, Segmentation } from "../cpu.ts";
import type { Context, Register } from "../context.ts";
import type { Instruction } from "../isa/instruction.ts";
import { CpuException, Unimplemented, type Machine } from "../isa/machine.ts";
import type { MemoryOperand, Operand } from "../isa/operand.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import type { Watch } from "./watch.ts";

/** What the engine adds: time, chance and identity. */
export interface MachineEnvironment {
  readonly level: CpuLevel;
  timeStamp(): bigint;
  random(): bigint;
  cpuid(leaf: number, subleaf: number): readonly [number, number, number, number];
  readonly segmentation: Segmentation;
}

export class ExecutionMachine implements Machine {
  readonly #watch: Watch;
  readonly #environment: MachineEnvironment;
  readonly interrupted: () => boolean;
  readonly reconsider: () => void;
  readonly delayTraps: () => void;
  #context: Context | undefined;
  #instruction: Instruction | undefined;

  constructor(
    watch: Watch,
    environment: MachineEnvironment,
    engine: Pick<Machine, "interrupted" | "reconsider" | "delayTraps">,
  ) {
    this.#watch = watch;
    this.#environment = environment;
    this.interrupted = () => engine.interrupted();
    this.reconsider = () => engine.reconsider();
    this.delayTraps = () => engine.delayTraps();
  }

  get space(): GuestMemory {
    return this.#watch.memory;
  }
  get observed(): boolean {
    return this.#watch.observed;
  }

  set context(context: Context) {
    this.#context = context;
  }
  get context(): Context {
    if (!this.#context) throw new Error("no context runs");
    return this.#context;
  }
  get instruction(): Instruction {
    if (!this.#instruction) throw new Error("no instruction is executed");
    return this.#instruction;
  }
  get segmentation(): Segmentation {
    return this.#environment.segmentation;
  }
  get level(): CpuLevel {
    return this.#environment.level;
  }

  execute(instruction: Instruction): void {
    const { execute } = instruction.form.specification.definition;
    if (!execute) throw new Error(`${instruction.form.specification.mnemonic} has no execute`);
    this.#instruction = instruction;
    this.context.rip = instruction.address + instruction.length;
    execute(this, ...instruction.operands);
  }

  address(operand: MemoryOperand, element?: bigint): number {
    return addressNumber(this.#address(operand, element));
  }
  addressOfPart(operand: MemoryOperand, offset: number): number {
    return addressNumber(BigInt.asUintN(64, this.#address(operand) + BigInt(offset)));
  }
  isAligned(operand: MemoryOperand, bytes: number): boolean {
    return this.#address(operand) % BigInt(bytes) === 0n;
  }
  #address({ base, index, scale, displacement, segment, addressWidth }: MemoryOperand, element?: bigint): bigint {
    const { context } = this;
    let sum = BigInt(displacement);
    if (base >= 0) sum += context.get(base as Register);
    if (index >= 0) sum += context.get(index as Register) << BigInt(scale);
    if (element !== undefined) sum += element << BigInt(scale);
    sum = BigInt.asUintN(addressWidth, sum);
    if (segment === "fs") sum = BigInt.asUintN(64, sum + BigInt(context.fsBase));
    else if (segment === "gs") sum = BigInt.asUintN(64, sum + BigInt(context.gsBase));
    return sum;
  }
  read(operand: Operand): bigint {
    switch (operand.kind) {
      case "immediate":
        return BigInt.asUintN(operand.width, operand.value);
      case "register": {
        const value = this.context.get(operand.register as Register) >> (operand.high ? 8n : 0n);
        return BigInt.asUintN(operand.width, value);
      }
      case "memory": {
        const address = this.address(operand);
        switch (operand.width) {
          case 8:
            return BigInt(this.space.readUint8(address));
          case 16:
            return BigInt(this.space.readUint16(address));
          case 32:
            return BigInt(this.space.readUint32(address));
          case 64:
            return this.space.readUint64(address);
          default:
            throw new Error(`${operand.width} bits are no number`);
        }
      }
    }
  }
  write(operand: Operand, value: bigint): void {
    switch (operand.kind) {
      case "immediate":
        throw new Error("an immediate is written");
      case "register": {
        const register = operand.register as Register;
        if (operand.width >= 32) this.context.set(register, BigInt.asUintN(operand.width, value));
        else {
          const shift = operand.high ? 8n : 0n;
          const mask = ((1n << BigInt(operand.width)) - 1n) << shift;
          this.context.set(register, (this.context.get(register) & ~mask) | ((value << shift) & mask));
        }
        return;
      }
      case "memory": {
        const bytes = new Uint8Array(operand.width / 8);
        for (let i = 0; i < bytes.length; i++) bytes[i] = Number((value >> BigInt(i * 8)) & 0xffn);
        this.space.write(this.address(operand), bytes);
      }
    }
  }
  raise(vector: ExceptionVector): never {
    throw new CpuException(vector);
  }
  unsupported(what: string): never {
    throw new Unimplemented(`${this.instruction.form.specification.mnemonic} ${what}`);
  }
  timeStamp(): bigint {
    return this.#environment.timeStamp();
  }
  random(): bigint {
    return this.#environment.random();
  }
  cpuid(leaf: number, subleaf: number): readonly [number, number, number, number] {
    return this.#environment.cpuid(leaf, subleaf);
  }
}
