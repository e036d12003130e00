import type { GuestMemory } from "./type.ts";

/** Bytes under construction, seen as guest memory: structures are written into it before it is copied to the guest. Address 0 is its first byte. */
export class BytesMemory implements GuestMemory {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array | number) {
    this.bytes = typeof bytes === "number" ? new Uint8Array(bytes) : bytes;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }
  read(address: number, length: number): Uint8Array {
    if (address + length > this.bytes.length)
      throw new RangeError(`read of ${length} bytes at ${address} of ${this.bytes.length}`);
    return this.bytes.slice(address, address + length);
  }
  write(address: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, address);
  }
  readUint8(address: number): number {
    return this.view.getUint8(address);
  }
  readUint16(address: number): number {
    return this.view.getUint16(address, true);
  }
  readUint32(address: number): number {
    return this.view.getUint32(address, true);
  }
  readUint64(address: number): bigint {
    return this.view.getBigUint64(address, true);
  }
  readPointer(address: number): number {
    return Number(this.view.getBigUint64(address, true));
  }
  writeUint8(address: number, value: number): void {
    this.view.setUint8(address, value);
  }
  writeUint16(address: number, value: number): void {
    this.view.setUint16(address, value, true);
  }
  writeUint32(address: number, value: number): void {
    this.view.setUint32(address, value, true);
  }
  writeUint64(address: number, value: bigint): void {
    this.view.setBigUint64(address, value, true);
  }
  writePointer(address: number, value: number): void {
    this.view.setBigUint64(address, BigInt(value), true);
  }
}
