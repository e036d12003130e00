/** Runs the damaged programs under a limit of instructions: none may crash or hang us, and how each ended is told in words. */
import { describe, expect, test } from "vitest";
import { createCpu } from "../../../emulator/engine.ts";
import { LoadError } from "../../../kernel-shim/boot/load-error.ts";
import { Disassembler } from "../../../src/sandbox/disassembler.ts";
import type { SandboxExit } from "../../../src/sandbox/exit.ts";
import { crashText } from "../../../src/sandbox/report.ts";
import { Sandbox } from "../../../src/sandbox/sandbox.ts";
import { sampleOptions, tiers } from "../../support/sample-run.ts";
import { damaged, isSentence, type DamagedProgram } from "./damage.ts";

const PIECE = 100;
/** Beyond what the samples need, but for the endless loop. */
const INSTRUCTIONS = 1_000_000;
/** One run; what hangs takes longer, however busy the machine. */
const MOST_MS = 20_000;

/** How a damaged program's run ended: its exit, or the sentence that refused it. Errors of ours are let through. */
function outcome(
  { sample, bytes }: DamagedProgram,
  disassembler: Disassembler,
): { exit: SandboxExit } | { refusal: string } {
  const cpu = createCpu({ level: 3, translateAfter: tiers.default, seed: 1 });
  let sandbox: Sandbox | undefined;
  try {
    sandbox = new Sandbox({ ...sampleOptions(sample, cpu, bytes), limits: { instructions: INSTRUCTIONS } });
    while (sandbox.run(INSTRUCTIONS).reason !== "ended");
    if (!sandbox.exit) throw new Error("the run ended without an exit");
    if (sandbox.exit.crash) crashText(sandbox.exit.crash, disassembler);
    return { exit: sandbox.exit };
  } catch (error) {
    if (error instanceof LoadError) return { refusal: error.message };
    throw error;
  } finally {
    if (sandbox) sandbox.dispose();
    else cpu.dispose();
  }
}

/** Declares the tests of every second damaged program, from the `first` on: a file of tests has a process, and so a core, of its own. */
export async function testDamagedRuns(first: 0 | 1): Promise<void> {
  const disassembler = await Disassembler.load();
  const kinds = new Set<string>();
  const chosen = damaged.filter((_, index) => index % 2 === first);
  const pieces = Array.from({ length: Math.ceil(chosen.length / PIECE) }, (_, piece) => piece * PIECE);

  describe(`${chosen.length} damaged programs run under a limit`, () => {
    test.each(pieces)("from run %i on", { timeout: 240_000 }, (from) => {
      for (const program of chosen.slice(from, from + PIECE)) {
        const where = `${program.file} at ${program.at}`;
        const started = performance.now();
        let ended: ReturnType<typeof outcome>;
        try {
          ended = outcome(program, disassembler);
        } catch (error) {
          throw new Error(`${where}: an error of ours`, { cause: error });
        }
        expect(performance.now() - started, `${where}: milliseconds`).toBeLessThan(MOST_MS);
        const words = "exit" in ended ? ended.exit.meaning : ended.refusal;
        expect(isSentence(words), `${where}: ${words}`).toBe(true);
        kinds.add("exit" in ended ? ended.exit.reason : "refused");
      }
    });

    test("they met refusals, ends, faults and the limit", () => {
      expect([...kinds]).toEqual(expect.arrayContaining(["refused", "exited", "fault", "limit"]));
    });
  });
}
