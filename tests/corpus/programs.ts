/** Fetches the corpus's programs into .cache/corpus, with the package managers' own clients. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { unzipSync } from "fflate";
import { openBuiltImage } from "../../src/cli/image-directory.ts";
import { DebianPackage, aptDownload } from "../../tools/image/debian-package.ts";
import { root } from "../support/ring3.ts";
import { corpus } from "./cases.ts";

const cache = join(root, ".cache", "corpus");
/** C:\corpus and C:\tc of the cases. */
export const corpusDirectory = join(cache, "programs");
export const toolchainDirectory = join(cache, "tc");

type Fetch = (target: string) => void;

/** Folder of C:\corpus → how it is filled. */
const programs: Readonly<Record<string, Fetch>> = {
  "7za": npm("7zip-bin@5.2.0", ["win/x64/7za.exe"]),
  ripgrep: npm("@vscode/ripgrep-win32-x64@1.18.0", ["bin/rg.exe"]),
  esbuild: npm("@esbuild/win32-x64@0.28.2", ["esbuild.exe"]),
  lefthook: npm("lefthook-windows-x64@2.2.2", ["bin/lefthook.exe"]),
  rescript: npm(
    "@rescript/win32-x64@12.2.0",
    ["bsc.exe", "ninja.exe", "bsb_helper.exe", "rescript.exe"].map((name) => `bin/${name}`),
  ),
  exiftool: npm("exiftool-vendored.exe@13.59.3", "bin"),
  gnupg: (target) => {
    for (const name of ["libgcrypt-mingw-w64-dev", "libgpg-error-mingw-w64-dev"]) {
      debian(name, (path) => /^usr\/x86_64-w64-mingw32\/bin\/[^/]+\.(exe|dll)$/.test(path), target);
    }
  },
  "go-testdata": (target) => {
    debian("golang-1.19-src", (path) => path.endsWith("src/debug/pe/testdata/gcc-amd64-mingw-exec"), target);
    renameSync(join(target, "gcc-amd64-mingw-exec"), join(target, "gcc-amd64-mingw-exec.exe"));
  },
  distlib: (target) => debian("python3-distlib", (path) => path.endsWith("distlib/t64.exe"), target),
  setuptools: (target) => {
    debian(
      "python3-setuptools-whl",
      (path) => path.endsWith(".whl"),
      target,
      (wheel) => {
        const { "setuptools/cli-64.exe": program } = unzipSync(wheel);
        writeFileSync(join(target, "cli-64.exe"), program);
      },
    );
  },
  wine: (target) => {
    const image = openBuiltImage(join(root, "images", "wine"));
    for (const { name } of image.list("windows\\system32") ?? []) {
      if (/\.(exe|com)$/.test(name)) writeFileSync(join(target, name), image.read(`windows\\system32\\${name}`));
    }
  },
};

/** Makes a folder of C:\corpus, or C:\tc\seed, if it is not there. Throws an Error that says what could not be fetched. */
export function fetchFolder(name: string): void {
  if (name === "tc") buildToolchain(join(corpus, "toolchain"));
  else fetchProgram(name);
}

/** Whether it is there. */
export const hasFolder = (name: string): boolean =>
  existsSync(name === "tc" ? join(toolchainDirectory, "seed") : join(corpusDirectory, name));

function fetchProgram(name: string): void {
  const target = join(corpusDirectory, name);
  if (existsSync(target)) return;
  const fetch = programs[name];
  if (fetch === undefined) throw new Error(`nothing is known about C:\\corpus\\${name}`);
  fill(target, fetch);
}

