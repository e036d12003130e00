import { describe, expect, test } from "vitest";
import { ntstatus } from "../../../kernel-shim/abi/ntstatus.ts";
import { HostileGuest } from "./service-calls.ts";

/** Milliseconds; a call takes a few. */
const PATIENCE = 10_000;

describe("every system service with wild arguments", () => {
  const guest = new HostileGuest(PATIENCE);

  test.each([1, 2, 3])("seed %i", { timeout: 240_000 }, (seed) => {
    const { findings, statuses } = guest.call(seed, 4);
    expect(findings).toEqual([]);
    // Calls that all fail alike would test less than they seem to.
    expect(statuses.size).toBeGreaterThan(30);
    expect(statuses.get(ntstatus.STATUS_SUCCESS)).toBeGreaterThan(20);
  });
});
