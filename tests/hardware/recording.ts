/**
 * Recorded outcomes: what a processor made of the first cases of a form in the row of `RECORDED_SEED`. Inputs come from the seed again; kept are the bytes
 * that an instruction changed, and a byte of a hash of each input, by which a row that has become another one is noticed.
 *
 * A file has the recordings of a feature's forms: the length of its header (32 bits, little endian), the header (JSON, deflated), the forms' bytes one after
 * the other, each deflated for itself, so that a form that is recorded again leaves the others' bytes alone.
 */
import { deflateSync, inflateSync, strFromU8, strToU8 } from "fflate";
import { inputImage, outcomeImage, outcomeOf } from "./outcome-image.ts";
import type { HardwareCase, HardwareOutcome } from "./state.ts";

export const RECORDED_SEED = 20;
export const RECORDED_STATES = 200;

export interface Recording {
  /** As `nameOf` gives it. */
  readonly form: string;
  /** The name that the processor has for itself. */
  readonly processor: string;
  readonly states: number;
  readonly deflated: Uint8Array;
}

type Header = readonly (Omit<Recording, "deflated"> & { readonly size: number })[];

export function writeRecordings(recordings: readonly Recording[]): Uint8Array {
  const header: Header = recordings.map(({ deflated, ...rest }) => ({ ...rest, size: deflated.length }));
  const head = deflateSync(strToU8(JSON.stringify(header)), { level: 9 });
  const parts = [Uint8Array.of(0, 0, 0, 0), head, ...recordings.map(({ deflated }) => deflated)];
  new DataView(parts[0].buffer).setUint32(0, head.length, true);
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (file.set(part, at), at + part.length), 0);
  return file;
}

export function readRecordings(file: Uint8Array): Recording[] {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const header = JSON.parse(strFromU8(inflateSync(file.subarray(4, 4 + length)))) as Header;
  let at = 4 + length;
  return header.map(({ size, ...rest }) => ({ ...rest, deflated: file.subarray(at, (at += size)) }));
}

/** Of the state and of the code. */
function hashByte(image: Uint8Array, code: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const bytes of [image, code])
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x0100_0193);
  return (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff;
}

/** Equal bytes between two changes that are not worth a new run. */
const GAP = 2;

export function recordOutcomes(cases: readonly HardwareCase[], outcomes: readonly HardwareOutcome[]): Uint8Array {
  const bytes: number[] = [];
  const number = (value: number): void => {
    for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
    bytes.push(value);
  };
  cases.forEach((one, index) => {
    const before = inputImage(one);
    const after = outcomeImage(outcomes[index]);
    bytes.push(hashByte(before, one.code));
    let end = 0;
    for (let at = 0; at < after.length; at++) {
      if (before[at] === after[at]) continue;
      let last = at;
      for (let next = at + 1; next < after.length && next <= last + 1 + GAP; next++)
        if (before[next] !== after[next]) last = next;
      const length = last + 1 - at;
      number(length);
      number(at - end);
      bytes.push(...after.subarray(at, at + length));
      end = at = at + length;
    }
    number(0);
  });
  return deflateSync(Uint8Array.from(bytes), { level: 9 });
}

/** Gives the outcome of each case of the recorded row in turn; undefined where the case is not the one that was recorded. */
export function outcomeReader({ deflated }: Recording): (one: HardwareCase) => HardwareOutcome | undefined {
  const bytes = inflateSync(deflated);
  let position = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[position++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  return (one) => {
    const image = inputImage(one);
    const isRecorded = bytes[position++] === hashByte(image, one.code);
    for (let at = 0, length = number(); length > 0; length = number()) {
      at += number();
      image.set(bytes.subarray(position, position + length), at);
      position += length;
      at += length;
    }
    return isRecorded ? outcomeOf(image) : undefined;
  };
}
