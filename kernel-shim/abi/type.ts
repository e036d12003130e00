import type { AddressSpace } from "../../emulator/cpu.ts";

/** What reading and writing guest values needs of memory: an address space, or bytes that will be copied into one. */
export type GuestMemory = Pick<
  AddressSpace,
  | "read"
  | "write"
  | "readUint8"
  | "readUint16"
  | "readUint32"
  | "readUint64"
  | "readPointer"
  | "writeUint8"
  | "writeUint16"
  | "writeUint32"
  | "writeUint64"
  | "writePointer"
>;

/** A value as the trace keeps it: plain data that no later change of the guest can alter. Types turn it into text when somebody looks. */
export type Captured =
  | null
  | boolean
  | number
  | bigint
  | string
  /** A handle and the object that it stood for at the time of the call, as "Type \\Path". */
  | { readonly handle: number; readonly object: string | undefined }
  /** A buffer: its whole length and its first bytes. */
  | { readonly length: number; readonly bytes: Uint8Array }
  | { readonly fields: Readonly<Record<string, Captured>> }
  | readonly Captured[];

/** What capturing may ask of the machine. */
export interface CaptureContext {
  readonly memory: GuestMemory;
  /** "Type \\Path" of the object behind a handle of the calling process. */
  describeHandle(handle: number): string | undefined;
}

/** A guest type: how its values are read, written, captured and shown. */
export interface Type<T> {
  readonly name: string;
  readonly size: number;
  readonly alignment: number;
  read(memory: GuestMemory, address: number): T;
  write(memory: GuestMemory, address: number, value: T): void;
  capture(value: T, context: CaptureContext): Captured;
  format(captured: Captured): string;
}

export type ValueOf<X> = X extends Type<infer T> ? T : never;

/** The arguments of a system call as they lie in registers and on the stack. */
export interface ArgumentSource {
  /** The low half of argument `index`; the upper half of a 32-bit argument is garbage. */
  low32(index: number): number;
  number(index: number): number;
  bigint(index: number): bigint;
}

/** A type that fits in one register and so can be an argument itself. */
export interface Scalar<T> extends Type<T> {
  fromArgument(source: ArgumentSource, index: number): T;
}

const plain = (value: Captured): Captured => value;

/** Text for values that no type knows more about. */
export function formatCaptured(value: Captured): string {
  switch (typeof value) {
    case "number":
      return Math.abs(value) < 10 ? String(value) : `0x${value.toString(16)}`;
    case "bigint":
      return value < 10n && value > -10n ? String(value) : `0x${value.toString(16)}`;
    case "boolean":
      return value ? "TRUE" : "FALSE";
    case "string":
      return quote(value);
    case "object":
      if (value === null) return "NULL";
      if ("handle" in value) {
        return value.object === undefined
          ? formatHandle(value.handle)
          : `${formatHandle(value.handle)} (${value.object})`;
      }
      if ("bytes" in value) return formatBytes(value);
      if ("fields" in value) return formatFields(value.fields, formatCaptured);
      return `[${value.map(formatCaptured).join(", ")}]`;
    default:
      throw new TypeError(`captured a ${typeof value}`);
  }
}

export function formatFields(
  fields: Readonly<Record<string, Captured>>,
  one: (value: Captured, name: string) => string,
): string {
  return `{${Object.entries(fields)
    .map(([name, value]) => `${name}: ${one(value, name)}`)
    .join(", ")}}`;
}

export function quote(text: string): string {
  return JSON.stringify(text);
}

function formatHandle(handle: number): string {
  return handle < 0 ? String(handle) : `0x${handle.toString(16)}`;
}

function formatBytes({ length, bytes }: { readonly length: number; readonly bytes: Uint8Array }): string {
  const utf16 = bytes.length >= 4 && bytes.length % 2 === 0 && bytes.every((byte, at) => at % 2 === 0 || byte === 0);
  const units = utf16 ? new Uint16Array(bytes.slice().buffer) : bytes;
  const printable = units.length > 0 && units.every((c) => (c >= 0x20 && c < 0x7f) || c === 9 || c === 10 || c === 13);
  const more = length > bytes.length ? "…" : "";
  if (printable) return `${utf16 ? "L" : ""}${quote(String.fromCharCode(...units))}${more} (${length} bytes)`;
  return `[${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}${more}] (${length} bytes)`;
}

function unsigned32(
  name: string,
  size: 1 | 2 | 4,
  read: (memory: GuestMemory, address: number) => number,
  write: (memory: GuestMemory, address: number, value: number) => void,
): Scalar<number> {
  const mask = size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1;
  return {
    name,
    size,
    alignment: size,
    read,
    write,
    fromArgument: (source, index) => (source.low32(index) & mask) >>> 0,
    capture: plain,
    format: formatCaptured,
  };
}

/** `type` under another name: its meaning differs, its bits do not. */
export function alias<T>(name: string, type: Scalar<T>): Scalar<T> {
  return { ...type, name };
}

/** `type` for a length or a count: shown in decimal, where masks and addresses are shown in hexadecimal. */
export function decimal<T extends number | bigint>(type: Scalar<T>): Scalar<T> {
  return {
    ...type,
    format: (captured) => (typeof captured === "number" ? String(captured) : formatCaptured(captured)),
  };
}

