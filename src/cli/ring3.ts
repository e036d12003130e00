import { Command, Option } from "commander";
import { runSizes } from "../bench/kernel.ts";
import { bench, type BenchOptions } from "./bench.ts";
import {
  parseCount,
  parseCpuName,
  parseMount,
  parseTraceFormat,
  parseVariable,
  parseWindowsBuild,
  type RunOptions,
} from "./options.ts";
import { ExitCode, RunError, run } from "./run.ts";

const program = new Command("ring3")
  .description("Runs x86-64 Windows programs in a sandbox and shows what they do.")
  .enablePositionalOptions()
  .exitOverride();

program
  .command("run")
  .description("Runs a program. Its output and exit code (low byte) become ours; our own errors exit with 125 to 127.")
  .argument("<program>", "a host file, or a guest path such as C:\\tools\\x.exe that the image or a mount holds")
  .argument("[args...]", "the program's arguments")
  .option("--image <image>", "user mode: scratch, wine, or a directory of DLLs", "wine")
  .option("--trace <format>", "write the trace as text, jsonl or csv", parseTraceFormat)
  .option("--trace-file <file>", "where the trace goes (default: standard error)")
  .option("--filter <filter>", "which events the trace shows, such as 'name:Nt*File status:error'")
  .option(
    "--json <file>",
    "write a report of the run; - is standard output, the program's output is then only in the report",
  )
  .option("--files-out <dir>", "write the files that the run changed below a host folder")
  .option(
    "--mount <guest=dir>",
    "show a host folder at a guest path; writes stay in the run (repeatable)",
    parseMount,
    [],
  )
  .option("--stdin <file>", "standard input from a file (default: ours)")
  .option("--cwd <path>", "the guest's current directory")
  .option("--env <name=value>", "set an environment variable (repeatable)", parseVariable, [])
  .option("--max-instructions <n>", "end the run after so many instructions", parseCount, Infinity)
  .option("--timeout <seconds>", "end the run after so much time of ours", parseCount)
  .option("--windows <build>", "the Windows build whose system call numbers raw calls use", parseWindowsBuild)
  .option("--cpu <cpu>", "translator, interpreter, libunicorn or unicornjs:FILE", parseCpuName, "translator")
  .option("--translate-after <n>", "executions after which code is translated", parseCount)
  .option("--seed <n>", "what random numbers are made from", parseCount)
  .option("--profile", "say on standard error where the time went")
  .passThroughOptions()
  .action(async (file: string, args: string[], options: RunOptions) => {
    process.exitCode = await run(file, args, options);
  });

program
  .command("bench")
  .description(
    "Runs benchmark kernels on the engine alone: the first run with everything it has to make, and a later one.",
  )
  .requiredOption("--kernels <dir>", "a folder of flat images and their manifest.json")
  .option("--json <file>", "write the medians")
  .addOption(new Option("--run <size>", "which of the manifest's runs").choices(runSizes).default("full"))
  .option("--rounds <n>", "measurements of each, every one in a process of its own", parseCount, 5)
  .addOption(
    new Option("--cpu <cpu>", "the engine with or without its translator")
      .choices(["translator", "interpreter"])
      .default("translator"),
  )
  .option("--translate-after <n>", "executions after which code is translated", parseCount)
  .addOption(new Option("--measure <kernel>", "measure one kernel once in this process, print JSON").hideHelp())
  .action((options: BenchOptions) => bench(options));

async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof RunError) {
      process.stderr.write(`ring3: ${error.message}\n`);
      process.exitCode = error.exitCode;
    } else if (error instanceof Error && "exitCode" in error && typeof error.exitCode === "number") {
      // commander has printed help or what is wrong with the options
      process.exitCode = error.exitCode === 0 ? 0 : ExitCode.Failure;
    } else {
      process.stderr.write(`ring3: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exitCode = ExitCode.Failure;
    }
  }
}

void main();
