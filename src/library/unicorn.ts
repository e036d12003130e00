/** The package's `ring3/unicorn`: unicorn.js's module over this engine. docs/unicorn-js.md. */
import { MUnicorn } from "../../emulator/unicorn/module.ts";

export type { UnicornModule } from "../../emulator/unicorn/module.ts";
export type { Unicorn } from "../../emulator/unicorn/unicorn.ts";
export { MUnicorn, MUnicorn as default };
// What `require` returns, as that of unicorn.js does.
export { MUnicorn as "module.exports" };
