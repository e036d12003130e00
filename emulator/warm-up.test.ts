import { expect, it } from "vitest";
import { warmUp } from "./warm-up.ts";

it("comes to its end, step by step, and may be stopped at any", () => {
  const steps = [...warmUp()].length;
  expect(steps).toBeGreaterThan(2);
  for (let last = 0; last < steps; last++) {
    const stopped = warmUp();
    for (let step = 0; step <= last; step++) expect(stopped.next().done).toBe(false);
    expect(stopped.return().done).toBe(true);
  }
});
