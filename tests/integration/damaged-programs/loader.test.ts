import { describe, expect, test } from "vitest";
import { damaged, isSentence, programs, refusal } from "./damage.ts";

const CUTS = 200;

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

test(`${damaged.length} programs with a flipped byte are accepted or refused in words`, () => {
  for (const { file, at, bytes } of damaged) {
    const message = refusal(bytes);
    expect(message === undefined || isSentence(message), `${file} at ${at}: ${message}`).toBe(true);
  }
});