export const u8 = unsigned32("UCHAR", 1, (m, a) => m.readUint8(a), (m, a, v) => m.writeUint8(a, v)); // prettier-ignore
export const u16 = unsigned32("USHORT", 2, (m, a) => m.readUint16(a), (m, a, v) => m.writeUint16(a, v)); // prettier-ignore
export const u32 = unsigned32("ULONG", 4, (m, a) => m.readUint32(a), (m, a, v) => m.writeUint32(a, v >>> 0)); // prettier-ignore
export const ULONG = u32;
export const USHORT = u16;
export const UCHAR = u8;
/** A ULONG that is a length in bytes or a count. */
export const ULONG_LENGTH = decimal(ULONG);
export const ACCESS_MASK = alias("ACCESS_MASK", u32);

export const LONG: Scalar<number> = {
  ...u32,
  name: "LONG",
  read: (memory, address) => memory.readUint32(address) | 0,
  fromArgument: (source, index) => source.low32(index) | 0,
  format: (captured) => String(captured),
};
export const i32 = LONG;

export const u64: Scalar<bigint> = {
  name: "ULONGLONG",
  size: 8,
  alignment: 8,
  read: (memory, address) => memory.readUint64(address),
  write: (memory, address, value) => memory.writeUint64(address, BigInt.asUintN(64, value)),
  fromArgument: (source, index) => source.bigint(index),
  capture: plain,
  format: formatCaptured,
};

/** Signed 64 bits: times, offsets, counts. */
export const LARGE_INTEGER: Scalar<bigint> = {
  ...u64,
  name: "LARGE_INTEGER",
  read: (memory, address) => BigInt.asIntN(64, memory.readUint64(address)),
  fromArgument: (source, index) => BigInt.asIntN(64, source.bigint(index)),
  format: (captured) => String(captured),
};

/** An unsigned 64-bit value as a number: sizes and addresses. Exact up to 2^53, which user-mode addresses never exceed. */
export const ULONG_PTR: Scalar<number> = {
  name: "ULONG_PTR",
  size: 8,
  alignment: 8,
  read: (memory, address) => memory.readPointer(address),
  write: (memory, address, value) => memory.writePointer(address, value),
  fromArgument: (source, index) => source.number(index),
  capture: plain,
  format: formatCaptured,
};
export const SIZE_T = alias("SIZE_T", ULONG_PTR);
/** A SIZE_T that is a length of data, not of an address range. */
export const SIZE_LENGTH = decimal(SIZE_T);
export const PVOID = alias("PVOID", ULONG_PTR);

/** A pointer-sized value that the kernel hands back as it got it, a completion key for example: all 64 bits count. */
export const OPAQUE = alias("PVOID", u64);

/** A pointer field; what it points to is for its reader to follow. */
export function pointerTo(name: string): Scalar<number> {
  return alias(`${name}*`, ULONG_PTR);
}

/** BOOLEAN is one byte; C compilers leave garbage above it in the register. */
export const BOOLEAN: Scalar<boolean> = {
  name: "BOOLEAN",
  size: 1,
  alignment: 1,
  read: (memory, address) => memory.readUint8(address) !== 0,
  write: (memory, address, value) => memory.writeUint8(address, value ? 1 : 0),
  fromArgument: (source, index) => (source.low32(index) & 0xff) !== 0,
  capture: plain,
  format: formatCaptured,
};

/** A handle, signed: -1 is the current process, -2 the current thread. Handles have 32 significant bits. */
export const HANDLE: Scalar<number> = {
  name: "HANDLE",
  size: 8,
  alignment: 8,
  read: (memory, address) => Number(BigInt.asIntN(64, memory.readUint64(address))),
  write: (memory, address, value) => memory.writeUint64(address, BigInt.asUintN(64, BigInt(value))),
  fromArgument: (source, index) => Number(BigInt.asIntN(64, source.bigint(index))),
  capture: (handle, context) => ({ handle, object: handle === 0 ? undefined : context.describeHandle(handle) }),
  format: formatCaptured,
};

/** A set of named bits, for example an access mask. The names are properties: `EventAccess.EVENT_MODIFY_STATE`. */
export type Flags<Names extends string> = Scalar<number> & { readonly [Name in Names]: number } & {
  readonly names: Readonly<Record<Names, number>>;
};

/** Names of several bits come before the names of their parts, and are taken first when a value is shown. */
export function flags<Names extends string>(
  name: string,
  names: Readonly<Record<Names, number>>,
  base: Scalar<number> = u32,
): Flags<Names> {
  const entries = Object.entries<number>(names);
  const format = (captured: Captured): string => {
    if (typeof captured !== "number") return formatCaptured(captured);
    if (captured === 0) return entries.find(([, bits]) => bits === 0)?.[0] ?? "0";
    let rest = captured;
    const parts: string[] = [];
    for (const [flag, bits] of entries) {
      if (bits === 0 || (rest & bits) !== (bits | 0)) continue;
      parts.push(flag);
      rest &= ~bits;
    }
    if (rest !== 0) parts.push(`0x${(rest >>> 0).toString(16)}`);
    return parts.join(" | ");
  };
  return Object.assign({ ...base, name, names, format }, names);
}

/** One of several named values. The names are properties: `EVENT_TYPE.NotificationEvent`. */
export type Enumeration<Names extends string> = Scalar<number> & { readonly [Name in Names]: number } & {
  readonly names: Readonly<Record<Names, number>>;
  nameOf(value: number): string | undefined;
};

export function enumeration<Names extends string>(
  name: string,
  names: Readonly<Record<Names, number>>,
  base: Scalar<number> = u32,
): Enumeration<Names> {
  const byValue = new Map(Object.entries<number>(names).map(([key, value]) => [value, key]));
  const nameOf = (value: number): string | undefined => byValue.get(value);
  const format = (captured: Captured): string =>
    (typeof captured === "number" ? nameOf(captured) : undefined) ?? formatCaptured(captured);
  return Object.assign({ ...base, name, names, nameOf, format }, names);
}
