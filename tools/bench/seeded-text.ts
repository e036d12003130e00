/** Words of a small vocabulary in lines, as compressible as prose: the same bytes everywhere. */
export function seededText(length: number): Uint8Array {
  let random = 0x2545f491;
  const next = (limit: number): number => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (random >>> 0) % limit;
  };
  const word = (): string => Array.from({ length: 2 + next(9) }, () => String.fromCharCode(0x61 + next(26))).join("");
  const vocabulary = Array.from({ length: 4096 }, word);
  const text = new Uint8Array(length);
  for (let at = 0; at < length;) {
    // The product of two makes some words far more frequent than others.
    const chosen = `${vocabulary[Math.floor((next(4096) * next(4096)) / 4096)]}${next(12) === 0 ? "\r\n" : " "}`;
    for (let i = 0; i < chosen.length && at < length; i++) text[at++] = chosen.charCodeAt(i);
  }
  return text;
}
