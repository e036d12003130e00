import { ImageLayer, earlyFiles, wholeContent, type ImageContent, type ImageFile, type ImageManifest } from "../../kernel-shim/boot/image.ts"; // prettier-ignore
import type { ImageProgress } from "./interface.ts";

const CACHE = "ring3-images";

/** The layer of the `wine` image: from the browser's cache, or fetched from beside the page, with progress. */
export async function loadImageLayer(base: URL, onProgress: (progress: ImageProgress) => void): Promise<ImageLayer> {
  const manifestUrl = new URL("manifest.json", base);
  const response = await fetch(manifestUrl, { cache: "no-cache" });
  if (!response.ok) throw new Error("The image wine is not on this server. Build it with: npm run image");
  const manifest = (await response.json()) as ImageManifest;
  const { file, size, sha256 } = manifest.content;
  const url = new URL(`${file}?${sha256.slice(0, 16)}`, base);
  const progress = (phase: ImageProgress["phase"], loaded: number) =>
    onProgress({ image: "wine", phase, loaded, total: size });
  const cache = await caches.open(CACHE).catch(() => undefined);
  const kept = await cache?.match(url);
  const bytes = kept
    ? new Uint8Array(await kept.arrayBuffer())
    : await download(url, size, (n) => progress("download", n));
  if (bytes.length !== size) throw new Error("The image arrived incomplete. Reload the page to fetch it again.");
  if (cache && !kept) await cache.put(url, new Response(bytes)).catch(() => undefined);
  const content = await inflatedAhead(bytes, earlyFiles(manifest));
  progress("ready", size);
  return new ImageLayer(manifest, content);
}

/** The browser inflates several times faster than a script, but not at once: so `files` are done in advance, and others when they are read. */
async function inflatedAhead(bytes: Uint8Array<ArrayBuffer>, files: readonly ImageFile[]): Promise<ImageContent> {
  const inflated = new Map<string, Uint8Array>();
  await Promise.all(
    files.map(async ({ path, offset, length }) => {
      const member = new Blob([bytes.subarray(offset, offset + length)]).stream();
      const stream = member.pipeThrough(new DecompressionStream("gzip"));
      inflated.set(path, new Uint8Array(await new Response(stream).arrayBuffer()));
    }),
  );
  const others = wholeContent(bytes);
  return { read: (file) => inflated.get(file.path) ?? others.read(file) };
}

async function download(url: URL, size: number, onBytes: (loaded: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`The image could not be fetched (HTTP ${response.status}).`);
  const bytes = new Uint8Array(size);
  let at = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.subarray(0, at);
    if (at + value.length > size) throw new Error("The image is larger than its manifest says. Build it again.");
    bytes.set(value, at);
    at += value.length;
    onBytes(at);
  }
}
