import { enumeration } from "../abi/type.ts";
import { decodeUtf16, encodeUtf16 } from "../abi/structures.ts";

export const REG_TYPE = enumeration("REG_TYPE", {
  REG_NONE: 0, REG_SZ: 1, REG_EXPAND_SZ: 2, REG_BINARY: 3, REG_DWORD: 4, REG_DWORD_BIG_ENDIAN: 5, REG_LINK: 6, REG_MULTI_SZ: 7,
  REG_RESOURCE_LIST: 8, REG_FULL_RESOURCE_DESCRIPTOR: 9, REG_RESOURCE_REQUIREMENTS_LIST: 10, REG_QWORD: 11,
}); // prettier-ignore

/** A value of a key. Any type may hold any bytes: the kernel does not look. */
export interface KeyValue {
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
}

/** What a value holds, without its name. */
export type ValueContent = Omit<KeyValue, "name">;

export function sz(text: string): ValueContent {
  return { type: REG_TYPE.REG_SZ, data: encodeUtf16(`${text}\0`) };
}
export function expandSz(text: string): ValueContent {
  return { type: REG_TYPE.REG_EXPAND_SZ, data: encodeUtf16(`${text}\0`) };
}
export function multiSz(...texts: readonly string[]): ValueContent {
  return { type: REG_TYPE.REG_MULTI_SZ, data: encodeUtf16(`${texts.map((text) => `${text}\0`).join("")}\0`) };
}
export function dword(value: number): ValueContent {
  return { type: REG_TYPE.REG_DWORD, data: Uint8Array.of(value, value >> 8, value >> 16, value >> 24) };
}
export function qword(value: bigint): ValueContent {
  return { type: REG_TYPE.REG_QWORD, data: new Uint8Array(BigUint64Array.of(value).buffer) };
}
export function binary(...bytes: readonly number[]): ValueContent {
  return { type: REG_TYPE.REG_BINARY, data: Uint8Array.from(bytes) };
}
export function link(target: string): ValueContent {
  return { type: REG_TYPE.REG_LINK, data: encodeUtf16(target) };
}

/** A value as people write it. */
export function formatValue({ type, data }: ValueContent): string {
  switch (type) {
    case REG_TYPE.REG_SZ:
    case REG_TYPE.REG_EXPAND_SZ:
    case REG_TYPE.REG_LINK:
      return JSON.stringify(decodeUtf16(data).replace(/\0$/, ""));
    case REG_TYPE.REG_MULTI_SZ:
      return JSON.stringify(decodeUtf16(data).split("\0").filter(Boolean));
    case REG_TYPE.REG_DWORD:
      if (data.length === 4)
        return `0x${(((data[3] << 24) | (data[2] << 16) | (data[1] << 8) | data[0]) >>> 0).toString(16)}`;
      break;
    default:
      break;
  }
  return `[${[...data].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}]`;
}
