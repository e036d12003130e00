/** KEY_*_INFORMATION and KEY_VALUE_*_INFORMATION as bytes. https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ */
import { encodeUtf16 } from "../abi/structures.ts";
import { enumeration } from "../abi/type.ts";
import type { KeyNode } from "./key-node.ts";
import type { KeyValue } from "./value.ts";

export const KEY_INFORMATION_CLASS = enumeration("KEY_INFORMATION_CLASS", {
  KeyBasicInformation: 0, KeyNodeInformation: 1, KeyFullInformation: 2, KeyNameInformation: 3, KeyCachedInformation: 4,
  KeyFlagsInformation: 5, KeyVirtualizationInformation: 6, KeyHandleTagsInformation: 7, KeyTrustInformation: 8, KeyLayerInformation: 9,
}); // prettier-ignore
export const KEY_VALUE_INFORMATION_CLASS = enumeration("KEY_VALUE_INFORMATION_CLASS", {
  KeyValueBasicInformation: 0, KeyValueFullInformation: 1, KeyValuePartialInformation: 2, KeyValueFullInformationAlign64: 3,
  KeyValuePartialInformationAlign64: 4, KeyValueLayerInformation: 5,
}); // prettier-ignore

/** The whole answer, and how much of it a buffer must hold at least. */
export interface Information {
  readonly bytes: Uint8Array;
  readonly fixedSize: number;
}

const NO_OFFSET = 0xffff_ffff;

function record(
  fixedSize: number,
  ...parts: readonly { readonly at: number; readonly bytes: Uint8Array }[]
): { view: DataView; information: Information } {
  const size = parts.reduce((end, { at, bytes }) => Math.max(end, at + bytes.length), fixedSize);
  const bytes = new Uint8Array(size);
  for (const part of parts) bytes.set(part.bytes, part.at);
  return { view: new DataView(bytes.buffer), information: { bytes, fixedSize } };
}

/** Undefined for a class that is not known or not implemented. */
export function keyInformation(node: KeyNode, informationClass: number): Information | undefined {
  const C = KEY_INFORMATION_CLASS;
  const name = encodeUtf16(node.name);
  const className = encodeUtf16(node.className);
  switch (informationClass) {
    case C.KeyBasicInformation: {
      const { view, information } = record(0x10, { at: 0x10, bytes: name });
      view.setBigUint64(0x0, node.lastWriteTime, true);
      view.setUint32(0xc, name.length, true);
      return information;
    }
    case C.KeyNodeInformation: {
      const classAt = (0x18 + name.length + 3) & ~3;
      const { view, information } = record(
        0x18,
        { at: 0x18, bytes: name },
        ...(className.length ? [{ at: classAt, bytes: className }] : []),
      );
      view.setBigUint64(0x0, node.lastWriteTime, true);
      view.setUint32(0xc, className.length === 0 ? NO_OFFSET : classAt, true);
      view.setUint32(0x10, className.length, true);
      view.setUint32(0x14, name.length, true);
      return information;
    }
    case C.KeyFullInformation: {
      const { view, information } = record(0x2c, { at: 0x2c, bytes: className });
      view.setBigUint64(0x0, node.lastWriteTime, true);
      view.setUint32(0xc, className.length === 0 ? NO_OFFSET : 0x2c, true);
      view.setUint32(0x10, className.length, true);
      const { subkeys, maxName, maxClass, values, maxValueName, maxValueData } = statistics(node);
      [subkeys, maxName, maxClass, values, maxValueName, maxValueData].forEach((one, index) =>
        view.setUint32(0x14 + index * 4, one, true),
      );
      return information;
    }
    case C.KeyNameInformation: {
      const path = encodeUtf16(node.path);
      const { view, information } = record(0x4, { at: 0x4, bytes: path });
      view.setUint32(0x0, path.length, true);
      return information;
    }
    case C.KeyCachedInformation: {
      const { view, information } = record(0x28);
      view.setBigUint64(0x0, node.lastWriteTime, true);
      const { subkeys, maxName, values, maxValueName, maxValueData } = statistics(node);
      [subkeys, maxName, values, maxValueName, maxValueData, name.length].forEach((one, index) =>
        view.setUint32(0xc + index * 4, one, true),
      );
      return information;
    }
    case C.KeyFlagsInformation:
      return record(0xc).information;
    case C.KeyHandleTagsInformation:
      return record(0x4).information;
    default:
      return undefined;
  }
}

/** Lengths in bytes. */
function statistics(
  node: KeyNode,
): Readonly<Record<"subkeys" | "maxName" | "maxClass" | "values" | "maxValueName" | "maxValueData", number>> {
  const largest = <T>(items: Iterable<T>, size: (item: T) => number): number => {
    let most = 0;
    for (const item of items) most = Math.max(most, size(item));
    return most;
  };
  return {
    subkeys: node.subkeys.length,
    maxName: largest(node.subkeys, (subkey) => subkey.name.length * 2),
    maxClass: largest(node.subkeys, (subkey) => subkey.className.length * 2),
    values: node.values.size,
    maxValueName: largest(node.values.values(), (value) => value.name.length * 2),
    maxValueData: largest(node.values.values(), (value) => value.data.length),
  };
}

/** Undefined for a class that is not known or not implemented. */
export function valueInformation(value: KeyValue, informationClass: number): Information | undefined {
  const C = KEY_VALUE_INFORMATION_CLASS;
  const { type, data } = value;
  const name = encodeUtf16(value.name);
  switch (informationClass) {
    case C.KeyValueBasicInformation: {
      const { view, information } = record(0xc, { at: 0xc, bytes: name });
      view.setUint32(0x4, type, true);
      view.setUint32(0x8, name.length, true);
      return information;
    }
    case C.KeyValueFullInformation:
    case C.KeyValueFullInformationAlign64: {
      const alignment = informationClass === C.KeyValueFullInformation ? 4 : 8;
      const dataAt = (0x14 + name.length + alignment - 1) & -alignment;
      const { view, information } = record(
        0x14,
        { at: 0x14, bytes: name },
        ...(data.length ? [{ at: dataAt, bytes: data }] : []),
      );
      view.setUint32(0x4, type, true);
      view.setUint32(0x8, data.length === 0 ? NO_OFFSET : dataAt, true);
      view.setUint32(0xc, data.length, true);
      view.setUint32(0x10, name.length, true);
      return information;
    }
    case C.KeyValuePartialInformation: {
      const { view, information } = record(0xc, { at: 0xc, bytes: data });
      view.setUint32(0x4, type, true);
      view.setUint32(0x8, data.length, true);
      return information;
    }
    case C.KeyValuePartialInformationAlign64: {
      const { view, information } = record(0x8, { at: 0x8, bytes: data });
      view.setUint32(0x0, type, true);
      view.setUint32(0x4, data.length, true);
      return information;
    }
    default:
      return undefined;
  }
}
