/**
 * Our decoder beside Capstone over everything that there is:
 *
 *     npm run decoder
 *
 * every form, and all executable sections of the samples, the `wine` image and the corpus (npm run corpus -- --fetch), swept from the first byte to the last.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { corpusDirectory, toolchainDirectory } from "../corpus/programs.ts";
import { root } from "../support/ring3.ts";
import { wineImage } from "../support/sample-run.ts";
import { CapstoneComparison } from "./capstone.ts";
import { compareForms, compareProgram, forEachHostProgram, forEachProgram } from "./sources.ts";

const SHOWN = 20;
const comparison = await CapstoneComparison.load();
const reasons = new Map<string, number>();
let failed = 0;

function report(title: string): void {
  const { instructions, differences, explained } = comparison.take();
  for (const [reason, count] of explained) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  console.log(`decoder: ${title}: ${instructions} instructions, ${differences.length} differ`);
  for (const { address, bytes, ours, theirs } of differences.slice(0, SHOWN))
    console.log(`  0x${address.toString(16)}  ${bytes}  ours ${ours}, Capstone ${theirs}`);
  failed += differences.length;
}

const sweep = (_path: string, bytes: Uint8Array): void => compareProgram(comparison, bytes);
compareForms(comparison, 60, 1);
report("forms");
forEachHostProgram(join(root, "samples", "bin"), sweep);
report("samples");
if (existsSync(join(root, "images", "wine"))) {
  forEachProgram(wineImage(), sweep);
  report("the wine image");
} else console.log("decoder: the wine image is not built (npm run image)");
for (const folder of [corpusDirectory, toolchainDirectory])
  if (existsSync(folder)) {
    forEachHostProgram(folder, sweep);
    report(folder.slice(root.length + 1));
  } else console.log(`decoder: ${folder.slice(root.length + 1)} is not there (npm run corpus -- --fetch)`);
console.log("decoder: differences that are known");
for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a))
  console.log(`  ${String(count).padStart(8)}  ${reason}`);
if (failed > 0) process.exitCode = 1;
