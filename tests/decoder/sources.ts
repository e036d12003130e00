/** Code to decode: every form, and the executable sections of programs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { instructions } from "../../emulator/isa/index.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import { joinPath } from "../../kernel-shim/io-manager/layer.ts";
import { parsePe, PeError } from "../../kernel-shim/pe/index.ts";
import { encodeForm } from "../hardware/encode.ts";
import { Random } from "../hardware/random.ts";
import type { CapstoneComparison } from "./capstone.ts";

const IMAGE_SCN_MEM_EXECUTE = 0x2000_0000;
const RSP = 4;

/** `count` encodings of every form, from a seed: with a register, with memory, with an index. */
export function compareForms(comparison: CapstoneComparison, count: number, seed: number): void {
  const random = new Random(seed);
  const index = (): number => random.pick([-1, ...Array.from({ length: 16 }, (_, register) => register).filter((register) => register !== RSP)]); // prettier-ignore
  for (const { forms } of instructions)
    for (const form of forms)
      for (let i = 0; i < count; i++) {
        const memory = { base: random.below(16), index: index(), scale: random.below(4), displacement: random.below(1000) }; // prettier-ignore
        const encoding = encodeForm(form, random, { memory: i % 3 ? memory : undefined, anyRegister: true });
        if (encoding) comparison.one(encoding.bytes);
      }
}

/** The executable sections of a program; nothing where it is none for this processor. */
export function compareProgram(comparison: CapstoneComparison, bytes: Uint8Array): void {
  let sections;
  try {
    const { headers, sections: all } = parsePe(bytes);
    if (headers.machine !== 0x8664) return;
    sections = all;
  } catch (error) {
    if (error instanceof PeError) return;
    throw error;
  }
  for (const { characteristics, pointerToRawData, sizeOfRawData, virtualSize, virtualAddress } of sections)
    if (characteristics & IMAGE_SCN_MEM_EXECUTE)
      comparison.sweep(
        bytes.subarray(pointerToRawData, pointerToRawData + Math.min(sizeOfRawData, virtualSize)),
        virtualAddress,
      );
}

const isProgram = (name: string): boolean => /\.(exe|dll|drv|sys|ocx|cpl)$/i.test(name);

/** Calls `visit` with each program below `path`. */
export function forEachProgram(layer: Layer, visit: (path: string, bytes: Uint8Array) => void, path = ""): void {
  for (const { name, directory } of layer.list(path) ?? []) {
    const inside = joinPath(path, name);
    if (directory) forEachProgram(layer, visit, inside);
    else if (isProgram(name)) visit(inside, layer.read(inside));
  }
}
export function forEachHostProgram(folder: string, visit: (path: string, bytes: Uint8Array) => void): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (isProgram(name)) visit(name, new Uint8Array(readFileSync(join(folder, name))));
}
