/** Emscripten's names of value types, as the typed helpers take them. */

export type ScalarType = "i8" | "i16" | "i32" | "i64" | "float" | "double";
/** i64 is a bigint, signed when read; the others are numbers. */
export type Scalar<T extends ScalarType> = T extends "i64" ? bigint : number;

export const scalarSizes: Readonly<Record<ScalarType, number>> = { i8: 1, i16: 2, i32: 4, i64: 8, float: 4, double: 8 };

export function setScalar(type: ScalarType, view: DataView, offset: number, value: Integer): void {
  switch (type) {
    case "i8":
      return view.setInt8(offset, Number(value));
    case "i16":
      return view.setInt16(offset, Number(value), true);
    case "i32":
      return view.setInt32(offset, Number(value), true);
    case "i64":
      return view.setBigInt64(offset, BigInt(value), true);
    case "float":
      return view.setFloat32(offset, Number(value), true);
    case "double":
      return view.setFloat64(offset, Number(value), true);
  }
}

export function getScalar<T extends ScalarType>(type: T, view: DataView, offset: number): Scalar<T>;
export function getScalar(type: ScalarType, view: DataView, offset: number): Integer {
  switch (type) {
    case "i8":
      return view.getInt8(offset);
    case "i16":
      return view.getInt16(offset, true);
    case "i32":
      return view.getInt32(offset, true);
    case "i64":
      return view.getBigInt64(offset, true);
    case "float":
      return view.getFloat32(offset, true);
    case "double":
      return view.getFloat64(offset, true);
  }
}

/** What JavaScript programs pass as an address, a size or a time. */
export type Integer = number | bigint;

/** As a C function's `uint64_t` parameter. */
export function toUint64(value: Integer | undefined): bigint {
  return BigInt.asUintN(64, BigInt(value ?? 0));
}
