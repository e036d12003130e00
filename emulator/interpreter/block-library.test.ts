import { describe, expect, it } from "vitest";
import { commonCode } from "../../tools/handlers/common-code.ts";
import { PAGE_SIZE } from "../cpu.ts";
import { Decoder, isInstruction } from "../decoder/decoder.ts";
import { instructions } from "../isa/index.ts";
import type { Instruction } from "../isa/instruction.ts";
import { windowLayout } from "../memory/window-layout.ts";
import { reserveWindow } from "../memory/window-size.ts";
import { BlockFlag, BlockLibrary, endFlags } from "./block-library.ts";
import { FIRST_INDEX } from "./function-table.ts";
import { HandlerLibrary } from "./handler-library.ts";
import { blockHeader, record } from "./record.ts";
import { saveBlocks, SHIFT, type KeptBlock } from "./saving-blocks.ts";
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

const memory = reserveWindow();
const bytes = new Uint8Array(memory.buffer);
const view = new DataView(memory.buffer);
/** Where the page with the code lies, and where records are written. */
const PLACE = 0x12_3000;
const RECORDS = windowLayout.blocks + blockHeader.size;

describe("kept blocks", () => {
  const restore = new BlockLibrary(saveBlocks(blocks, library, library.size)).attach(memory);
  const restored = (code: Uint8Array, rip: number): number => {
    bytes.fill(0xcc, PLACE, PLACE + PAGE_SIZE);
    bytes.set(code, PLACE + (rip % PAGE_SIZE));
    bytes.fill(0, RECORDS, RECORDS + record.size);
    return restore(PLACE + (rip % PAGE_SIZE), rip, Math.floor(rip / 0x1_0000_0000), RECORDS);
  };

  it("have the records that decoding gives, wherever their page is mapped", () => {
    let found = 0;
    for (const { rip, code, ended } of blocks)
      for (const moved of [rip, rip - 0x7ff0_0000_0000, rip + 0x4_5678_9000]) {
        const end = restored(code, moved);
        // Constants beyond 32 bits are not kept.
        if (!end) continue;
        const instruction = decode(code, moved);
        expect(end).toBe((RECORDS + record.size) | (ended ? endFlags(instruction) : 0));
        const actual = bytes.slice(RECORDS, RECORDS + record.size);
        bytes.fill(0, RECORDS, RECORDS + record.size);
        writeRecord(view, RECORDS, instruction);
        view.setUint32(RECORDS + record.handler, FIRST_INDEX + library.handler(instruction).number, true);
        expect(actual, Buffer.from(code).toString("hex")).toEqual(bytes.slice(RECORDS, RECORDS + record.size));
        found++;
      }
    expect(found).toBeGreaterThan(3 * 0.95 * blocks.length);
  });

  it("tell how they end", () => {
    const flagsOf = (hex: string): number => {
      const code = new Uint8Array(Buffer.from(hex, "hex"));
      const rip = PAGE + 0x100;
      const instruction = decode(code, rip);
      const kept = { rip, code, instructions: [instruction], shifted: [decode(code, rip + SHIFT)], ended: library.handler(instruction).endsBlock }; // prettier-ignore
      const restoreIt = new BlockLibrary(saveBlocks([kept], library, library.size)).attach(memory);
      bytes.set(code, PLACE + 0x100);
      return restoreIt(PLACE + 0x100, rip, Math.floor(rip / 0x1_0000_0000), RECORDS) - RECORDS - record.size;
    };
    expect(flagsOf("4889c8")).toBe(0);
    expect(flagsOf("e8a9470200")).toBe(BlockFlag.Ends | BlockFlag.Calls);
    expect(flagsOf("ffe0")).toBe(BlockFlag.Ends | BlockFlag.ComputedJump);
    expect(flagsOf("ffd3")).toBe(BlockFlag.Ends);
    expect(flagsOf("c3")).toBe(BlockFlag.Ends);
  });

  it("are not found where the code is another, or elsewhere in its page", () => {
    for (const { rip, code } of blocks) {
      const last = code.length - 1;
      const changed = code.with(last, code[last] ^ 0x10);
      if (restored(changed, rip)) expect(blocks.some((other) => other.rip === rip && Buffer.compare(other.code, changed.subarray(0, other.code.length)) === 0)).toBe(true); // prettier-ignore
    }
    expect(restored(blocks[0].code, PAGE + 0xff0)).toBe(0);
    expect(restored(blocks[0].code.subarray(0, 1), PAGE + 0xfff)).toBe(0);
  });
});
