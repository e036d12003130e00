/** The package's entries as other programs see them: built, in a Node process of their own, by `require` and by `import`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "ring3-library-"));

beforeAll(async () => {
  const configFile = join(root, "vite.library.config.ts");
  await build({ configFile, root, logLevel: "error", build: { outDir: join(directory, "library") } });
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true }));

function run(file: string, program: string): unknown {
  writeFileSync(join(directory, file), program);
  return JSON.parse(execFileSync(process.execPath, [join(directory, file)], { encoding: "utf8" }));
}

test("a program for unicorn.js runs: only the name of the package is another", () => {
  const program = `
    const MUnicorn = require("./library/unicorn.js");
    MUnicorn().then((uc) => {
      var e = new uc.Unicorn(uc.ARCH_X86, uc.MODE_64);
      var code = [0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x0f, 0x05]; // movabs rax; syscall
      e.mem_map(0x1000000, 2 * 1024 * 1024, uc.PROT_ALL);
      e.mem_write(0x1000000, code);
      var seen = [];
      e.hook_add(uc.HOOK_CODE, function (h, address, size) { seen.push(String(address), size); }, {}, 0x1000000, 0x1000000 + code.length);
      e.hook_add(uc.HOOK_INSN, function (h) { seen.push(h.reg_read_i64(uc.X86_REG_RAX).toString(16)); h.emu_stop(); }, {}, 1, 0, uc.X86_INS_SYSCALL);
      e.emu_start(0x1000000, 0x1000000 + code.length, 0, 0);
      e.close();
      console.log(JSON.stringify(seen));
    });`;
  expect(run("program.cjs", program)).toEqual(["16777216", 10, "16777226", 2, "1122334455667788"]);
});

test("the first program of docs/library.md runs a program and prints its trace", () => {
  const [, example = ""] = /```js\n([^]*?)```/.exec(readFileSync(join(root, "docs/library.md"), "utf8")) ?? [];
  writeFileSync(join(directory, "run.js"), example.replace('from "ring3"', 'from "./library/sandbox.js"'));
  const sample = join(root, "samples/bin/hello-kernel.exe");
  const lines = execFileSync(process.execPath, [join(directory, "run.js"), sample], { encoding: "utf8" });
  expect(lines).toMatch(/^ .* NtCreateFile\(.*testfile\.txt.*\) = SUCCESS$/m);
  expect(lines).toMatch(/^ .* NtTerminateProcess\(.*\) = \(does not return\)$/m);
  expect(lines).toMatch(/^The program ended with exit code 0: success\. \[\n +\{\n +path: 'C:\\\\testfile\.txt',$/m);
});

test("the package names what is built", () => {
  const { exports: entries } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Record<string, { default: string }>;
  };
  const names = Object.values(entries).map(({ default: file }) => file);
  expect(names).toEqual(["./dist/library/sandbox.js", "./dist/library/unicorn.js"]);
});
