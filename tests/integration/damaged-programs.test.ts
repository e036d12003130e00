import { describe, expect, test } from "vitest";
import {
  PeError,
  checkProgram,
  exportsOf,
  importsOf,
  layoutImage,
  parsePe,
  relocationsOf,
  tlsOf,
  toolchainOf,
} from "../../kernel-shim/pe/index.ts";
import { createCpu } from "../../emulator/engine.ts";
import { LoadError } from "../../kernel-shim/boot/load-error.ts";
import { samples, type Sample } from "../../samples/index.ts";
import { Disassembler } from "../../src/sandbox/disassembler.ts";
import type { SandboxExit } from "../../src/sandbox/exit.ts";
import { crashText } from "../../src/sandbox/report.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { programBytes, sampleOptions, tiers } from "../support/sample-run.ts";

const CUTS = 200;
const FLIPS = 2000;
/** A run of the whole image takes a fraction of a second. No divisor of the samples' number, so that all of them have their turn. */
const EVERY = 7;
const PIECE = 20;
/** Beyond what the samples need, but for the endless loop. */
const INSTRUCTIONS = 1_000_000;
/** One run; what hangs takes longer, however busy the machine. */
const MOST_MS = 20_000;
const kinds = new Set<string>();
const disassembler = await Disassembler.load();

const programs = samples.map((sample) => ({ sample, file: sample.file, bytes: programBytes(sample) }));

/** Everything that is read from a program before it runs. */
function load(bytes: Uint8Array): void {
  const image = parsePe(bytes);
  checkProgram(image);
  layoutImage(image, image.headers.imageBase);
  importsOf(image);
  exportsOf(image);
  Array.from(relocationsOf(image));
  tlsOf(image);
  toolchainOf(image);
}

/** What a person is told, or undefined where the program would start. Any other error than ours is let through. */
function refusal(bytes: Uint8Array): string | undefined {
  try {
    load(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof PeError) return error.message;
    throw error;
  }
}

/** What one person may be told by another; not what only we can read. */
const isSentence = (text: string) => /^[A-Z“"].{10,}\.$/s.test(text) && !isInternal(text);
const isInternal = (text: string) => /undefined|NaN|\[object|\bat .+:\d+:\d+|(Range|Type|Reference)Error/.test(text);

describe.each(programs)("$file", ({ bytes }) => {
  test("is accepted whole", () => {
    expect(refusal(bytes)).toBeUndefined();
  });

  test(`cut at ${CUTS} lengths is refused in words`, () => {
    for (let cut = 0; cut < CUTS; cut++) {
      const length = Math.floor((cut * bytes.length) / CUTS);
      const message = refusal(bytes.subarray(0, length));
      expect(message !== undefined && isSentence(message), `${length} bytes: ${message}`).toBe(true);
    }
  });
});

/** The same damage at every run: what is found can be found again. */
function damage(seed: number, flips: number) {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: flips }, (_, flip) => {
    const program = programs[flip % programs.length];
    // Every other flip hits the headers: that is where a loader can stumble.
    const at = random(flip % 2 === 0 ? 0x400 : program.bytes.length);
    const bytes = program.bytes.slice();
    bytes[at] ^= 1 + random(255);
    return { ...program, at, bytes };
  });
}

/** How a damaged program's run ended: its exit, or the sentence that refused it. Errors of ours are let through. */
function outcome(sample: Sample, bytes: Uint8Array): { exit: SandboxExit } | { refusal: string } {
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

const damaged = damage(1, FLIPS);

test(`${FLIPS} programs with a flipped byte are accepted or refused in words`, () => {
  for (const { file, at, bytes } of damaged) {
    const message = refusal(bytes);
    expect(message === undefined || isSentence(message), `${file} at ${at}: ${message}`).toBe(true);
  }
});

describe(`one of ${EVERY} of them runs under a limit`, () => {
  const chosen = damaged.filter((_, flip) => flip % EVERY === 0);
  const pieces = Array.from({ length: Math.ceil(chosen.length / PIECE) }, (_, piece) => piece * PIECE);

  test.each(pieces)("from run %i on", { timeout: 120_000 }, (from) => {
    for (const { sample, bytes, file, at } of chosen.slice(from, from + PIECE)) {
      const where = `${file} at ${at}`;
      const started = performance.now();
      let ended: ReturnType<typeof outcome>;
      try {
        ended = outcome(sample, bytes);
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
