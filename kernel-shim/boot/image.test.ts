import { gzipSync } from "fflate";
import { expect, test } from "vitest";
import { ContentPending } from "../io-manager/layer.ts";
import { FetchedContent, ImageLayer, wholeContent } from "./image.ts";
import type { ImageManifest } from "./image.ts";

const encoder = new TextEncoder();

function image(texts: Record<string, string>): { manifest: ImageManifest; content: Uint8Array } {
  let offset = 0;
  const members: Uint8Array[] = [];
  const files = Object.entries(texts).map(([path, text]) => {
    const member = gzipSync(encoder.encode(text));
    members.push(member);
    const file = { path, size: text.length, sha256: "", modified: 0, offset, length: member.length };
    offset += member.length;
    return file;
  });
  const content = new Uint8Array(members.flatMap((member) => [...member]));
  const manifest: ImageManifest = {
    format: 1,
    name: "test",
    packages: [],
    recipe: "",
    content: { file: "content.bin", size: content.length, sha256: "" },
    files,
  };
  return { manifest, content };
}

const texts = { "windows/system32/ntdll.dll": "the native layer", "windows/win.ini": "", "readme.txt": "hello" };

test("lists directories and reads files, whatever the case", () => {
  const { manifest, content } = image(texts);
  const layer = new ImageLayer(manifest, wholeContent(content));
  expect(layer.list("")?.map(({ name, directory }) => [name, directory])).toEqual([
    ["windows", true],
    ["readme.txt", false],
  ]);
  expect(layer.list("Windows")?.map(({ name }) => name)).toEqual(["system32", "win.ini"]);
  expect(layer.list("Windows\\System32")?.[0]).toMatchObject({ name: "ntdll.dll", size: 16, directory: false });
  expect(layer.list("nowhere")).toBeUndefined();
  expect(new TextDecoder().decode(layer.read("WINDOWS\\SYSTEM32\\NTDLL.DLL"))).toBe("the native layer");
  expect(layer.read("windows\\win.ini")).toHaveLength(0);
});

test("a file that is still to be fetched is asked for once", async () => {
  const { manifest, content } = image(texts);
  const requests: number[] = [];
  const fetched = new FetchedContent((offset, length) => {
    requests.push(offset);
    return Promise.resolve(content.subarray(offset, offset + length));
  });
  const layer = new ImageLayer(manifest, fetched);
  const pending = [0, 1].map(() => {
    try {
      return layer.read("readme.txt");
    } catch (error) {
      return error;
    }
  });
  expect(pending[0]).toBeInstanceOf(ContentPending);
  await (pending[0] as ContentPending).arrival;
  expect(new TextDecoder().decode(layer.read("readme.txt"))).toBe("hello");
  expect(requests).toHaveLength(1);
});

test("a damaged manifest or content is told, not read", () => {
  const { manifest, content } = image(texts);
  const [first] = manifest.files;
  expect(() => new ImageLayer({ ...manifest, files: [{ ...first, length: 1 << 20 }] }, wholeContent(content))).toThrow(
    "damaged",
  );
  expect(() => new ImageLayer({ ...manifest, files: [{ ...first, path: "../x" }] }, wholeContent(content))).toThrow(
    "damaged",
  );
  const shorter = new ImageLayer({ ...manifest, files: [{ ...first, size: first.size + 1 }] }, wholeContent(content));
  expect(() => shorter.read("windows\\system32\\ntdll.dll")).toThrow("damaged");
});