/** Builds C:\tc\seed from the corpus's sources. */
function buildToolchain(sources: string): void {
  const target = join(toolchainDirectory, "seed");
  if (existsSync(target)) return;
  fill(target, (directory) => {
    const ucrt = ["-D_UCRT", "-nodefaultlibs"];
    const ucrtLibraries = [
      "-Wl,--start-group",
      "-lmingw32",
      "-lgcc",
      "-lgcc_eh",
      "-lmingwex",
      "-lucrt",
      "-lkernel32",
      "-Wl,--end-group",
    ];
    const bare = ["-nostdlib", "-ffreestanding", "-Wl,-e,entry"];
    compile("gcc", "hello.c", "hello_msvcrt");
    compile("gcc", "hello.c", "hello_ucrt", ucrt, ucrtLibraries);
    compile("g++", "cppex.cpp", "cppex_msvcrt", ["-static"]);
    compile("g++", "cppex.cpp", "cppex_dyn");
    compile("g++", "cppex.cpp", "cppex_ucrt", [...ucrt, "-static"], ["-lstdc++", ...ucrtLibraries]);
    compile("g++-posix", "tlsthreads.cpp", "tlsthreads_msvcrt", ["-static"]);
    compile("gcc", "seed0_crt.c", "seed0_crt_msvcrt");
    compile("gcc", "seed0_crt.c", "seed0_crt_ucrt", ucrt, ucrtLibraries);
    compile("gcc", "seed1_kernel32.c", "seed1_kernel32", bare, ["-lkernel32"]);
    compile("gcc", "seed2_ntdll.c", "seed2_ntdll", bare, ["-lntdll"]);
    compile("gcc", "seed3_syscall.c", "seed3_syscall", bare);
    for (const name of ["libstdc++-6.dll", "libgcc_s_seh-1.dll"])
      copyFileSync(libraryFile(name), join(directory, name));

    function compile(compiler: string, source: string, name: string, flags: string[] = [], libraries: string[] = []) {
      const output = join(directory, `${name}.exe`);
      run(`x86_64-w64-mingw32-${compiler}`, ["-O2", "-s", ...flags, "-o", output, join(sources, source), ...libraries]);
    }
  });
}

function libraryFile(name: string): string {
  return run("x86_64-w64-mingw32-g++", [`-print-file-name=${name}`]).trim();
}

/** Fills a temporary directory first, so that what failed half-way is tried again. */
function fill(target: string, fetch: Fetch): void {
  const temporary = `${target}.new`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  fetch(temporary);
  renameSync(temporary, target);
}

/** `npm pack` gets the packages of other operating systems too. `wanted`: files, or a folder with all that is in it. */
function npm(name: string, wanted: readonly string[] | string): Fetch {
  return (target) => {
    withTemporaryDirectory((directory) => {
      const tarball =
        run("npm", ["pack", "--silent", "--pack-destination", directory, name]).trim().split("\n").at(-1) ?? "";
      run("tar", ["-xzf", join(directory, tarball), "-C", directory]);
      const unpacked = join(directory, "package");
      if (typeof wanted === "string") cpSync(join(unpacked, wanted), target, { recursive: true });
      else for (const path of wanted) copyFileSync(join(unpacked, path), join(target, basename(path)));
    });
  };
}

function debian(name: string, wanted: (path: string) => boolean, target: string, use?: (bytes: Buffer) => void): void {
  withTemporaryDirectory((directory) => {
    if (!aptDownload(name, directory)) throw new Error(`there is no apt here to download ${name}`);
    const file = readdirSync(directory).find((entry) => entry.endsWith(".deb"));
    if (file === undefined) throw new Error(`apt-get download ${name} left no file`);
    const deb = new DebianPackage(join(directory, file));
    const paths = deb.list().filter(wanted);
    if (paths.length === 0) throw new Error(`${name} ${deb.control.version} holds no such file`);
    deb.extract(paths, directory);
    for (const path of paths) {
      if (use) use(readFileSync(join(directory, path)));
      else copyFileSync(join(directory, path), join(target, basename(path)));
    }
  });
}

function withTemporaryDirectory(use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "ring3-corpus-"));
  try {
    use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (error) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
