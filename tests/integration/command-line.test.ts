/** `ring3 run` as a user meets it: its options, its messages, its exit codes. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookup, windowsBuilds } from "../../kernel-shim/system-services/numbers.ts";
import { sampleBytes, samples } from "../../samples/index.ts";
import { commandLine, commandLineFromSources, deleteBuild, type RunReport } from "../support/ring3.ts";

const sample = (id: string) => join("samples", "bin", `${id}.exe`);
const hello = ["--image", "scratch", sample("hello-kernel")];
const cmd = "C:\\windows\\system32\\cmd.exe";
const [{ text: greeting }] = samples.find(({ id }) => id === "hello-kernel")?.expected.files ?? [];

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, index) => start + index);

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "ring3-command-line-"))));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  deleteBuild();
});

const run = (args: readonly string[], input?: string) =>
  commandLine(["run", ...args], { ...(input !== undefined && { input }) });

describe("our own errors go to standard error", () => {
  test.each([
    [125, /unknown option '--bogus'/, ["--bogus", ...hello]],
    [125, /missing required argument 'program'/, []],
    [125, /Expected a number/, ["--timeout", "soon", ...hello]],
    [125, /Expected GUEST=HOSTDIR/, ["--mount", "tools", ...hello]],
    [125, /--mount: there is no directory nowhere/, ["--mount", "C:\\tools=nowhere", ...hello]],
    [125, /Expected a build number from 10240/, ["--windows", "7601", ...hello]],
    [125, /Expected translator, interpreter/, ["--cpu", "z80", ...hello]],
    [125, /Expected text or jsonl/, ["--trace", "xml", ...hello]],
    [125, /there is no image nowhere/, ["--image", "nowhere", sample("hello-kernel")]],
    [125, /--cwd: there is no directory C:\\nowhere/, ["--cwd", "C:\\nowhere", ...hello]],
    [125, /standard input: ENOENT/, ["--stdin", "nowhere", ...hello]],
    [126, /package.json: This is a text file, not a program/, ["package.json"]],
    [126, /samples is a directory/, ["samples"]],
    [
      126,
      /imports KERNEL32.dll \(CloseHandle, .*Run it with the image wine/,
      ["--image", "scratch", sample("hello-win32")],
    ],
    [127, /there is no program nothing.exe/, ["nothing.exe"]],
    [127, /There is no program C:\\nothing.exe in this image/, ["--image", "scratch", "C:\\nothing.exe"]],
  ] as const)("%i, %s", async (code, message, args) => {
    const result = await run(args);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n +at /);
  });
});

test("what the package depends on is all that it needs", async () => {
  const built = dirname(await commandLineFromSources());
  const installed = join(directory, "node_modules", "ring3");
  cpSync(built, join(installed, "dist", "cli"), { recursive: true });
  copyFileSync("package.json", join(installed, "package.json"));
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies))
    symlinkSync(realpathSync(join("node_modules", name)), join(directory, "node_modules", name));
  const start = (...args: string[]) =>
    spawnSync(process.execPath, [join(installed, "dist/cli/ring3.js"), "run", ...args, ...hello], { encoding: "utf8" });
  expect(start()).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(start("--cpu", "libunicorn")).toMatchObject({
    status: 125,
    stderr: expect.stringMatching(/^ring3: --cpu: .*npm install koffi\n$/) as unknown,
  });
});

describe("the code that V8 made when the command line was built", () => {
  test("is taken by the V8 that made it", async () => {
    const directoryOfBuild = dirname(await commandLineFromSources());
    // With the flag that launch.ts sets: V8 takes no code that was made with others.
    const script = `
      require("v8").setFlagsFromString("--experimental-wasm-branch-hinting");
      const { readFileSync } = require("fs");
      const source = require("module").wrap(readFileSync("main.cjs", "utf8"));
      const { cachedDataRejected } = new (require("vm").Script)(source, { cachedData: readFileSync("main.cache") });
      process.stdout.write(String(cachedDataRejected));`;
    const { stdout } = spawnSync(process.execPath, ["-e", script], { cwd: directoryOfBuild, encoding: "utf8" });
    expect(stdout).toBe("false");
  });
  test("is not needed, and nothing breaks where it is damaged", async () => {
    const cache = join(dirname(await commandLineFromSources()), "main.cache");
    const good = readFileSync(cache);
    try {
      for (const bytes of [undefined, Buffer.alloc(0), good.subarray(0, 1000), good.map((byte) => byte ^ 0x55)]) {
        rmSync(cache);
        if (bytes) writeFileSync(cache, bytes);
        expect(await run(hello)).toEqual({ code: 0, stdout: "", stderr: "" });
        if (!bytes) writeFileSync(cache, good);
      }
    } finally {
      writeFileSync(cache, good);
    }
  });
});

test("the guest's exit code is ours, its streams are ours", async () => {
  const result = await run(["--image", "wine", cmd, "/c", "echo out& echo err>&2& exit 259"]);
  expect(result).toEqual({ code: 259 & 0xff, stdout: "out\r\n", stderr: "err\r\n" });
});

test("--json - gives the report, and nothing else, on standard output", async () => {
  const { code, stdout, stderr } = await run(["--json", "-", ...hello]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const bytes = sampleBytes({ path: "", text: greeting, encoding: "utf-16le" });
  const report = JSON.parse(stdout) as RunReport;
  expect(report).toEqual({
    exit: { reason: "exited", status: 0, statusName: null },
    instructions: expect.any(Number) as number,
    virtualTimeMs: expect.any(Number) as number,
    wallTimeMs: expect.any(Number) as number,
    systemCalls: { NtCreateFile: 1, NtWriteFile: 1, NtClose: 1, NtTerminateProcess: 1 },
    unimplemented: {},
    files: [
      {
        path: "C:\\testfile.txt",
        change: "created",
        size: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      },
    ],
    stdout: "",
    stderr: "",
  });
  expect(report.instructions).toBeGreaterThan(0);
});

test("--files-out writes what changed, as DIR/C/…", async () => {
  const out = join(directory, "out");
  await run(["--files-out", out, sample("files")]);
  const written = readdirSync(join(out, "C"), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const expected = samples.find(({ id }) => id === "files")?.expected.files ?? [];
  expect(written).toHaveLength(expected.length);
  for (const file of expected)
    expect(new Uint8Array(readFileSync(join(out, "C", ...file.path.slice(3).split("\\"))))).toEqual(sampleBytes(file));
});

test("--mount shows a host folder; what the guest writes there stays in the run", async () => {
  const host = join(directory, "mounted");
  mkdirSync(host);
  writeFileSync(join(host, "given.txt"), "from the host\r\n");
  const command = "type given.txt& echo more>>given.txt& echo new>new.txt& type given.txt& dir /b";
  const mount = ["--mount", `C:\\shown\\here=${host}`, "--cwd", "C:\\shown\\here"];
  const { stdout } = await run([...mount, cmd, "/c", command]);
  const lines = ["from the host", "from the host", "more", "given.txt", "new.txt"];
  expect(stdout).toBe(lines.map((line) => `${line}\r\n`).join(""));
  expect(readFileSync(join(host, "given.txt"), "utf8")).toBe("from the host\r\n");
  expect(readdirSync(host)).toEqual(["given.txt"]);
});

test("a program can be a guest path below a mount", async () => {
  const { code, stderr } = await run([
    "--image",
    "scratch",
    "--mount",
    "C:\\tools=samples/bin",
    "C:\\tools\\hello-kernel.exe",
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("--env, --cwd and arguments with spaces and quotes arrive", async () => {
  const options = ["--env", "GREETING=hello there", "--env", "TEMP=", "--cwd", "C:\\windows"];
  const { stdout } = await run([...options, cmd, "/c", "cd& echo %GREETING% %TEMP%"]);
  expect(stdout).toBe("C:\\windows\r\nhello there %TEMP%\r\n");
  const given = ["two words", 'a "quoted" one', "back\\slash\\", ""];
  const { stdout: printed } = await run([sample("hello-printf"), ...given]);
  expect(printed.match(/argument: {2}.*(?=\r\n)/g)).toEqual(given.map((one) => `argument:  ${one}`));
});

test("standard input is ours, or a file's", async () => {
  const poem = join(directory, "stdin.txt");
  writeFileSync(poem, "from a file\n");
  const mount = ["--mount", "C:\\given=samples"];
  const program = [sample("read-input"), "C:\\given\\loop.c"];
  expect((await run([...mount, ...program], "typed\nlines\n")).stdout).toMatch(/ 1 {2}typed\r\n +2 {2}lines\r\n$/);
  expect((await run([...mount, "--stdin", poem, ...program], "typed\n")).stdout).toMatch(/ 1 {2}from a file\r\n$/);
});

describe("traces", () => {
  const events = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; path?: string });

  test("go to standard error, or to --trace-file; --filter chooses", async () => {
    const file = join(directory, "trace.jsonl");
    const { stderr } = await run(["--trace", "text", ...hello]);
    expect(stderr).toMatch(/NtCreateFile\(FileHandle → 0x[0-9a-f]+ \(File C:\\testfile.txt\).* = SUCCESS\n/);
    await run(["--trace", "jsonl", "--trace-file", file, ...hello]);
    const all = events(readFileSync(file, "utf8"));
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["NtCreateFile", "NtWriteFile", "NtClose", "NtTerminateProcess"]),
    );
    const filter = "name:Nt*File path:*\\testfile.txt";
    await run(["--trace", "jsonl", "--trace-file", file, "--filter", filter, ...hello]);
    const some = events(readFileSync(file, "utf8"));
    expect(some.map(({ name, path }) => `${name} ${path}`)).toEqual([
      "NtCreateFile C:\\testfile.txt",
      "NtWriteFile C:\\testfile.txt",
    ]);
  });
});

test("--windows chooses the numbers of raw system calls", async () => {
  const [first, last] = [windowsBuilds[0].build, windowsBuilds[windowsBuilds.length - 1].build];
  const number = range(0x100, 0x1c0).find((one) => lookup(first, one) !== lookup(last, one)) ?? 0;
  // The sample with this number in NtCreateFile's place (mov eax, 0x55).
  const program = readFileSync(sample("hello-kernel"));
  const at = program.indexOf(Buffer.from("b855000000", "hex"));
  expect(at).toBeGreaterThan(0);
  program.writeUInt32LE(number, at + 1);
  const patched = join(directory, "patched.exe");
  writeFileSync(patched, program);
  for (const build of [first, last]) {
    const { stdout } = await run(["--image", "scratch", "--windows", String(build), "--json", "-", patched]);
    expect(Object.keys((JSON.parse(stdout) as RunReport).systemCalls)).toContain(lookup(build, number));
  }
});

test("limits end a run with code 125 and a sentence", async () => {
  // Time enough to come to the loop on a busy machine, which nothing else ends.
  const stopped = await run(["--timeout", "6", sample("loop")]);
  expect(stopped.code).toBe(125);
  expect(stopped.stdout).toBe("Counting for ever.\r\n");
  expect(stopped.stderr).toBe("ring3: The run reached its time limit.\n");
  const counted = await run(["--max-instructions", "20", "--json", "-", ...hello]);
  expect(counted.code).toBe(125);
  expect(counted.stderr).toBe("ring3: The run reached its limit of instructions.\n");
  expect(JSON.parse(counted.stdout)).toMatchObject({ exit: { reason: "limit" }, instructions: 20 });
});

test.each(["translator", "interpreter"])("--timeout ends the endless loop promptly: %s", async (cpu) => {
  const { stdout } = await run(["--timeout", "2", "--cpu", cpu, "--json", "-", sample("loop")]);
  const { exit, wallTimeMs } = JSON.parse(stdout) as RunReport;
  expect(exit.reason).toBe("timeout");
  expect(wallTimeMs).toBeLessThan(3000);
});

test("a fault is reported with registers, code, places and stack", async () => {
  const { code, stdout, stderr } = await run([sample("fault")]);
  expect({ code, stdout }).toEqual({ code: 0x05, stdout: "About to write to 0xdead0000.\r\n" });
  expect(stderr).toMatch(/STATUS_ACCESS_VIOLATION: write of 0xdead0000 at fault.exe\+0x[0-9a-f]+\n/);
  expect(stderr).toMatch(/RCX 00000000dead0000/);
  const place = /RIP ([0-9a-f]{16})/.exec(stderr)?.[1].slice(4);
  expect(stderr).toMatch(new RegExp(`Code:\\n {2}${place} {2}[0-9a-f]+ +mov (dword|byte) ptr \\[rcx\\]`));
  expect(stderr).toMatch(/Stack:\n {2}[0-9a-f]{12} {2}[0-9a-f]{16} {2}fault.exe\+0x[0-9a-f]+\n/);
  expect(stderr).toMatch(/ {2}ntdll.dll\+0x[0-9a-f]+\n/);
});
