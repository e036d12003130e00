/** The page as it ships: built, with the real worker, engine, kernel and image, in Chromium. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { samples } from "../../samples/index.ts";
import { chromiumPath, complaints, startBrowser, type Browser } from "./browser.ts";

const image = join(import.meta.dirname, "../../images/wine/manifest.json");
const greetings = samples.filter(({ ladder }) => ladder !== undefined);
let browser: Browser;

describe.skipIf(chromiumPath === undefined || !existsSync(image))("the page with the real worker", () => {
  beforeAll(async () => {
    await build({ mode: "production", logLevel: "error" });
    browser = await startBrowser("production");
  }, 240_000);
  afterAll(() => browser.close());

  test.each(greetings.map((sample) => [sample.title, sample] as const))(
    "%s: the file's text is on the page, and the trace shows who created it",
    async (title, { expected }) => {
      const page = await browser.open();
      await page.getByRole("button", { name: title }).first().click();
      await page.getByTestId("state").getByText("Exited 0").waitFor({ timeout: 60_000 });
      await expect.poll(() => page.getByTestId("text").textContent(), { timeout: 10_000 }).toBe(expected.files[0].text);
      const row = page.locator("[role=row]", { hasText: "NtCreateFile" }).filter({ hasText: "C:\\testfile.txt" });
      await row.first().waitFor();
      expect(complaints.get(page)).toEqual([]);
      await page.context().close();
    },
    120_000,
  );

  test("an endless loop is stopped by its button within a second", async () => {
    const page = await browser.open();
    await page.getByRole("button", { name: /endless loop/i }).click();
    await page.getByTestId("state").getByText("Running").waitFor({ timeout: 60_000 });
    const asked = performance.now();
    await page.getByRole("button", { name: /^Stop/ }).click();
    await page.getByTestId("state").getByText("Stopped").waitFor({ timeout: 10_000 });
    expect(performance.now() - asked).toBeLessThan(1000);
    await page.context().close();
  }, 120_000);
});
