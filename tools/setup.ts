/**
 * Gets what a command needs that npm does not bring:
 *
 *     tsx tools/setup.ts start|build|test|bench|corpus|vectors
 *
 * On Debian and Ubuntu, as root, missing packages are installed with apt; elsewhere they are named. What tests and benchmarks can do without is
 * only named. The wine image is built when it is missing or its recipe has changed.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { buildImage, imageIsFresh } from "./image.ts";

interface Requirement {
  /** Debian's packages. */
  readonly packages: readonly string[];
  readonly purpose: string;
  readonly optional: boolean;
  found(): boolean;
}

const xz: Requirement = {
  packages: ["xz-utils"],
  purpose: "unpacks the image's packages",
  optional: false,
  found: () => imageIsFresh() || onPath("xz"),
};

const browser: Requirement = {
  packages: ["chromium"],
  purpose: "runs the page",
  optional: true,
  found: () => ["chromium", "chromium-browser", "google-chrome"].some(onPath),
};

const firefox: Requirement = {
  packages: ["firefox-esr"],
  purpose: "replays recorded vectors",
  optional: true,
  found: () => ["firefox-esr", "firefox"].some(onPath),
};

const unicorn: Requirement = {
  packages: ["libunicorn2"],
  purpose: "is the second opinion on the CPU",
  optional: true,
  found: () => libraryFolders().some((folder) => existsSync(join(folder, "libunicorn.so.2"))),
};

const windowsCompilers: Requirement = {
  packages: ["gcc-mingw-w64-x86-64-win32", "g++-mingw-w64-x86-64-win32"],
  purpose: "compiles guest programs and checks the samples",
  optional: true,
  found: () => onPath("x86_64-w64-mingw32-gcc") && onPath("x86_64-w64-mingw32-g++"),
};

/** The other flavour has no std::thread. */
const threadsCompiler: Requirement = {
  packages: ["g++-mingw-w64-x86-64-posix"],
  purpose: "compiles the corpus's programs that use std::thread",
  optional: true,
  found: () => onPath("x86_64-w64-mingw32-g++-posix"),
};

const compiler: Requirement = {
  packages: ["gcc", "libc6-dev"],
  purpose: "compiles what runs on this processor, to be compared with",
  optional: true,
  found: () => onPath("gcc") && existsSync("/usr/include/stdlib.h"),
};

const testing: readonly Requirement[] = [
  browser,
  compiler,
  {
    packages: ["fonts-dejavu-core"],
    purpose: "lets the page's tests show text",
    optional: true,
    found: () =>
      process.platform !== "linux" || (existsSync("/usr/share/fonts") && readdirSync("/usr/share/fonts").length > 0),
  },
  unicorn,
  windowsCompilers,
];

const benchmarks: readonly Requirement[] = [
  browser,
  unicorn,
  windowsCompilers,
  compiler,
  {
    packages: ["libunicorn-dev"],
    purpose: "has the header that the kernels' run on libunicorn is compiled with",
    optional: true,
    found: () => ["/usr/include", "/usr/local/include"].some((folder) => existsSync(join(folder, "unicorn/unicorn.h"))),
  },
];

const requirements: Readonly<Record<string, readonly Requirement[]>> = {
  start: [xz],
  build: [xz],
  test: [xz, ...testing],
  bench: [xz, ...benchmarks],
  corpus: [xz, windowsCompilers, threadsCompiler],
  vectors: [xz, browser, firefox],
};

/** Returns whether the command can go on. */
export function setUp(command: string): boolean {
  const needed = requirements[command];
  if (!needed) throw new Error(`usage: tsx tools/setup.ts ${Object.keys(requirements).join("|")}`);
  let missing = needed.filter((requirement) => !requirement.found());
  if (missing.length > 0 && canInstall()) {
    install(missing.flatMap(({ packages }) => packages));
    missing = missing.filter((requirement) => !requirement.found());
  }
  for (const { packages, purpose, optional } of missing) {
    console.error(
      `setup: ${packages.join(" ")} (Debian's name) is not installed; it ${purpose}.${optional ? " What needs it is skipped." : ""}`,
    );
  }
  if (missing.some(({ optional }) => !optional)) return false;
  if (imageIsFresh()) return true;
  if (canInstall() && !aptHasLists()) apt("update");
  const { files, packages } = buildImage();
  console.log(
    `setup: built images/wine, ${files.length} files from ${packages.map(({ name, version }) => `${name} ${version}`).join(", ")}`,
  );
  return true;
}

function onPath(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function libraryFolders(): string[] {
  const roots = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];
  const triplets = existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((name) => name.endsWith("-linux-gnu")) : [];
  return [...roots, ...triplets.map((name) => join("/usr/lib", name))];
}

function canInstall(): boolean {
  return onPath("apt-get") && process.getuid?.() === 0;
}

function aptHasLists(): boolean {
  const lists = "/var/lib/apt/lists";
  return existsSync(lists) && readdirSync(lists).some((name) => /_Packages(\.\w+)?$/.test(name));
}

function install(packages: readonly string[]): void {
  console.log(`setup: installing ${packages.join(" ")}`);
  if (!aptHasLists()) apt("update");
  // One at a time where they do not come together: what is there stays useful.
  if (!apt("install", "--yes", "--no-install-recommends", ...packages)) {
    for (const name of packages) apt("install", "--yes", "--no-install-recommends", name);
  }
}

function apt(...args: string[]): boolean {
  const { status, stderr } = spawnSync("apt-get", ["-qq", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status !== 0) console.error(`setup: apt-get ${args.join(" ")} failed: ${stderr.trim()}`);
  return status === 0;
}

if (process.argv[1] === import.meta.filename) {
  try {
    if (!setUp(process.argv[2] ?? "")) process.exitCode = 1;
  } catch (error) {
    console.error(`setup: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
