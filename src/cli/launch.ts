#!/usr/bin/env node
/**
 * Starts main.cjs, the command line, with the code that V8 made of it when it was built (main.cache): a short run is spent on compiling
 * functions otherwise. V8 refuses the code of another version of itself, and compiles as ever then.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { constants, Script } from "node:vm";
import { reserveAhead } from "../../emulator/memory/window-size.ts";

// What leaves translated code lies out of its way then, as in browsers (docs/decisions/0008-regions.md). Another version of V8 may not know the flag.
setFlagsFromString("--experimental-wasm-branch-hinting");

reserveAhead();

const file = join(import.meta.dirname, "main.cjs");
const cache = join(import.meta.dirname, "main.cache");

const script = new Script(Module.wrap(readFileSync(file, "utf8")), {
  filename: file,
  cachedData: existsSync(cache) ? readFileSync(cache) : undefined,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
// The build runs programs with it: functions that they call are in the code.
if (process.env["RING3_WRITE_CODE_CACHE"] !== undefined)
  process.on("exit", () => writeFileSync(cache, script.createCachedData()));

type CommonJs = (exports: object, require: NodeJS.Require, module: object, filename: string, directory: string) => void;
const module = { exports: {} };
(script.runInThisContext() as CommonJs)(module.exports, createRequire(file), module, file, import.meta.dirname);
