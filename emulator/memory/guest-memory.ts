/** Memory as instructions see it: everything else of an address space is for who runs them. */
import type { AccessKind, AddressSpace } from "../cpu.ts";

export type GuestMemory = Pick<
  AddressSpace,
  | "read" | "write" | "probe"
  | "readUint8" | "readUint16" | "readUint32" | "readUint64"
  | "writeUint8" | "writeUint16" | "writeUint32" | "writeUint64"
>; // prettier-ignore

/** The three ways to memory that the others lead to. */
export interface AccessPath {
  /** A fresh copy. Throws GuestFault. */
  read(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
  /** Before something is read that will be written, or as `AddressSpace.probe`. */
  probe(address: number, length: number, access: AccessKind): void;
}

/** Somebody's path to memory, in the shape that instructions want. */
export class GuestMemoryOver implements GuestMemory {
  readonly #path: AccessPath;

  constructor(path: AccessPath) {
    this.#path = path;
  }

  read(address: number, length: number): Uint8Array {
    return this.#path.read(address, length);
  }
  write(address: number, bytes: Uint8Array): void {
    if (bytes.length) this.#path.write(address, bytes);
  }
  probe(address: number, length: number, access: AccessKind): void {
    this.#path.probe(address, length, access);
  }
  #view(address: number, length: number): DataView {
    const bytes = this.#path.read(address, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }
  readUint8(address: number): number {
    return this.#view(address, 1).getUint8(0);
  }
  readUint16(address: number): number {
    return this.#view(address, 2).getUint16(0, true);
  }
  readUint32(address: number): number {
    return this.#view(address, 4).getUint32(0, true);
  }
  readUint64(address: number): bigint {
    return this.#view(address, 8).getBigUint64(0, true);
  }
  #store(address: number, length: number, set: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(length));
    set(view);
    this.#path.write(address, new Uint8Array(view.buffer));
  }
  writeUint8(address: number, value: number): void {
    this.#store(address, 1, (view) => view.setUint8(0, value));
  }
  writeUint16(address: number, value: number): void {
    this.#store(address, 2, (view) => view.setUint16(0, value, true));
  }
  writeUint32(address: number, value: number): void {
    this.#store(address, 4, (view) => view.setUint32(0, value, true));
  }
  writeUint64(address: number, value: bigint): void {
    this.#store(address, 8, (view) => view.setBigUint64(0, value, true));
  }
}
