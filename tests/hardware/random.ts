/** Deterministic pseudo-random numbers (xorshift128, Marsaglia 2003) and operand values worth testing. */
export class Random {
  #state: Uint32Array;
  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, 362436069, 521288629, 88675123);
    for (let i = 0; i < 16; i++) this.uint32();
  }
  uint32(): number {
    const s = this.#state;
    let t = s[0];
    t ^= t << 11;
    t ^= t >>> 8;
    s.copyWithin(0, 1);
    s[3] = s[3] ^ (s[3] >>> 19) ^ t;
    return s[3];
  }
  below(limit: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * limit);
  }
  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** Random bits in which long runs of ones and zeros are as likely as noise. */
  bits(width: number): bigint {
    const mask = (1n << BigInt(width)) - 1n;
    const noise = this.uint64() & mask;
    switch (this.below(5)) {
      case 0:
        return noise & this.uint64() & this.uint64();
      case 1:
        return (noise | this.uint64() | this.uint64()) & mask;
      case 2:
        return (noise << BigInt(this.below(width))) & mask;
      case 3:
        return this.below(2) ? mask >> BigInt(this.below(width)) : (mask << BigInt(this.below(width))) & mask;
      default:
        return noise;
    }
  }

  /** An IEEE number of 32 or 64 bits: often small exponents, ends of the range, infinities, NaNs, integers. */
  interchange(exponentBits: number, fractionBits: number): bigint {
    const bias = 2 ** (exponentBits - 1) - 1;
    const ones = 2 ** exponentBits - 1;
    const sign = BigInt(this.below(2)) << BigInt(exponentBits + fractionBits);
    let exponent: number;
    let fraction = this.bits(fractionBits);
    switch (this.below(10)) {
      case 0:
        exponent = 0;
        if (this.below(2)) fraction = 0n;
        break;
      case 1:
        exponent = ones;
        if (this.below(2)) fraction = 0n;
        break;
      case 2:
        exponent = this.below(4);
        break;
      case 3:
        exponent = ones - 1 - this.below(3);
        break;
      case 4:
        exponent = this.below(ones);
        break;
      case 5:
        exponent = bias + this.below(6);
        fraction = (this.bits(6) << BigInt(fractionBits)) >> 6n;
        break;
      default:
        exponent = bias - 40 + this.below(110);
    }
    return sign | (BigInt(Math.max(0, Math.min(exponent, ones))) << BigInt(fractionBits)) | fraction;
  }
  single(): bigint {
    return this.interchange(8, 23);
  }
  double(): bigint {
    return this.interchange(11, 52);
  }

  /** Ten bytes of the 80-bit format, now and then one that the format does not support. */
  extended(): Uint8Array {
    const bits = this.interchange(15, 63);
    let significand = bits & 0x7fff_ffff_ffff_ffffn;
    const upper = Number(bits >> 63n);
    const normal = (upper & 0x7fff) !== 0;
    if (this.below(40) === 0 ? !normal : normal) significand |= 1n << 63n;
    const bytes = new Uint8Array(10);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, significand, true);
    view.setUint16(8, upper, true);
    return bytes;
  }
}
