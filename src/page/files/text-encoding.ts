/** Which text a file's bytes are: by its byte order mark, else by what the bytes look like. */
export type TextEncoding = "UTF-8" | "UTF-16 LE" | "UTF-16 BE" | "Windows-1252";

export interface RecognizedText {
  readonly encoding: TextEncoding;
  readonly byteOrderMark: boolean;
  readonly text: string;
}

const decoders: Record<TextEncoding, string> = {
  "UTF-8": "utf-8",
  "UTF-16 LE": "utf-16le",
  "UTF-16 BE": "utf-16be",
  "Windows-1252": "windows-1252",
};

/** Undefined for what is no text. Looks at the first 64 KB to decide, decodes all of it. */
export function recognizeText(bytes: Uint8Array): RecognizedText | undefined {
  const mark = markOf(bytes);
  const encoding = mark ?? guess(bytes.subarray(0, 65_536));
  if (encoding === undefined) return undefined;
  const text = new TextDecoder(decoders[encoding]).decode(bytes);
  return { encoding, byteOrderMark: mark !== undefined, text };
}

function markOf(bytes: Uint8Array): TextEncoding | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "UTF-8";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "UTF-16 LE";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "UTF-16 BE";
  return undefined;
}

function guess(head: Uint8Array): TextEncoding | undefined {
  if (head.length === 0) return "UTF-8";
  if (head.includes(0)) return head.length % 2 === 0 ? guessWide(head) : undefined;
  if (!hasOnlyTextControls(head)) return undefined;
  try {
    // A character may be cut where the head ends: `stream` lets that pass.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return "UTF-8";
  } catch {
    return "Windows-1252";
  }
}

/** UTF-16 without a mark: zeros nearly all on one side, and what they belong to is text. */
function guessWide(head: Uint8Array): TextEncoding | undefined {
  let even = 0;
  let odd = 0;
  for (let i = 0; i < head.length; i++) {
    if (head[i] !== 0) continue;
    if (i % 2 === 0) even++;
    else odd++;
  }
  const half = head.length / 2;
  const encoding =
    odd > half * 0.4 && even === 0 ? "UTF-16 LE" : even > half * 0.4 && odd === 0 ? "UTF-16 BE" : undefined;
  if (encoding === undefined) return undefined;
  const low = head.filter((_, i) => i % 2 === (encoding === "UTF-16 LE" ? 0 : 1));
  return hasOnlyTextControls(low) ? encoding : undefined;
}

function hasOnlyTextControls(bytes: Uint8Array): boolean {
  return bytes.every(
    (byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d || byte === 0x0c || byte === 0x1a,
  );
}
