/**
 * Declaring vector instructions. One meaning serves the legacy encoding and the VEX encodings of 128 and 256 bits: legacy instructions need
 * aligned memory operands, have their destination as first source, and leave the upper half of the YMM register alone; VEX ones need no
 * alignment, have a separate destination, and clear what they do not write (`Builder.write` does it). docs/decisions/0007.
 */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";
import type { Feature } from "./feature.ts";
import { instruction, type InstructionDefinition, type InstructionSpecification } from "./instruction.ts";
import { low64, mmx as mmxInstruction, mmxBinary, enterMmx, readMmx, writeMmx, type MmxUse } from "./mmx-lift.ts";
import type { Operand } from "./operand.ts";

export const zeroVector = (b: Builder): Node => b.v128(new Uint8Array(16));

/** Lanes of a constant; one number is for all. */
export const doubles = (b: Builder, ...lanes: number[]): Node =>
  b.v128(new Uint8Array(new Float64Array(lanes.length === 1 ? [lanes[0], lanes[0]] : lanes).buffer));
export const integers64 = (b: Builder, ...lanes: bigint[]): Node =>
  b.v128(new Uint8Array(new BigInt64Array(lanes.length === 1 ? [lanes[0], lanes[0]] : lanes).buffer));
export const integers8 = (b: Builder, lane: number): Node => b.v128(new Uint8Array(16).fill(lane));
export const integers32 = (b: Builder, lane: number): Node =>
  b.v128(new Uint8Array(new Int32Array(4).fill(lane).buffer));

/** 16 bytes of a vector operand; a legacy instruction's must be aligned in memory. */
export function vector(b: Builder, operand: Operand): Node {
  if (!b.site.vex) b.aligned(operand);
  return b.read(operand, "v128");
}
/** The 16 or twice 16 bytes of a vector operand. */
export function halves(b: Builder, operand: Operand): Node[] {
  const low = vector(b, operand);
  return operand.width === 256 ? [low, b.readHigh(operand)] : [low];
}
export function writeHalves(b: Builder, dst: Operand, [low, high]: readonly Node[]): void {
  if (dst.width === 256) b.write256(dst, low, high);
  else b.write(dst, low);
}
/** Writes the low lane (i32, i64, f32 or f64); the others stay what they are in `rest`, which for legacy encodings is the destination. */
export function writeScalar(b: Builder, dst: Operand, rest: Operand, value: Node): void {
  if (!b.site.vex || (dst.kind === "register" && rest.kind === "register" && dst.register === rest.register)) {
    b.write(dst, value);
    return;
  }
  const lane = `${value.type}x${value.type.endsWith("32") ? 4 : 2}.replace_lane`;
  b.write(dst, b.lane(lane, 0, b.read(rest, "v128"), value));
}

// Encodings

export interface Encodings {
  /** `66 0F 38 1C /r`; `REX.W` and `W0` become VEX.W1 and W0. */
  readonly legacy: string;
  /**
   * Of the VEX encoding of 128 bits. The one of 256 bits has ymm for xmm and m256 for m128; the legacy one lacks the operand `xmm.v`, because its
   * first source is its destination.
   */
  readonly operands: string;
  /** Of the VEX encoding of 256 bits, where they differ in more. */
  readonly wideOperands?: string;
  /** Of the legacy form; absent for SSE and SSE2. */
  readonly feature?: Feature;
  /** The VEX encodings: none, 128 bits only, any length (scalars), or 256 bits too, which AVX or AVX2 brought. */
  readonly vex: "none" | "128" | "LIG" | "AVX" | "AVX2";
}

export type Meaning = Pick<InstructionDefinition, "lift" | "execute" | "constantImmediate">;

/** `66 REX.W 0F 3A 22 /r ib`, 128 → `VEX.128.66.0F3A.W1 22 /r ib`. */
function vexEncoding(legacy: string, length: "128" | "256" | "LIG"): string {
  const [prefix, ...rest] = legacy.split(" ");
  const w = rest[0] === "REX.W" ? "W1" : rest[0] === "W0" ? "W0" : "WIG";
  if (w !== "WIG") rest.shift();
  const map = rest.splice(0, rest[1] === "38" || rest[1] === "3A" ? 2 : 1).join("");
  return `VEX.${length}.${prefix}.${map}.${w} ${rest.join(" ")}`;
}
const widened = (operands: string): string => operands.replaceAll("xmm", "ymm").replaceAll("m128", "m256");

/** A meaning without its first source, for which the destination takes the place. */
export function onDestination({ lift, execute, ...rest }: Meaning): Meaning {
  return {
    ...rest,
    ...(lift && { lift: (b, dst, ...sources) => lift(b, dst, dst, ...sources) }),
    ...(execute && { execute: (machine, dst, ...sources) => execute(machine, dst, dst, ...sources) }),
  };
}

