/** Floating-point lanes of one shape: a scalar or a vector. Masks are i32 (0 or 1) for scalars, lanes of ones and zeroes for vectors. */
import type { Builder } from "../ir/builder.ts";
import type { Node } from "../ir/node.ts";

export type Shape = "f32" | "f64" | "f32x4" | "f64x2";

const integers = { f32: "i32", f64: "i64", f32x4: "i32x4", f64x2: "i64x2" } as const;

export class FloatLanes {
  readonly shape: Shape;
  readonly isVector: boolean;
  /** Lanes of singles, not doubles. */
  readonly isSingle: boolean;
  readonly #b: Builder;
  readonly #integers: (typeof integers)[Shape];

  constructor(b: Builder, shape: Shape) {
    this.#b = b;
    this.shape = shape;
    this.isVector = shape.includes("x");
    this.isSingle = shape.startsWith("f32");
    this.#integers = integers[shape];
  }

  op(name: string, ...args: Node[]): Node {
    return this.#b.op(`${this.shape}.${name}`, ...args);
  }
  /** The number in every lane. */
  constant(value: number): Node {
    const scalar = this.isSingle ? this.#b.f32(value) : this.#b.f64(value);
    return this.isVector ? this.op("splat", scalar) : scalar;
  }
  /** The lanes' bits, as far as the type of the node is concerned. */
  bits(x: Node): Node {
    if (this.isVector) return x;
    // A number from memory
    if (x.op === `${this.shape}.reinterpret_${this.#integers}`) return x.args[0];
    return this.#b.op(`${this.#integers}.reinterpret_${this.shape}`, x);
  }
  /** The upper 32 bits of a scalar (i32). */
  upperBits(x: Node): Node {
    const bits = this.bits(x);
    return this.isSingle ? bits : this.#b.wrap(this.#b.shrU(bits, 32));
  }
  /** An operation on the bits. */
  integer(name: string, ...args: Node[]): Node {
    return this.#b.op(`${this.#integers}.${name}`, ...args);
  }
  integerConstant(value: bigint): Node {
    if (this.#integers === "i32") return this.#b.i32(Number(BigInt.asIntN(32, value)));
    if (this.#integers === "i64") return this.#b.i64(value);
    const lanes = this.isSingle ? new Int32Array(4).fill(Number(BigInt.asIntN(32, value))) : new BigInt64Array(2).fill(value); // prettier-ignore
    return this.#b.v128(new Uint8Array(lanes.buffer));
  }
  /** A shift of the bits by a constant. */
  shift(name: "shl" | "shr_u", x: Node, distance: number): Node {
    const isWide = this.#integers === "i64";
    return this.integer(name, x, isWide ? this.#b.i64(BigInt(distance)) : this.#b.i32(distance));
  }
  /** Of the explicit part of the significand. */
  get fractionBits(): number {
    return this.isSingle ? 23 : 52;
  }

  // Masks

  and(x: Node, y: Node): Node {
    return this.#b.op(this.isVector ? "v128.and" : "i32.and", x, y);
  }
  or(x: Node, y: Node): Node {
    return this.#b.op(this.isVector ? "v128.or" : "i32.or", x, y);
  }
  not(x: Node): Node {
    return this.isVector ? this.#b.op("v128.not", x) : this.#b.eqz(x);
  }
  /** i32, not 0 where a mask is not empty. */
  any(masks: readonly Node[]): Node {
    const all = masks.reduce((x, y) => this.or(x, y));
    return this.isVector ? this.#b.op("v128.any_true", all) : all;
  }
  /** i32, not 0 where a lane of integers below 2^32 is 0. */
  anyZero(lanes: readonly Node[]): Node {
    if (!this.isVector) return lanes.map((lane) => this.integer("eqz", lane)).reduce(this.#b.or);
    const least = lanes.reduce((x, y) => this.#b.op("i32x4.min_u", x, y));
    return this.#b.eqz(this.integer("all_true", least));
  }

  isNaN(x: Node): Node {
    return this.op("ne", x, x);
  }
  isZero(x: Node): Node {
    return this.op("eq", x, this.constant(0));
  }
  isNotZero(x: Node): Node {
    return this.op("ne", x, this.constant(0));
  }
  isFinite(x: Node): Node {
    return this.op("lt", this.op("abs", x), this.constant(Infinity));
  }
  isSignalling(x: Node): Node {
    const quiet = this.integerConstant(1n << BigInt(this.fractionBits - 1));
    const masked = this.isVector ? this.#b.op("v128.and", x, quiet) : this.integer("and", this.bits(x), quiet);
    const isClear = this.isVector ? this.integer("eq", masked, this.integerConstant(0n)) : this.#b.eqz(masked);
    return this.and(this.isNaN(x), isClear);
  }
}
