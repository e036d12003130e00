/** The files of recorded outcomes: `vectors/`, one a feature. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nameOf } from "./cases.ts";
import { featureOf, testedForms } from "./forms.ts";
import { readRecordings, writeRecordings, type Recording } from "./recording.ts";

export const vectorFolder = join(import.meta.dirname, "vectors");

export const vectorFiles = (): string[] => (existsSync(vectorFolder) ? readdirSync(vectorFolder).sort() : []);

export const readVectors = (): Recording[] =>
  vectorFiles().flatMap((file) => readRecordings(new Uint8Array(readFileSync(join(vectorFolder, file)))));

/** Puts `recordings` in the place of those of the same forms; those of forms that there are no more go. The bytes of all files. */
export function updateVectors(recordings: readonly Recording[]): number {
  const byForm = new Map([...readVectors(), ...recordings].map((recording) => [recording.form, recording]));
  const features = new Map<string, Recording[]>();
  for (const form of testedForms) {
    const recording = byForm.get(nameOf(form));
    if (recording) features.set(featureOf(form), [...(features.get(featureOf(form)) ?? []), recording]);
  }
  mkdirSync(vectorFolder, { recursive: true });
  let size = 0;
  for (const [feature, those] of features) {
    const bytes = writeRecordings(those);
    size += bytes.length;
    writeFileSync(join(vectorFolder, `${feature.toLowerCase()}.bin`), bytes);
  }
  return size;
}
