/** Random instruction streams at psABI level 1 on our interpreter and on libunicorn. `SEED=n STREAMS=n` for other and more. */
import { afterAll, describe, expect, it } from "vitest";
import { createCpu } from "../../emulator/engine.ts";
import { instructions } from "../../emulator/isa/index.ts";
import { createLibunicornCpu } from "../../emulator/unicorn/native/libunicorn-cpu.ts";
import { Random } from "../hardware/random.ts";
import { explained } from "./known-differences.ts";
import { levelOneForms, runStream } from "./streams.ts";

const LENGTH = 400;
const seed = Number(process.env["SEED"] ?? 1);
const streams = Number(process.env["STREAMS"] ?? 5);

describe("random streams of integer and SSE instructions", () => {
  const ours = createCpu({ level: 1, translateAfter: Infinity, seed: 1 });
  const theirs = createLibunicornCpu();
  const forms = levelOneForms(instructions);
  afterAll(() => {
    ours.dispose();
    theirs.dispose();
  });

  it.each(Array.from({ length: streams }, (_, index) => seed * 1000 + index))("stream %i", (streamSeed) => {
    const found = runStream(ours, theirs, new Random(streamSeed), forms, LENGTH);
    expect(found.filter((one) => explained(one) === undefined)).toEqual([]);
  });
});
