/** Unicorn calls the hook for each round of a repeated string instruction; it counts once. */
export function isRepeatedString(bytes: Uint8Array): boolean {
  let repeated = false;
  for (const byte of bytes) {
    if (byte === 0xf2 || byte === 0xf3) repeated = true;
    else if (byte === 0x66 || byte === 0x67 || (byte & 0xe7) === 0x26 || byte === 0x64 || byte === 0x65) continue;
    else if ((byte & 0xf0) === 0x40) continue;
    else return repeated && ((byte >= 0xa4 && byte <= 0xa7) || (byte >= 0xaa && byte <= 0xaf));
  }
  return false;
}
