/**
 * Writes what a run changed to a host folder. Guest names are hostile: every component is encoded so that it can neither leave the
 * folder, nor collide with another one in case, nor mean something special to any host; links on the host are not followed.
 */
import { constants, lstatSync, mkdirSync, openSync, closeSync, writeSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";

export interface OutFile {
  /** Guest path such as `C:\folder\file.txt`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const reservedOnWindows = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
const longestName = 200; // bytes; hosts allow 255

/** One component of a guest path as a host file name. Percent encoding, so the original can be read back; long names end in a hash. */
export function encodeComponent(name: string): string {
  const percent = (text: string) =>
    [...new TextEncoder().encode(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  let encoded = name
    .toWellFormed()

    .replace(/[\u0000-\u001f\u007f-\u009f/\\:*?"<>|%\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]/g, percent)
    .replace(/^[.~]|[. ]$/g, percent);
  if (reservedOnWindows.test(encoded)) encoded = percent(encoded[0]) + encoded.slice(1);
  if (Buffer.byteLength(encoded) > longestName) {
    const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
    encoded = `${Buffer.from(encoded).subarray(0, longestName).toString().replace(/\ufffd+$/, "")}%~${hash}`; // prettier-ignore
  }
  return encoded === "" ? "%00" : encoded;
}

/** Writes files under `directory` as `C/folder/file.txt`, and `index.json` with guest path → host path. Throws on a host error. */
export function writeFilesOut(directory: string, files: readonly OutFile[]): void {
  mkdirSync(directory, { recursive: true });
  const names = new Map<string, Map<string, string>>(); // host folder → lower-case host name → guest name
  const index: Record<string, string> = {};
  for (const file of files) {
    const components = file.path.replace(/^([A-Za-z]):/, "$1").split("\\").filter((part) => part !== ""); // prettier-ignore
    let host = directory;
    let relative = "";
    components.forEach((component, depth) => {
      const name = uniqueName(names, host, component);
      host = join(host, name);
      relative = relative === "" ? name : `${relative}/${name}`;
      if (depth < components.length - 1) makeRealDirectory(host);
    });
    writeNoFollow(host, file.bytes);
    index[file.path] = relative;
  }
  writeNoFollow(join(directory, "index.json"), new TextEncoder().encode(JSON.stringify(index, undefined, 2) + "\n"));
}

function uniqueName(names: Map<string, Map<string, string>>, host: string, component: string): string {
  let used = names.get(host);
  if (!used) names.set(host, (used = new Map()));
  const encoded = encodeComponent(component);
  for (let attempt = 0; ; attempt++) {
    const candidate = attempt === 0 ? encoded : `${encoded}%~${attempt}`;
    const owner = used.get(candidate.toLowerCase());
    if (owner === undefined) used.set(candidate.toLowerCase(), component);
    if (owner === undefined || owner === component) return candidate;
  }
}

function makeRealDirectory(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) mkdirSync(path);
  else if (!stat.isDirectory()) throw new Error(`${path} is in the way: it is no directory (links are not followed)`);
}

function writeNoFollow(path: string, bytes: Uint8Array): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | (O_NOFOLLOW ?? 0), 0o644);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}
