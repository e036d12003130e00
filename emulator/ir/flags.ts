import type { Builder, Width } from "./builder.ts";
import type { FlagWrite } from "./instruction-ir.ts";
import type { Node } from "./node.ts";

/**
 * The arithmetic flags of common operations. Operands and results are as `Builder.read` gives them; `result` may have undefined bits above `width`.
 * SDM volume 1, 3.4.3.1.
 */
export class Flags {
  readonly #b: Builder;

  constructor(b: Builder) {
    this.#b = b;
  }

  set(flags: FlagWrite): void {
    this.#b.setFlags(flags);
  }
  /** New flags when `condition` is not 0; otherwise they keep their values. */
  setIf(condition: Node, flags: Omit<FlagWrite, "compare">): void {
    const b = this.#b;
    const set: FlagWrite = {};
    for (const name of ["cf", "pf", "af", "zf", "sf", "of"] as const) {
      const node = flags[name];
      if (node) set[name] = b.select(condition, node, b.rawFlag(name));
    }
    b.setFlags(set);
  }

  /** RFLAGS as PUSHFQ stores it (i32), RF clear. */
  compose(): Node {
    const b = this.#b;
    const positions = { cf: 0, pf: 2, af: 4, zf: 6, sf: 7, of: 11 } as const;
    let flags = b.and(b.rflags(), ~0x10000);
    for (const name of ["cf", "pf", "af", "zf", "sf", "of"] as const)
      flags = b.or(flags, b.shl(b.flag(name), positions[name]));
    return flags;
  }
  /** Flags from the low byte of an RFLAGS image (i32): all but OF. */
  fromLowByte(image: Node): FlagWrite {
    const b = this.#b;
    return {
      cf: b.and(image, 1),
      // The parity of a single bit: 0 is even.
      pf: b.and(b.eqz(b.and(image, 4)), 1),
      af: b.and(image, 0x10),
      zf: b.and(image, 0x40),
      sf: b.and(image, 0x80),
    };
  }

  /** i32: not 0 if bit `width - 1` of `x` is set. */
  sign(x: Node, width: number): Node {
    const b = this.#b;
    if (x.type === "i64") return width === 64 ? b.ltS(x, 0) : b.wrap(b.and(b.shrU(x, width - 1), 1));
    return b.and(x, width === 32 ? 0x8000_0000 | 0 : 1 << (width - 1));
  }
  zero(x: Node, width: number): Node {
    return this.#b.eqz(this.#b.truncate(x, width));
  }
  /** ZF, SF, PF of a result. */
  result(result: Node, width: number): Required<Pick<FlagWrite, "zf" | "sf" | "pf">> {
    return { zf: this.zero(result, width), sf: this.sign(result, width), pf: this.#b.wrap(result) };
  }

  /** x + y (+ `carry`, i32 0 or 1, already part of `sum`). Below 32 bits `sum` must not be truncated: its bit `width` is the carry. */
  add(x: Node, y: Node, sum: Node, width: Width, carry?: Node): void {
    const b = this.#b;
    let cf: Node;
    if (width < 32) {
      cf = b.and(b.shrU(sum, width), 1);
    } else if (carry) {
      cf = b.select(carry, b.leU(sum, x), b.ltU(sum, x));
    } else {
      cf = b.ltU(sum, x);
    }
    const flags = { cf, ...this.#addition(x, y, sum, width) };
    this.set(carry ? flags : { ...flags, compare: { kind: "add", x, y, width } });
  }
  /** INC: all but CF. */
  increment(x: Node, sum: Node, width: Width): void {
    this.set(this.#addition(x, this.#b.constant(x, 1), sum, width));
  }
  #addition(x: Node, y: Node, sum: Node, width: Width): FlagWrite {
    const b = this.#b;
    return {
      ...this.result(sum, width),
      af: b.wrap(b.xor(b.xor(x, y), sum)),
      of: this.sign(b.and(b.xor(x, sum), b.xor(y, sum)), width),
    };
  }

  /** x - y (- `borrow`, i32 0 or 1, already part of `difference`). */
  sub(x: Node, y: Node, difference: Node, width: Width, borrow?: Node): void {
    const b = this.#b;
    const cf = borrow ? b.select(borrow, b.leU(x, y), b.ltU(x, y)) : b.ltU(x, y);
    const flags = { cf, ...this.#subtraction(x, y, difference, width) };
    this.set(borrow ? flags : { ...flags, compare: { kind: "sub", x, y, width } });
  }
  /** DEC: all but CF. */
  decrement(x: Node, difference: Node, width: Width): void {
    this.set(this.#subtraction(x, this.#b.constant(x, 1), difference, width));
  }
  #subtraction(x: Node, y: Node, difference: Node, width: Width): FlagWrite {
    const b = this.#b;
    return {
      ...this.result(difference, width),
      af: b.wrap(b.xor(b.xor(x, y), difference)),
      of: this.sign(b.and(b.xor(x, y), b.xor(x, difference)), width),
    };
  }

  /** AND, OR, XOR, TEST: CF = OF = 0. AF is undefined; here and on the processors that were seen it is 0. */
  logic(result: Node, width: Width): void {
    const b = this.#b;
    const zero = b.i32(0);
    this.set({
      cf: zero,
      of: zero,
      af: zero,
      ...this.result(result, width),
      compare: { kind: "logic", x: result, y: b.constant(result, 0), width },
    });
  }
}
