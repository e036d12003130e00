import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder, from the sources as from the build. */
const packageDirectory = (() => {
  const start = dirname(fileURLToPath(import.meta.url));
  let directory = start;
  while (!existsSync(join(directory, "package.json"))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`no folder above ${start} has a package.json`);
    directory = parent;
  }
  return directory;
})();

/** Where `npm run image` puts images. */
export const imagesDirectory = join(packageDirectory, "images");
