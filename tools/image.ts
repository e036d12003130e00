/**
 * Builds the `wine` image, images/wine/, from the distribution's packages:
 *
 *     npm run image                            downloads them with apt (no root needed)
 *     npm run image -- --deb FILE --deb FILE   takes them from files
 *     npm run image -- --force                 accepts another version of the package than the tested one
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ImageManifest } from "../kernel-shim/boot/image.ts";
import { DebianPackage, aptDownload, isRevisionOf } from "./image/debian-package.ts";
import { LayerWriter, sha256 } from "./image/layer-writer.ts";
import { importedModules, stripDebugSections } from "./image/strip.ts";
import { modules, programs, wineFolders, winePackage, zlibFiles, zlibPackage } from "./image/wine-files.ts";

const root = join(import.meta.dirname, "..");
const cache = join(root, ".cache", "packages");
export const imageDirectory = join(root, "images", "wine");

/** DLLs of ours that the packages lack. */
const ownModules = ["bcryptprimitives.dll"];

/** Everything that an image's bytes come from, besides the packages. */
const recipe = ["image.ts", "image/debian-package.ts", "image/layer-writer.ts", "image/strip.ts", "image/wine-files.ts"]
  .map((file) => join(root, "tools", file))
  .concat(["image.ts", ...ownModules].map((name) => join(root, "kernel-shim", "boot", name)));

/** Names this recipe; an image that was built by another one is stale. */
export function recipeHash(): string {
  return sha256(Buffer.concat(recipe.map((file) => readFileSync(file))));
}

/** Whether images/wine/ is there and is what this recipe gives. */
export function imageIsFresh(): boolean {
  try {
    const { recipe: built, content } = JSON.parse(
      readFileSync(join(imageDirectory, "manifest.json"), "utf8"),
    ) as ImageManifest;
    return built === recipeHash() && statSync(join(imageDirectory, content.file)).size === content.size;
  } catch {
    return false;
  }
}

export interface ImageOptions {
  readonly debs?: readonly string[];
  readonly force?: boolean;
}

/** Builds the image and returns its manifest. Throws an Error whose message says what to do. */
export function buildImage({ debs = [], force = false }: ImageOptions = {}): ImageManifest {
  const wine = findPackage(winePackage.name, debs);
  if (!isRevisionOf(wine.control.version, winePackage.version) && !force) {
    throw new Error(
      `${wine.file} is ${wine.control.name} ${wine.control.version}; the image is built and tested with ${winePackage.version}. ` +
        "Give that version with --deb FILE, or try this one with --force.",
    );
  }
  const zlib = findPackage(zlibPackage.name, debs);
  const directory = mkdtempSync(join(tmpdir(), "ring3-image-"));
  try {
    return writeImage(wine, zlib, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function writeImage(wine: DebianPackage, zlib: DebianPackage, directory: string): ImageManifest {
  const wanted = [...programs, ...modules].filter((name) => name !== "zlib1.dll");
  const inPackage = wine.list();
  const moduleSet = new Set(inPackage.filter((path) => path.startsWith(`${wineFolders.modules}/`)));
  const absent = wanted.filter((name) => !moduleSet.has(`${wineFolders.modules}/${name}`));
  if (absent.length > 0) throw new Error(`${wine.control.name} ${wine.control.version} has no ${absent.join(", ")}`);
  const tables = inPackage.filter((path) => path.startsWith(`${wineFolders.nls}/`));
  wine.extract(
    [...wanted.map((name) => `${wineFolders.modules}/${name}`), ...tables, wineFolders.inf, wineFolders.licence],
    directory,
  );
  zlib.extract(Object.values(zlibFiles), directory);

  const writer = new LayerWriter();
  const add = (path: string, source: string, transform = (bytes: Uint8Array) => bytes) => {
    const file = join(directory, source);
    writer.add(path, transform(readFileSync(file)), Math.trunc(statSync(file).mtimeMs / 1000));
  };
  const present = new Set([...wanted, "zlib1.dll", ...ownModules]);
  const addModule = (name: string, source: string) => {
    add(`windows/system32/${name}`, source, (bytes) => {
      const stripped = stripDebugSections(bytes);
      const missing = importedModules(stripped).filter((imported) => !present.has(imported) && !isApiSet(imported));
      if (missing.length > 0) throw new Error(`${name} imports ${missing.join(", ")}, which the image lacks`);
      return stripped;
    });
  };
  for (const name of wanted) addModule(name, `${wineFolders.modules}/${name}`);
  addModule("zlib1.dll", zlibFiles.module);
  for (const table of tables) {
    const name = table.slice(table.lastIndexOf("/") + 1);
    add(name === "sortdefault.nls" ? `windows/globalization/sorting/${name}` : `windows/system32/${name}`, table);
  }
  add("windows/inf/wine.inf", wineFolders.inf);
  const { mtimeMs } = statSync(join(directory, wineFolders.modules, "ntdll.dll"));
  for (const name of ownModules) {
    writer.add(
      `windows/system32/${name}`,
      readFileSync(join(root, "kernel-shim", "boot", name)),
      Math.trunc(mtimeMs / 1000),
    );
  }
  writer.addText("licence-wine.txt", readFileSync(join(directory, wineFolders.licence)));
  writer.addText("licence-zlib.txt", readFileSync(join(directory, zlibFiles.licence)));
  writer.addText("licence-lgpl-2.1.txt", readFileSync(join(root, "tools", "image", "lgpl-2.1.txt")));
  return writer.write(imageDirectory, {
    name: "wine",
    packages: [wine, zlib].map(({ control: { name, version } }) => ({ name, version })),
    recipe: recipeHash(),
  });
}

function isApiSet(name: string): boolean {
  return /^(api|ext)-ms-/.test(name);
}

function findPackage(name: string, debs: readonly string[]): DebianPackage {
  const given = debs.map((file) => new DebianPackage(file)).find(({ control }) => control.name === name);
  if (given) return given;
  const cached = () => {
    const file = existsSync(cache)
      ? readdirSync(cache).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith(".deb"))
      : undefined;
    return file === undefined ? undefined : new DebianPackage(join(cache, file));
  };
  const known = cached();
  if (known) return known;
  mkdirSync(cache, { recursive: true });
  console.log(`downloading ${name}`);
  const downloaded = aptDownload(name, cache) ? cached() : undefined;
  if (downloaded) return downloaded;
  throw new Error(
    `the wine image needs Debian 12's package ${name}${name === winePackage.name ? ` ${winePackage.version}` : ""} (amd64), and there is no apt here to get it. ` +
      `Download it from the Debian package archive and give it as: npm run image -- --deb ${name}….deb`,
  );
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { deb: { type: "string", multiple: true }, force: { type: "boolean" } } });
  try {
    const { files, content, packages } = buildImage({ debs: values.deb ?? [], force: values.force ?? false });
    const size = files.reduce((sum, file) => sum + file.size, 0);
    const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const from = packages.map(({ name, version }) => `${name} ${version}`).join(", ");
    console.log(
      `images/wine: ${files.length} files, ${mebibytes(size)} (${mebibytes(content.size)} compressed), from ${from}`,
    );
  } catch (error) {
    console.error(`image: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
