/** How the guest programs of this repository are built. The bytes depend on the compiler's version alone. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

export interface GuestProgram {
  readonly source: string;
  readonly output: string;
  readonly flags: readonly string[];
}

/** The committed binaries come from Debian 12's MinGW-w64. */
export const committedCompiler = "12-win32";

const common = ["-O2", "-Wall", "-Wextra", "-Werror", "-s", "-Wl,--no-insert-timestamp"];
const withoutRuntime = ["-nostdlib", "-ffreestanding", "-fno-asynchronous-unwind-tables", "-Wl,-e,start"];
/** The compiler's start-up code and helpers with the Universal CRT in msvcrt.dll's place. */
const universalRuntime = ["-D_UCRT", "-nodefaultlibs"];
const universalLibraries = ["-lmingw32", "-lgcc", "-lgcc_eh", "-lmingwex", "-lucrt", "-lkernel32"];

function sample(name: string, flags: readonly string[] = [], source = `${name}.c`): GuestProgram {
  return { source: `samples/${source}`, output: `samples/bin/${name}.exe`, flags };
}

export const guestPrograms: readonly GuestProgram[] = [
  sample("hello-clib"),
  sample("hello-clib-ucrt", [...universalRuntime, ...universalLibraries], "hello-clib.c"),
  sample("hello-win32", [...withoutRuntime, "-lkernel32"]),
  sample("hello-native", [...withoutRuntime, "-lntdll"]),
  sample("hello-kernel", [
    ...withoutRuntime,
    "-Wno-unused-parameter",
    "-Wno-return-type",
    "-Wl,-T,samples/bare.ld,--disable-dynamicbase,--disable-reloc-section",
  ]),
  sample("hello-printf"),
  sample("cpp-exceptions", ["-std=c++17", "-static"], "cpp-exceptions.cpp"),
  sample("read-input"),
  sample("files"),
  sample("threads"),
  sample("fault", ["-fno-optimize-sibling-calls"]),
  sample("loop"),
  { source: "tools/bench/hello.c", output: "tools/bench/hello.exe", flags: [] },
  {
    source: "kernel-shim/boot/bcryptprimitives.c",
    output: "kernel-shim/boot/bcryptprimitives.dll",
    flags: ["-shared", "-nostdlib", "-Wl,-e,DllMain,--image-base,0x180000000", "-lntdll", "-lkernel32"],
  },
];

/** The version that the cross compiler gives ("12-win32"), or undefined where there is none. */
export function compilerVersion(): string | undefined {
  const { error, stdout } = spawnSync("x86_64-w64-mingw32-gcc", ["-dumpfullversion"], { encoding: "utf8" });
  if (error) return undefined;
  // "12-win32" is the directory of the compiler's own files; -dumpfullversion leaves the thread model out.
  const { stdout: libgcc } = spawnSync("x86_64-w64-mingw32-gcc", ["-print-libgcc-file-name"], { encoding: "utf8" });
  return basename(dirname(libgcc.trim())) || stdout.trim();
}

/** Builds a program and returns its bytes. */
export function build(root: string, { source, output, flags }: GuestProgram): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "ring3-guest-"));
  try {
    // The name of a DLL is part of its bytes.
    const result = join(directory, basename(output));
    const compiler = source.endsWith(".cpp") ? "x86_64-w64-mingw32-g++" : "x86_64-w64-mingw32-gcc";
    const libraries = flags.filter((flag) => flag.startsWith("-l"));
    const options = flags.filter((flag) => !flag.startsWith("-l"));
    const { error, status, stderr } = spawnSync(compiler, [...common, ...options, "-o", result, source, ...libraries], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C", SOURCE_DATE_EPOCH: "0" },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`${source} does not compile:\n${stderr}`);
    return readFileSync(result);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export function buildAll(root: string): void {
  for (const program of guestPrograms) {
    const bytes = build(root, program);
    mkdirSync(join(root, dirname(program.output)), { recursive: true });
    writeFileSync(join(root, program.output), bytes);
    console.log(`${program.output}  ${bytes.length} bytes`);
  }
}
