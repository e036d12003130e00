import { readFileSync } from "node:fs";
import { join } from "node:path";
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
import { samples } from "../../samples/index.ts";
import { root } from "../support/ring3.ts";

const CUTS = 200;
const FLIPS = 2000;

const programs = samples.map(({ file }) => ({
  file,
  bytes: new Uint8Array(readFileSync(join(root, "samples", "bin", file))),
}));

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

const isSentence = (text: string) => /^[A-Z“"].{10,}\.$/s.test(text) && !/undefined|NaN|\[object/.test(text);

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

test(`${FLIPS} flipped bytes are accepted or refused in words`, () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let flip = 0; flip < FLIPS; flip++) {
    const { file, bytes } = programs[flip % programs.length];
    // Every other flip hits the headers: that is where a loader can stumble.
    const at = random(flip % 2 === 0 ? 0x400 : bytes.length);
    const damaged = bytes.slice();
    damaged[at] ^= 1 + random(255);
    const message = refusal(damaged);
    expect(message === undefined || isSentence(message), `${file} at ${at}: ${message}`).toBe(true);
  }
});
