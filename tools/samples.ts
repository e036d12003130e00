/**
 *     npm run samples            builds the guest programs into the repository
 *     npm run samples -- --check rebuilds them elsewhere and compares the bytes
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build, buildAll, committedCompiler, compilerVersion, guestPrograms } from "./guest-programs.ts";

/** What differs from the committed binaries, or why that cannot be told here. */
export function checkGuestPrograms(root: string): { readonly skipped?: string; readonly stale: readonly string[] } {
  const version = compilerVersion();
  if (version !== committedCompiler) {
    const found = version === undefined ? "it is not installed" : `this is version ${version}`;
    return {
      skipped: `the committed binaries are from x86_64-w64-mingw32-gcc ${committedCompiler}, ${found}`,
      stale: [],
    };
  }
  const stale = guestPrograms.filter((program) => {
    const committed = readFileSync(join(root, program.output));
    return !committed.equals(build(root, program));
  });
  return { stale: stale.map(({ output }) => output) };
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, "..");
  if (process.argv.includes("--check")) {
    const { skipped, stale } = checkGuestPrograms(root);
    if (skipped !== undefined) console.log(`samples: skipped, ${skipped}`);
    else if (stale.length === 0) console.log(`samples: ${guestPrograms.length} programs are what their sources give`);
    else {
      console.error(`samples: not what their sources give: ${stale.join(", ")}`);
      process.exitCode = 1;
    }
  } else buildAll(root);
}
