import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder, from the sources as from the build. */
const packageDirectory = (() => {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "package.json"))) directory = dirname(directory);
  return directory;
})();

/** Where `npm run image` puts images. */
export const imagesDirectory = join(packageDirectory, "images");
