import { resolve } from "node:path";
import type { Plugin } from "vite";
import { Decoder, isInstruction } from "../../emulator/decoder/decoder.ts";
import { HandlerLibrary, type SavedHandlers } from "../../emulator/interpreter/handler-library.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { makeBlocks } from "./start-blocks.ts";
import { commonCode } from "./common-code.ts";

/** Handlers for all that common code needs. */
export function makeHandlers(): SavedHandlers {
  const decoder = new Decoder(instructions, 3);
  const library = new HandlerLibrary(instructions);
  for (const hex of commonCode.trim().split(/\s/)) {
    const bytes = Buffer.from(hex, "hex");
    const decoded = decoder.decode({ byteAt: (address) => bytes[address] ?? 0 }, 0);
    if (isInstruction(decoded)) library.handler(decoded);
  }
  return library.save();
}

/** Puts the handlers of common code and the blocks of a start into a build, so that no start has to make them. */
export function savedHandlers(): Plugin {
  const handlers = makeHandlers();
  const places: Readonly<Record<string, () => string>> = {
    [resolve("emulator/interpreter/saved-handlers.ts")]: () =>
      `export const savedHandlers = ${JSON.stringify(handlers)};`,
    [resolve("emulator/interpreter/saved-blocks.ts")]: () =>
      `export const savedBlocks = ${JSON.stringify(makeBlocks(handlers))};`,
  };
  return { name: "saved-handlers", load: (id) => places[id]?.() };
}
