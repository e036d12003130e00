/** `npm run check`: everything that can be told about the sources without running them. The last line counts. */
import { spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

interface Step {
  readonly name: string;
  /** A command of node_modules/.bin and its arguments. */
  readonly command: readonly [string, ...string[]];
}

const steps: readonly Step[] = [
  { name: "lint", command: ["eslint", "."] },
  { name: "types", command: ["tsc", "-p", "tsconfig.json", "--noEmit"] },
  { name: "types of the portable rooms", command: ["tsc", "-p", "tsconfig.portable.json", "--noEmit"] },
  { name: "types of the components", command: ["svelte-check", "--tsconfig", "./tsconfig.json", "--output", "human"] },
  { name: "format", command: ["prettier", "--check", ".", "--log-level", "warn"] },
  {
    name: "import boundaries",
    command: [
      "depcruise",
      "--config",
      ".dependency-cruiser.cjs",
      "emulator",
      "kernel-shim",
      "src",
      "samples",
      "tools",
      "tests",
    ],
  },
  { name: "unused code", command: ["knip", "--no-progress"] },
  { name: "generated documents", command: ["tsx", "tools/docs.ts", "--check"] },
  { name: "samples", command: ["tsx", "tools/samples.ts", "--check"] },
];

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

function run({ name, command: [tool, ...args] }: Step): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", tool), args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const finish = (passed: boolean) =>
      resolve({ name, passed, output, seconds: (performance.now() - started) / 1000 });
    child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
    child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
    child.on("error", (error) => {
      output += error.message;
      finish(false);
    });
    child.on("close", (code) => finish(code === 0));
  });
}

/** Two at a time. */
async function runAll(wanted: readonly Step[]): Promise<Outcome[]> {
  const waiting = [...wanted];
  const outcomes: Outcome[] = [];
  const worker = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const outcome = await run(step);
      outcomes.push(outcome);
      console.log(`${outcome.passed ? "passed" : "FAILED"}  ${outcome.name} (${outcome.seconds.toFixed(1)} s)`);
      if (!outcome.passed) console.log(outcome.output.trimEnd().replace(/^/gm, "    "));
    }
  };
  await Promise.all([worker(), worker()]);
  return outcomes;
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(
    `check: no step "${unknown.join('", "')}"; there are ${steps.map(({ name }) => `"${name}"`).join(", ")}`,
  );
  process.exit(2);
}
const outcomes = await runAll(named.length > 0 ? steps.filter(({ name }) => named.includes(name)) : steps);
const failed = outcomes.filter(({ passed }) => !passed).length;
console.log(`check: ${outcomes.length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
