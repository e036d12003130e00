/**
 * What a processor was recorded to do with every form: the first of its states, in both tiers. `npm run vectors` replays all of them, in browsers too, and
 * insists on every form.
 */
import { describe, expect, it } from "vitest";
import { testedForms } from "./forms.ts";
import { replay } from "./trial.ts";
import { readVectors } from "./vector-files.ts";

describe("the first recorded states of every form", { timeout: 600_000 }, () => {
  const recordings = readVectors();
  it.each([
    ["interpreter", 40],
    ["translator", 8],
  ] as const)("%s", (tier, states) => {
    const { disagreements, withoutVectors } = replay(testedForms, recordings, tier, states);
    expect(disagreements).toEqual([]);
    if (withoutVectors.length > 0)
      console.warn(`npm run hardware -- --record: no vectors of ${withoutVectors.join("; ")}`);
    expect(withoutVectors.length).toBeLessThan(testedForms.length / 10);
  });
});
