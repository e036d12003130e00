import { BytesMemory } from "../abi/bytes-memory.ts";
import { encodeUtf16 } from "../abi/structures.ts";
import type { GuestMemory } from "../abi/type.ts";

interface Encodable<Values> {
  readonly size: number;
  set(memory: GuestMemory, address: number, values: Partial<Values>): void;
}

/** A structure as bytes; fields that are left out are 0. */
export function encode<Values>(type: Encodable<Values>, values: NoInfer<Partial<Values>>): Uint8Array {
  const memory = new BytesMemory(type.size);
  type.set(memory, 0, values);
  return memory.bytes;
}

/** FILE_NAME_INFORMATION: a length in bytes and the name. */
export function encodeName(name: string): Uint8Array {
  const text = encodeUtf16(name);
  const memory = new BytesMemory(4 + text.length);
  memory.writeUint32(0, text.length);
  memory.write(4, text);
  return memory.bytes;
}
