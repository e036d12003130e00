import type { Captured, GuestMemory, Type } from "./type.ts";
import { formatCaptured, formatFields } from "./type.ts";

export interface Field<T> {
  readonly offset: number;
  readonly type: Type<T>;
}

export function at<T>(offset: number, type: Type<T>): Field<T> {
  return { offset, type };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
export type StructValue<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A guest structure: offsets stated once; reading, writing and showing it follow from them. */
export interface Struct<F extends Fields> extends Type<StructValue<F>> {
  readonly fields: F;
  offsetOf(field: keyof F): number;
  /** Reads one field of the structure at `address`. */
  get<K extends keyof F>(memory: GuestMemory, address: number, field: K): StructValue<F>[K];
  /** Writes some fields of the structure at `address` and leaves the others. */
  set(memory: GuestMemory, address: number, values: Partial<StructValue<F>>): void;
}

/**
 * Declares a structure. Rejects fields that overlap, are misaligned (unless `packing` says less) or lie outside; unions are
 * declared as separate structures.
 */
export function struct<F extends Fields>(name: string, size: number, fields: F, packing = 16): Struct<F> {
  const entries = Object.entries(fields);
  let end = 0;
  let alignment = 1;
  for (const [field, { offset, type }] of entries.toSorted(([, a], [, b]) => a.offset - b.offset)) {
    const required = Math.min(type.alignment, packing);
    if (offset % required !== 0) throw new Error(`${name}.${field} at 0x${offset.toString(16)} is misaligned`);
    if (offset < end) throw new Error(`${name}.${field} at 0x${offset.toString(16)} overlaps the field before it`);
    end = offset + type.size;
    if (end > size) throw new Error(`${name}.${field} ends at 0x${end.toString(16)}, beyond the structure`);
    alignment = Math.max(alignment, required);
  }
  const self: Struct<F> = {
    name,
    size,
    alignment,
    fields,
    offsetOf: (field) => fields[field].offset,
    get: (memory, address, field) =>
      fields[field].type.read(memory, address + fields[field].offset) as StructValue<F>[typeof field],
    set(memory, address, values) {
      for (const [field, value] of Object.entries(values)) {
        if (value !== undefined) fields[field].type.write(memory, address + fields[field].offset, value);
      }
    },
    read: (memory, address) =>
      Object.fromEntries(
        entries.map(([field, { offset, type }]) => [field, type.read(memory, address + offset)]),
      ) as StructValue<F>,
    write(memory, address, value) {
      for (const [field, { offset, type }] of entries) type.write(memory, address + offset, value[field]);
    },
    capture(value, context) {
      const captured: Record<string, Captured> = {};
      for (const [field, { type }] of entries) captured[field] = type.capture(value[field], context);
      return { fields: captured };
    },
    format: (captured) =>
      isFields(captured)
        ? formatFields(captured.fields, (value, field) => fields[field]?.type.format(value) ?? formatCaptured(value))
        : formatCaptured(captured),
  };
  return self;
}

export function isFields(captured: Captured): captured is { readonly fields: Readonly<Record<string, Captured>> } {
  return typeof captured === "object" && captured !== null && "fields" in captured;
}

/** `count` values of `type`, one after the other. */
export function array<T>(type: Type<T>, count: number): Type<readonly T[]> {
  return {
    name: `${type.name}[${count}]`,
    size: type.size * count,
    alignment: type.alignment,
    read: (memory, address) => Array.from({ length: count }, (_, i) => type.read(memory, address + i * type.size)),
    write: (memory, address, value) => value.forEach((one, i) => type.write(memory, address + i * type.size, one)),
    capture: (value, context) => value.map((one) => type.capture(one, context)),
    format: (captured) =>
      Array.isArray(captured)
        ? `[${captured.map((one: Captured) => type.format(one)).join(", ")}]`
        : formatCaptured(captured),
  };
}

/** Raw bytes. */
export function bytes(count: number, alignment = 1): Type<Uint8Array> {
  return {
    name: `UCHAR[${count}]`,
    size: count,
    alignment,
    read: (memory, address) => memory.read(address, count),
    write: (memory, address, value) => memory.write(address, value.subarray(0, count)),
    capture: (value) => ({ length: value.length, bytes: value.slice(0, 64) }),
    format: formatCaptured,
  };
}
