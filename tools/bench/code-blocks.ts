/** Basic blocks of the code that the `wine` image's DLLs are made of. */
import { Decoder, isInstruction } from "../../emulator/decoder/decoder.ts";
import { HandlerLibrary } from "../../emulator/interpreter/handler-library.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { Directory, parsePe, type PeImage } from "../../kernel-shim/pe/index.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";
import type { CodeBlocks } from "../../src/bench/cold-code.ts";

const dlls = [
  "ntdll",
  "kernelbase",
  "kernel32",
  "ucrtbase",
  "msvcrt",
  "user32",
  "ole32",
  "msvcp140",
  "msvcp90",
  "shell32",
];

/** The first `wanted` blocks. Throws where the image has fewer. */
export function findBlocks(image: Layer, wanted: number): CodeBlocks[] {
  const found: CodeBlocks[] = [];
  const sweep = new Sweep();
  for (const dll of dlls) {
    if (wanted === 0) break;
    const path = `windows\\system32\\${dll}.dll`;
    const blocks = sweep.blocks(parsePe(image.read(path)), wanted);
    wanted -= blocks.length / 2;
    found.push({ path, blocks });
  }
  if (wanted > 0) throw new Error(`the image has ${wanted} blocks too few`);
  return found;
}

class Sweep {
  readonly #decoder = new Decoder(instructions, 3);
  readonly #handlers = new HandlerLibrary(instructions);

  /** Of the functions that the unwind tables name, up to what is no instruction. */
  blocks(pe: PeImage, most: number): number[] {
    const blocks: number[] = [];
    for (const [begin, end] of functionsOf(pe)) {
      const code = pe.bytesAt(begin, end - begin) ?? new Uint8Array(0);
      const reader = { byteAt: (offset: number) => code[offset] ?? 0xcc };
      for (let offset = 0; offset < code.length;) {
        if (blocks.length === most * 2) return blocks;
        const start = offset;
        let count = 0;
        let decoded;
        do {
          decoded = this.#decoder.decode(reader, offset);
          if (!isInstruction(decoded)) break;
          offset += decoded.length;
          count++;
        } while (offset < code.length && !this.#handlers.handler(decoded).endsBlock);
        if (count) blocks.push(begin + start, count);
        if (!isInstruction(decoded)) break;
      }
    }
    return blocks;
  }
}

/** Begin and end of each RUNTIME_FUNCTION, of which parts of one function have several that meet. */
function functionsOf(pe: PeImage): (readonly [number, number])[] {
  const directory = pe.directory(Directory.EXCEPTION);
  const table = directory && pe.bytesAt(directory.rva, directory.size);
  if (!table) return [];
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  return Array.from({ length: Math.floor(table.length / 12) }, (_, index) => [
    view.getUint32(index * 12, true),
    view.getUint32(index * 12 + 4, true),
  ]);
}
