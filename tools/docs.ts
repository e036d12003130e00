/**
 *     npm run docs            writes docs/reference/ from the declarations in the sources
 *     npm run docs -- --check tells which of its files are stale
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { instructionReference } from "./docs/instructions.ts";
import { serviceReference } from "./docs/system-services.ts";

const root = join(import.meta.dirname, "..");

const documents: Readonly<Record<string, () => string>> = {
  "docs/reference/instructions.md": instructionReference,
  "docs/reference/system-services.md": serviceReference,
};

const check = process.argv.includes("--check");
const stale: string[] = [];
for (const [path, generate] of Object.entries(documents)) {
  const file = join(root, path);
  const text = generate();
  if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
if (!check) console.log(stale.length > 0 ? `docs: wrote ${stale.join(", ")}` : "docs: nothing to do");
else if (stale.length > 0) {
  console.error(`docs: stale, run npm run docs: ${stale.join(", ")}`);
  process.exitCode = 1;
} else console.log("docs: fresh");
