/**
 * The least that regions need to run, for tests: a memory with tags, and a dispatcher in TypeScript. Where a region gives
 * up, one instruction runs as a region of its own, which is what an interpreter would do, by the same lifts.
 */
import { Context } from "../context.ts";
import { layout } from "../context-layout.ts";
import { Decoder } from "../decoder/decoder.ts";
import type { InstructionSpecification } from "../isa/instruction.ts";
import { dispatcherModule } from "../interpreter/dispatcher.ts";
import { bulkFunctions } from "../memory/bulk.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { LARGEST_WINDOW, reserveWindow } from "../memory/window-size.ts";
import { DecodedCode } from "./code-source.ts";
import type { EnterFunction, RegionFunction } from "./region-contract.ts";
import { defaultLimits, type RegionLimits } from "./region.ts";
import { Translator } from "./translator.ts";

const PAGES = 0x10_0000;

export type Stop = "budget" | "memory" | "guard" | "instruction";

export class TestHost {
  readonly memory = reserveWindow();
  readonly view = new DataView(this.memory.buffer);
  readonly #bytes = new Uint8Array(this.memory.buffer);
  readonly #tags = new BigInt64Array(this.memory.buffer, windowLayout.readTags, 2 * PAGES);
  readonly #regions = new Map<bigint, RegionFunction | undefined>();
  readonly #steps = new Map<bigint, RegionFunction | undefined>();
  readonly translator: Translator;
  readonly #stepper: Translator;
  readonly #settleFlags: () => void;
  rip = 0n;
  executed = 0;

  constructor(specifications: readonly InstructionSpecification[], limits: RegionLimits = defaultLimits) {
    this.#tags.fill(-1n);
    const source = new DecodedCode(
      new Decoder(specifications, 3),
      { byteAt: (address) => this.#bytes[address % 0x1_0000_0000] },
      { endsAt: () => false, endsBefore: () => false, any: false },
    );
    const dispatcher = new WebAssembly.Instance(dispatcherModule(LARGEST_WINDOW), { host: { memory: this.memory } });
    this.#settleFlags = dispatcher.exports["settleFlags"] as () => void;
    const host = {
      settleFlags: this.#settleFlags,
      memory: this.memory,
      bulk: bulkFunctions(this.memory),
      layout: { ...windowLayout, windowSize: LARGEST_WINDOW },
      source,
      ring: () => undefined,
    };
    const enter: EnterFunction = (rip, expected, depth) => {
      while (rip !== expected && !this.#giveUp) {
        const code = this.#region(rip);
        if (!code) break;
        rip = code(depth);
      }
      return rip;
    };
    this.translator = new Translator({ ...host, enter }, limits);
    this.#stepper = new Translator({ ...host, enter: (rip) => rip }, { blocks: 1, instructions: 1 });
  }

  /** As new, without the cost of a new memory. */
  reset(): void {
    this.#tags.fill(-1n);
    this.#bytes.fill(0, 0, windowLayout.state + layout.size);
    this.#regions.clear();
    this.#steps.clear();
    this.executed = 0;
  }
  map(address: number, size: number): void {
    for (let at = address; at < address + size; at += 0x1000) {
      const slot = (at % 0x1_0000_0000) / 0x1000;
      this.#tags[slot] = this.#tags[PAGES + slot] = BigInt(at / 0x1000);
    }
  }
  bytes(address: number, size: number): Uint8Array {
    return this.#bytes.subarray(address % 0x1_0000_0000, (address % 0x1_0000_0000) + size);
  }
  gpr(register: number): bigint {
    return this.view.getBigUint64(windowLayout.state + layout.gpr + register * 8, true);
  }
  setGpr(register: number, value: bigint): void {
    this.view.setBigUint64(windowLayout.state + layout.gpr + register * 8, value, true);
  }
  /** Registers, RFLAGS and RIP as text. */
  describe(): string {
    const context = new Context();
    context.bytes.set(this.#bytes.subarray(windowLayout.state, windowLayout.state + layout.size));
    const registers = Array.from({ length: 16 }, (_unused, register) => this.gpr(register).toString(16)).join(" ");
    const vectors = Array.from({ length: 16 }, (_unused, register) => context.xmm(register).join()).join(" ");
    return `${this.rip.toString(16)} ${context.rflags.toString(16)} ${registers} ${vectors}`;
  }

  /** Runs until `budget` instructions are executed or one cannot be. */
  run(budget: number): Stop {
    const { remaining } = windowLayout;
    this.view.setInt32(remaining, budget, true);
    const stop = this.#run();
    this.executed += budget - this.view.getInt32(remaining, true);
    return stop;
  }
  #run(): Stop {
    for (;;) {
      if (this.view.getInt32(windowLayout.remaining, true) === 0) return "budget";
      const code = this.#region(this.rip);
      if (code) {
        this.rip = code(300);
        this.#settleFlags();
        if (!this.#giveUp) continue;
        this.#clearGiveUp();
        if (this.view.getInt32(windowLayout.remaining, true) === 0) return "budget";
      }
      const step = this.#step(this.rip);
      if (!step) return "instruction";
      this.rip = step(300);
      this.#settleFlags();
      const reason = this.#giveUp;
      this.#clearGiveUp();
      if (reason) return ([, "memory", "instruction", "guard", "budget"] as const)[reason]!;
    }
  }
  get #giveUp(): number {
    return this.view.getInt32(windowLayout.giveUp, true);
  }
  #clearGiveUp(): void {
    this.view.setInt32(windowLayout.giveUp, 0, true);
  }

  #region(rip: bigint): RegionFunction | undefined {
    if (!this.#regions.has(rip)) {
      this.#regions.set(rip, undefined);
      const module = this.translator.translate(Number(rip), (address) => !this.#regions.has(BigInt(address)));
      for (const { entry, code } of module?.translations ?? []) this.#regions.set(BigInt(entry), code);
    }
    return this.#regions.get(rip);
  }
  #step(rip: bigint): RegionFunction | undefined {
    if (!this.#steps.has(rip))
      this.#steps.set(rip, this.#stepper.translate(Number(rip), () => false)?.translations[0]?.code);
    return this.#steps.get(rip);
  }
}
