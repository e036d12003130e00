import { readFileSync, existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { layout } from "../context-layout.ts";
import { Decoder } from "../decoder/decoder.ts";
import type { InstructionSpecification } from "../isa/instruction.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { DecodedCode } from "./code-source.ts";
import { Translator } from "./translator.ts";
import { randomProgram } from "./random-program.ts";
import { defaultLimits, type RegionLimits } from "./region.ts";
import type { RegionFunction } from "./region-contract.ts";

const specs: InstructionSpecification[] = [];
const isa = new URL("../isa/", import.meta.url);
for (const file of readdirSync(isa)) {
  if (!file.endsWith(".ts") || file.includes("test")) continue;
  try {
    const module = (await import(new URL(file, isa).href)) as Record<string, unknown>;
    for (const value of Object.values(module)) {
      for (const spec of Array.isArray(value) ? value : [value])
        if (spec && typeof spec === "object" && "forms" in spec && "mnemonic" in spec && !specs.includes(spec as InstructionSpecification)) specs.push(spec as InstructionSpecification);
    }
  } catch (error) { console.log(file, String(error)); }
}
import { instruction } from "../isa/instruction.ts";
if (!specs.some((s) => s.mnemonic === "NOP")) specs.push(instruction("NOP", { forms: ["NP 90", "0F 1F /0 rm"], lift() { /* nothing */ } }));
console.log(specs.length, "instructions");

export class Mini {
  readonly memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536 });
  readonly view = new DataView(this.memory.buffer);
  readonly bytes = new Uint8Array(this.memory.buffer);
  readonly tags = new BigInt64Array(this.memory.buffer, windowLayout.readTags, (1 << 20) * 2);
  readonly regions = new Map<bigint, RegionFunction | null>();
  readonly translator: Translator;
  exits = new Map<string, number>();
  constructor(limits: RegionLimits) {
    this.tags.fill(-1n);
    const decoder = new Decoder(specs, 3);
    const source = new DecodedCode(decoder, { byteAt: (address) => this.bytes[address % 2 ** 32]! });
    this.translator = new Translator(
      { memory: this.memory, initialPages: 65536, maximumPages: 65536, layout: windowLayout, source,
        enter: (rip, expected, depth) => {
          for (;;) {
            if (rip === expected || this.view.getUint32(windowLayout.giveUp, true)) return rip;
            const code = this.region(rip);
            if (!code) return rip;
            rip = code(depth);
          }
        } }, limits);
  }
  map(address: number, size: number): void {
    for (let at = address; at < address + size; at += 4096) {
      const slot = Math.floor((at % 2 ** 32) / 4096);
      this.tags[slot] = this.tags[slot + (1 << 20)] = BigInt(Math.floor(at / 4096));
    }
  }
  region(rip: bigint): RegionFunction | null {
    let code = this.regions.get(rip);
    if (code === undefined) {
      const module = this.translator.translate(Number(rip), (address) => !this.regions.has(BigInt(address)));
      if (!module) this.regions.set(rip, (code = null));
      else {
        for (const { entry, code: f } of module.translations) this.regions.set(BigInt(entry), f);
        code = this.regions.get(rip)!;
      }
    }
    return code;
  }
  gpr(n: number): bigint { return this.view.getBigUint64(windowLayout.state + layout.gpr + n * 8, true); }
  setGpr(n: number, value: bigint): void { this.view.setBigUint64(windowLayout.state + layout.gpr + n * 8, value, true); }
  /** Runs to something that only an interpreter could do; returns [rip, executed, reason]. */
  run(rip: bigint, budget: number): [bigint, number, number] {
    this.view.setInt32(windowLayout.remaining, budget, true);
    for (;;) {
      this.view.setUint32(windowLayout.giveUp, 0, true);
      const code = this.region(rip);
      if (!code) return [rip, budget - this.view.getInt32(windowLayout.remaining, true), -1];
      rip = code(300);
      const reason = this.view.getUint32(windowLayout.giveUp, true);
      if (reason) return [rip, budget - this.view.getInt32(windowLayout.remaining, true), reason];
    }
  }
}

const bench = "/work/shared/bench/";
if (existsSync(bench)) {
  const manifest = JSON.parse(readFileSync(bench + "manifest.json", "utf8")) as Record<string, { file: string; runs: Record<string, { iterations: number; checksum: string; instructions: number }> }>;
  describe("kernels", () => {
    for (const name of ["sieve", "crc32", "qsort", "fib", "sha256", "vm", "hash", "matmul", "mandel"]) {
      it(name, () => {
        const { file, runs } = manifest[name]!;
        const mini = new Mini(defaultLimits);
        mini.map(0x1_4000_0000, 8 << 20);
        mini.bytes.set(readFileSync(bench + file), 0x4000_0000);
        const run = runs["medium"]!;
        let rip = 0x1_4000_0000n;
        for (let i = 0; i < 16; i++) mini.setGpr(i, 0n);
        mini.setGpr(7, BigInt(run.iterations));
        mini.setGpr(4, 0x1_4080_0000n);
        const t0 = performance.now();
        const [end, executed, reason] = mini.run(rip, 2 ** 31 - 1);
        const ms = performance.now() - t0;
        console.log(name, end.toString(16), executed, run.instructions, reason, mini.gpr(3).toString(16), run.checksum, ms.toFixed(1), "ms", JSON.stringify(mini.translator.counters));
        expect(executed).toBe(run.instructions - 1);
        expect("0x" + mini.gpr(3).toString(16).padStart(16, "0")).toBe(run.checksum);
      });
    }
  });
}
void randomProgram;