/** An instruction in all its encodings; `meaning` has the operands of the VEX ones. */
export function encodings(
  mnemonic: string,
  { legacy, operands, wideOperands, feature, vex }: Encodings,
  meaning: Meaning,
): InstructionSpecification[] {
  const destructive = operands
    .split(",")
    .filter((operand) => operand !== "xmm.v")
    .join(",");
  const specifications = [
    instruction(mnemonic, {
      forms: [`${legacy} ${destructive}`],
      ...(feature && { feature }),
      ...(destructive === operands ? meaning : onDestination(meaning)),
    }),
  ];
  if (vex === "none") return specifications;
  const name = `V${mnemonic}`;
  const narrow = `${vexEncoding(legacy, vex === "LIG" ? "LIG" : "128")} ${operands}`;
  const wide = `${vexEncoding(legacy, "256")} ${wideOperands ?? widened(operands)}`;
  specifications.push(
    instruction(name, { forms: vex === "AVX" ? [narrow, wide] : [narrow], feature: "AVX", ...meaning }),
  );
  if (vex === "AVX2") specifications.push(instruction(name, { forms: [wide], feature: "AVX2", ...meaning }));
  return specifications;
}

/** The encodings of 128 and 256 bits of an instruction that has no legacy one. `rest`: `0F38.W0 0C /r xmm,xmm.v,xmm/m128`. */
export const bothLengths = (rest: string): string[] => [`VEX.128.66.${rest}`, `VEX.256.66.${widened(rest)}`];

// Operations on every 16 bytes alike

export interface VectorOptions {
  /** Of the legacy form; absent for SSE and SSE2. */
  readonly feature?: Feature;
  /** Of the VEX.256 form: AVX2 for integers. `128`: no 256-bit form. */
  readonly vex?: Encodings["vex"];
  /** There is an MMX form as well, without prefix. */
  readonly mmx?: MmxUse;
  /** Its memory operand. */
  readonly mmxMemory?: 32 | 64;
  /** An immediate follows, which `operation` gets. */
  readonly immediate?: true;
}

/** `half` is 1 for the upper 16 bytes of a 256-bit operation: some immediates have bits of their own for them. */
export type VectorOperation = (b: Builder, x: Node, y: Node, immediate: number, half: 0 | 1) => Node;

const immediateByte = (b: Builder, operand: Operand | undefined): number => (operand ? b.number(operand) & 0xff : 0);
const halfNumbers = [0, 1] as const;

/** dst = operation(first, second). */
export function vectorBinary(
  mnemonic: string,
  encoding: string,
  operation: VectorOperation,
  { feature, vex = "AVX2", immediate, mmx, mmxMemory }: VectorOptions = {},
): InstructionSpecification[] {
  const all = encodings(
    mnemonic,
    {
      legacy: `${encoding} /r${immediate ? " ib" : ""}`,
      operands: `xmm,xmm.v,xmm/m128${immediate ? ",imm8" : ""}`,
      vex,
      ...(feature && { feature }),
    },
    {
      ...(immediate && { constantImmediate: true }),
      lift(b, dst, first, second, constant?: Operand) {
        const y = halves(b, second);
        const x = halves(b, first);
        const number = immediateByte(b, constant);
        writeHalves(b, dst, y.map((_, half) => operation(b, x[half], y[half], number, halfNumbers[half]))); // prettier-ignore
      },
    },
  );
  if (!mmx) return all;
  const withoutPrefix = encoding.replace(/^66/, "NP");
  return [mmxBinary(mnemonic, withoutPrefix, (b, x, y) => operation(b, x, y, 0, 0), mmx, feature, mmxMemory), ...all];
}

/** dst = operation(src). */
export function vectorUnary(
  mnemonic: string,
  encoding: string,
  operation: (b: Builder, x: Node, immediate: number, half: 0 | 1) => Node,
  { feature, vex = "AVX2", immediate, mmx }: VectorOptions = {},
): InstructionSpecification[] {
  const all = encodings(
    mnemonic,
    {
      legacy: `${encoding} /r${immediate ? " ib" : ""}`,
      operands: `xmm,xmm/m128${immediate ? ",imm8" : ""}`,
      vex,
      ...(feature && { feature }),
    },
    {
      ...(immediate && { constantImmediate: true }),
      lift(b, dst, src, constant?: Operand) {
        const number = immediateByte(b, constant);
        writeHalves(b, dst, halves(b, src).map((x, half) => operation(b, x, number, halfNumbers[half]))); // prettier-ignore
      },
    },
  );
  if (!mmx) return all;
  const withoutPrefix = encoding.replace(/^66/, "NP");
  return [
    mmxInstruction(mnemonic, [`${withoutPrefix} /r mm,mm/m64`], feature ? { feature } : {}, (b, dst, src) => {
      const x = b.op("i64x2.splat", readMmx(b, src));
      enterMmx(b);
      writeMmx(b, dst, low64(b, operation(b, x, 0, 0)));
    }),
    ...all,
  ];
}
