/**
 * Benchmark kernels: freestanding flat images (tools/bench/kernels), run on a bare Cpu without any Windows.
 *
 * RDI holds the iterations; the image ends with EAX = 0xFFFF and SYSCALL, its checksum in RBX. Every other system call
 * gets its five arguments read and 0 returned, as the lightest service would.
 */
import { Context, Register } from "../../emulator/context.ts";
import { PAGE_SIZE, Protection, type AddressSpace, type Cpu } from "../../emulator/cpu.ts";

export const runSizes = ["full", "medium", "small"] as const;
export type RunSize = (typeof runSizes)[number];

/** What a run of so many iterations must come to. */
export interface KernelRun {
  readonly iterations: number;
  /** "0x" and 16 digits. */
  readonly checksum: string;
  /** Executed, SYSCALLs included; a REP string instruction counts once. */
  readonly instructions: number;
  readonly syscalls: number;
}

/** An entry of manifest.json. */
export interface KernelDescription {
  readonly name: string;
  /** Relative to the manifest. */
  readonly file: string;
  /** Hexadecimal. */
  readonly base: string;
  readonly entry: string;
  readonly mem_bytes: number;
  readonly runs: Readonly<Record<RunSize, KernelRun>>;
}

export interface KernelMeasurement {
  readonly name: string;
  readonly iterations: number;
  readonly checksum: string;
  readonly instructions: number;
  /** In a fresh engine: decoding, translation and compilation included. */
  readonly firstMs: number;
  /** Once more, in the same address space. */
  readonly steadyMs: number;
}

const EXIT = 0xffff;
/** Instructions between two returns to the host, which a kernel would use to look at its clock. */
const SLICE = 5_000_000;

/** A kernel in an address space of its own. */
export class LoadedKernel {
  readonly #cpu: Cpu;
  readonly #space: AddressSpace;
  readonly #context = new Context();
  readonly #description: KernelDescription;
  readonly #image: Uint8Array;
  #used = false;

  constructor(cpu: Cpu, description: KernelDescription, image: Uint8Array) {
    this.#cpu = cpu;
    this.#description = description;
    this.#image = image;
    this.#space = cpu.createAddressSpace();
    const base = Number(description.base);
    this.#space.map(base, description.mem_bytes, Protection.Read | Protection.Write | Protection.Execute);
    this.#space.write(base, image);
  }

  /** Milliseconds of one run. Throws where it does not end with the manifest's checksum and count of instructions. */
  run(size: RunSize): number {
    if (this.#used) this.#reset();
    this.#used = true;
    const expected = this.#description.runs[size];
    const context = this.#context;
    context.rip = Number(this.#description.entry);
    context.setNumber(Register.RDI, expected.iterations);
    context.setNumber(Register.RSP, Number(this.#description.base) + this.#description.mem_bytes - 0x1000);
    const start = performance.now();
    const executed = this.#execute();
    const milliseconds = performance.now() - start;
    const checksum = `0x${context.get(Register.RBX).toString(16).padStart(16, "0")}`;
    if (checksum !== expected.checksum)
      throw new Error(`${this.#description.name} ends with ${checksum} instead of ${expected.checksum}`);
    if (executed !== expected.instructions)
      throw new Error(
        `${this.#description.name} executed ${executed} instructions instead of ${expected.instructions}`,
      );
    return milliseconds;
  }

  /** Memory as it was before the first run. Pages of code that nobody wrote to are left alone, and so keep their translations. */
  #reset(): void {
    const { base, mem_bytes } = this.#description;
    const image = new Uint8Array(mem_bytes);
    image.set(this.#image);
    for (let offset = 0; offset < image.length; offset += PAGE_SIZE) {
      const page = image.subarray(offset, offset + PAGE_SIZE);
      const present = this.#space.peek(Number(base) + offset, page.length);
      if (page.some((byte, index) => byte !== present[index])) this.#space.write(Number(base) + offset, page);
    }
  }

  #execute(): number {
    const context = this.#context;
    let executed = 0;
    for (;;) {
      const exit = this.#cpu.run(this.#space, context, SLICE);
      executed += this.#cpu.executed;
      if (exit.reason === "budget") continue;
      if (exit.reason !== "syscall")
        throw new Error(`${this.#description.name} stopped at 0x${context.rip.toString(16)}: ${exit.reason}`);
      if (context.getLow32(Register.RAX) === EXIT) return executed;
      this.#serve(context);
    }
  }

  /** A system call that does nothing but read where its arguments are: R10, RDX, R8, R9 and the stack. */
  #serve(context: Context): void {
    this.argumentsSeen +=
      context.getNumber(Register.R10) +
      context.getNumber(Register.RDX) +
      context.getNumber(Register.R8) +
      context.getNumber(Register.R9) +
      context.getNumber(Register.RSP);
    context.setNumber(Register.RAX, 0);
  }
  /** Their sum, so that reading them is no dead code of the host. */
  argumentsSeen = 0;

  dispose(): void {
    this.#space.dispose();
  }
}

/** Both runs of a kernel in an engine that has seen nothing yet. */
export function measureKernel(
  createCpu: () => Cpu,
  description: KernelDescription,
  image: Uint8Array,
  size: RunSize,
): KernelMeasurement {
  const start = performance.now();
  const cpu = createCpu();
  try {
    const kernel = new LoadedKernel(cpu, description, image);
    const loadMs = performance.now() - start;
    const firstMs = loadMs + kernel.run(size);
    const steadyMs = kernel.run(size);
    kernel.dispose();
    const { iterations, checksum, instructions } = description.runs[size];
    return { name: description.name, iterations, checksum, instructions, firstMs, steadyMs };
  } finally {
    cpu.dispose();
  }
}
