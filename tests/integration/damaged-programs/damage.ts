/** The samples with a byte flipped: the same flips at every run, so that what is found can be found again. */
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
} from "../../../kernel-shim/pe/index.ts";
import { samples, type Sample } from "../../../samples/index.ts";
import { programBytes } from "../../support/sample-run.ts";

const FLIPS = 2000;
const SEED = 1;
const HEADERS = 0x400;

export interface Program {
  readonly sample: Sample;
  readonly file: string;
  readonly bytes: Uint8Array;
}

export interface DamagedProgram extends Program {
  /** Which byte was flipped. */
  readonly at: number;
}

export const programs: readonly Program[] = samples.map((sample) => ({
  sample,
  file: sample.file,
  bytes: programBytes(sample),
}));

export const damaged: readonly DamagedProgram[] = flip(SEED, FLIPS);

function flip(seed: number, flips: number): DamagedProgram[] {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: flips }, (_, index) => {
    const program = programs[index % programs.length];
    // Every other round over the programs hits their headers: that is where a loader can stumble.
    const at = random(Math.floor(index / programs.length) % 2 === 0 ? HEADERS : program.bytes.length);
    const bytes = program.bytes.slice();
    bytes[at] ^= 1 + random(255);
    return { ...program, at, bytes };
  });
}

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
export function refusal(bytes: Uint8Array): string | undefined {
  try {
    load(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof PeError) return error.message;
    throw error;
  }
}

/** What one person may be told by another; not what only we can read. */
export const isSentence = (text: string): boolean => /^[A-Z“"].{10,}\.$/s.test(text) && !isInternal(text);
const isInternal = (text: string) => /undefined|NaN|\[object|\bat .+:\d+:\d+|(Range|Type|Reference)Error/.test(text);
