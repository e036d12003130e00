import { describe, expect, it } from "vitest";
import { commonCode } from "../../tools/handlers/common-code.ts";
import { Decoder, isInstruction } from "../decoder/decoder.ts";
import { CALL, JMP_INDIRECT } from "../isa/control-transfer.ts";
import { instructions } from "../isa/index.ts";
import type { Instruction } from "../isa/instruction.ts";
import { BlockLibrary, saveBlocks, SHIFT, type KeptBlock } from "./block-library.ts";
import { HandlerLibrary } from "./handler-library.ts";
import { record } from "./record.ts";
import { writeRecord } from "./shape.ts";

const PAGE = 0x7ff6_1234_5000;
const decoder = new Decoder(instructions, 3);

function decode(code: Uint8Array, rip: number): Instruction {
  const decoded = decoder.decode({ byteAt: (address) => code[address - rip] ?? 0xcc }, rip);
  if (!isInstruction(decoded)) throw new Error("no instruction");
  return decoded;
}

const instructionsOfCode = commonCode
  .trim()
  .split(/\s+/)
  .map((hex) => new Uint8Array(Buffer.from(hex, "hex")));

const library = new HandlerLibrary(instructions);
/** Every instruction of common code as a block of its own, at various places of a page. */
const blocks = instructionsOfCode.map((code, index): KeptBlock => {
  const rip = PAGE + ((index * 29) % 0xf00);
  const instruction = decode(code, rip);
  return {
    rip,
    code,
    instructions: [instruction],
    shifted: [decode(code, rip + SHIFT)],
    ended: library.handler(instruction).endsBlock,
  };
});

function recordOf(write: (view: DataView) => void): string {
  const view = new DataView(new ArrayBuffer(record.size));
  write(view);
  return new Uint8Array(view.buffer).join();
}

describe("kept blocks", () => {
  const kept = new BlockLibrary(saveBlocks(blocks, library, library.size));
  const found = (code: Uint8Array, rip: number): number | undefined =>
    kept.find({ byteAt: (address) => code[address - rip] ?? 0xcc }, rip);

  it("have the records that decoding gives, wherever their page is mapped", () => {
    let restored = 0;
    for (const { rip, code, ended } of blocks)
      for (const moved of [rip, rip - 0x7ff0_0000_0000, rip + 0x4_5678_9000]) {
        const at = found(code, moved);
        // Constants beyond 32 bits are not kept.
        if (at === undefined) continue;
        const instruction = decode(code, moved);
        const { number } = library.handler(instruction);
        const expected = recordOf((view) => {
          writeRecord(view, 0, instruction);
          view.setUint32(record.handler, number + 7, true);
        });
        const actual = recordOf((view) => {
          const end = kept.restore(at, moved, view, 0, (handler) => handler + 7);
          const { specification } = instruction.form;
          expect(end).toEqual({
            position: record.size,
            address: moved + code.length,
            ended,
            computedJump: specification === JMP_INDIRECT ? moved : undefined,
            calls: specification === CALL,
          });
        });
        expect(actual, Buffer.from(code).toString("hex")).toBe(expected);
        restored++;
      }
    expect(restored).toBeGreaterThan(3 * 0.95 * blocks.length);
  });

  it("are not found where the code is another, or elsewhere in its page", () => {
    for (const { rip, code } of blocks) {
      const last = code.length - 1;
      const changed = code.with(last, code[last] ^ 0x10);
      const at = found(changed, rip);
      if (at !== undefined) expect(blocks.some((other) => other.rip === rip && Buffer.compare(other.code, changed.subarray(0, other.code.length)) === 0)).toBe(true); // prettier-ignore
    }
    expect(found(blocks[0].code, PAGE + 0xfff)).toBeUndefined();
  });
});
