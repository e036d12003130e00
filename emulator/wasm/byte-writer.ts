const float = new DataView(new ArrayBuffer(8));

/** A growing byte buffer with the encodings of WebAssembly's binary format. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  length = 0;

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }
  bytes(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#bytes.set(values, this.length);
    this.length += values.length;
  }
  /** Unsigned LEB128 of an integer below 2^32. */
  unsigned(value: number): void {
    this.#reserve(5);
    value >>>= 0;
    while (value > 0x7f) {
      this.#bytes[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.length++] = value;
  }
  /** Signed LEB128 of a 32-bit integer. */
  signed32(value: number): void {
    this.#reserve(5);
    value |= 0;
    for (;;) {
      const low = value & 0x7f;
      value >>= 7;
      if ((value === 0 && !(low & 0x40)) || (value === -1 && low & 0x40)) {
        this.#bytes[this.length++] = low;
        return;
      }
      this.#bytes[this.length++] = low | 0x80;
    }
  }
  /** Signed LEB128 of a 64-bit integer. */
  signed64(value: bigint): void {
    value = BigInt.asIntN(64, value);
    if (value >= -0x8000_0000n && value <= 0x7fff_ffffn) {
      this.signed32(Number(value));
      return;
    }
    this.#reserve(10);
    for (;;) {
      const low = Number(value & 0x7fn);
      value >>= 7n;
      if ((value === 0n && !(low & 0x40)) || (value === -1n && low & 0x40)) {
        this.#bytes[this.length++] = low;
        return;
      }
      this.#bytes[this.length++] = low | 0x80;
    }
  }
  f32(value: number): void {
    float.setFloat32(0, value, true);
    this.bytes(new Uint8Array(float.buffer, 0, 4));
  }
  f64(value: number): void {
    float.setFloat64(0, value, true);
    this.bytes(new Uint8Array(float.buffer, 0, 8));
  }
  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.bytes(bytes);
  }
  /** The bytes of `other`, preceded by their count. */
  sized(other: ByteWriter): void {
    this.unsigned(other.length);
    this.bytes(other.view());
  }
  /** The bytes written so far; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }
}
