import { malformed } from "./error.ts";
import { Directory } from "./headers.ts";
import type { PeImage } from "./image.ts";

/** IMAGE_TLS_DIRECTORY64 with its addresses as RVAs. */
export interface TlsDirectory {
  readonly startOfRawData: number;
  readonly endOfRawData: number;
  readonly addressOfIndex: number;
  readonly callbacks: readonly number[];
  readonly sizeOfZeroFill: number;
}

const MAX_CALLBACKS = 1024;

/** @throws PeError */
export function tlsOf(image: PeImage): TlsDirectory | undefined {
  const directory = image.directory(Directory.TLS);
  if (directory === undefined) return undefined;
  const { imageBase } = image.headers;
  const rvaOf = (at: number): number => {
    const address = image.u64(at);
    return address === 0 ? 0 : address - imageBase;
  };
  const callbackTable = rvaOf(directory.rva + 0x18);
  const callbacks: number[] = [];
  for (let at = callbackTable; callbackTable !== 0; at += 8) {
    const callback = rvaOf(at);
    if (callback === 0) break;
    if (callbacks.length === MAX_CALLBACKS) throw malformed(`it has more than ${MAX_CALLBACKS} TLS callbacks`);
    callbacks.push(callback);
  }
  return {
    startOfRawData: rvaOf(directory.rva),
    endOfRawData: rvaOf(directory.rva + 8),
    addressOfIndex: rvaOf(directory.rva + 0x10),
    callbacks,
    sizeOfZeroFill: image.u32(directory.rva + 0x20),
  };
}
