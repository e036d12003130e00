/** Emscripten's names of value types, as the typed helpers take them. */

export type ScalarType = "i8" | "i16" | "i32" | "i64" | "float" | "double";
/** i64 is a bigint, signed when read; the others are numbers. */
export type Scalar<T extends ScalarType> = T extends "i64" ? bigint : number;

export const scalarSizes: Readonly<Record<ScalarType, number>> = { i8: 1, i16: 2, i32: 4, i64: 8, float: 4, double: 8 };

export function encodeScalar(type: ScalarType, value: number | bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(scalarSizes[type]));
  switch (type) {
    case "i8":
      view.setInt8(0, Number(value));
      break;
    case "i16":
      view.setInt16(0, Number(value), true);
      break;
    case "i32":
      view.setInt32(0, Number(value), true);
      break;
    case "i64":
      view.setBigInt64(0, BigInt(value), true);
      break;
    case "float":
      view.setFloat32(0, Number(value), true);
      break;
    case "double":
      view.setFloat64(0, Number(value), true);
      break;
  }
  return new Uint8Array(view.buffer);
}

/** `bytes` are as many as the type has. */
export function decodeScalar<T extends ScalarType>(type: T, bytes: Uint8Array): Scalar<T>;
export function decodeScalar(type: ScalarType, bytes: Uint8Array): number | bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, scalarSizes[type]);
  switch (type) {
    case "i8":
      return view.getInt8(0);
    case "i16":
      return view.getInt16(0, true);
    case "i32":
      return view.getInt32(0, true);
    case "i64":
      return view.getBigInt64(0, true);
    case "float":
      return view.getFloat32(0, true);
    case "double":
      return view.getFloat64(0, true);
  }
}

/** What JavaScript programs pass as an address, a size or a time. */
export type Integer = number | bigint;

/** As a C function's `uint64_t` parameter. */
export function toUint64(value: Integer | undefined): bigint {
  return BigInt.asUintN(64, BigInt(value ?? 0));
}
