/** The page as it ships: built, with the real worker, engine, kernel and image, in Chromium. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { samples } from "../../samples/index.ts";
import { root } from "../support/ring3.ts";
import { SAMPLE_INSTRUCTIONS, tiers, traceInNode, wineImage } from "../support/sample-run.ts";
import { chromiumPath, complaints, startBrowser, type Browser } from "./browser.ts";
import type { traceInWorker } from "./sample-driver.ts";

const image = join(import.meta.dirname, "../../images/wine/manifest.json");
const greetings = samples.filter(({ ladder }) => ladder !== undefined);
let browser: Browser;

/** A script that makes the exports of one of the tests' modules a global `driver`. */
async function bundleOf(name: string): Promise<string> {
  const lib = { entry: join(import.meta.dirname, name), formats: ["iife" as const], name: "driver" };
  const built = await build({ configFile: false, logLevel: "error", build: { write: false, target: "es2023", lib } });
  const [{ output }] = built as Extract<typeof built, unknown[]>;
  return `${output[0].code};globalThis.driver = driver;`;
}

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

  test("the worker asks to be compiled while it loads", async () => {
    const assets = join(root, "dist", "assets");
    const worker = (await readdir(assets)).find((name) => /^worker-.*\.js$/.test(name)) ?? "";
    expect(await readFile(join(assets, worker), "utf8")).toMatch(/^\/\/# allFunctionsCalledOnLoad\n/);
  });

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

  test("a build of unicorn.js of the user's is the CPU", async () => {
    const page = await browser.open();
    // Our own façade stands for it, as a script that has the variable MUnicorn.
    const build = `${await bundleOf("../../emulator/unicorn/module.ts")};var MUnicorn = driver.MUnicorn;`;
    const file = { mimeType: "text/javascript", buffer: Buffer.from(build) };
    await page.getByRole("button", { name: "Run Hello from the Native API" }).click();
    await page.getByTestId("state").getByText("Exited 0").waitFor({ timeout: 60_000 });
    const runOn = async (name: string, chosen: typeof file): Promise<void> => {
      await page.getByRole("button", { name: "Run options" }).click();
      const form = page.getByRole("dialog");
      await form.getByLabel("A build of unicorn.js").setInputFiles({ name, ...chosen });
      await form.getByRole("button", { name, pressed: true }).waitFor();
      await form.getByRole("button", { name: "Run", exact: true }).click();
    };
    await runOn("unicorn.js", file);
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByTestId("state").getByText("Exited 0").waitFor({ timeout: 60_000 });
    await runOn("other.js", { ...file, buffer: Buffer.from("var nothing;") });
    await page.getByText("it has no MUnicorn").first().waitFor({ timeout: 10_000 });
    await page.context().close();
  }, 180_000);

  test("a folder of the user's is the image", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ring3-drive-"));
    const page = await browser.open();
    try {
      const wine = wineImage();
      for (const path of ["windows", "windows\\system32", "windows\\globalization\\sorting"]) {
        const there = join(folder, ...path.split("\\"));
        await mkdir(there, { recursive: true });
        for (const { name, directory } of wine.list(path) ?? [])
          if (!directory) await writeFile(join(there, name), wine.read(`${path}\\${name}`));
      }
      await page.getByRole("button", { name: "Run Hello from the Native API" }).click();
      await page.getByTestId("state").getByText("Exited 0").waitFor({ timeout: 60_000 });
      await page.getByRole("button", { name: "Run options" }).click();
      const form = page.getByRole("dialog");
      await form.getByLabel("Folder of DLLs").setInputFiles(folder);
      await form.getByText("read by this tab, sent nowhere").waitFor();
      await form.getByRole("button", { name: "Run", exact: true }).click();
      await form.waitFor({ state: "hidden" });
      await page.getByTestId("state").getByText("Exited 0").waitFor({ timeout: 60_000 });
      await page.getByRole("tab", { name: "Summary" }).click();
      await page.locator("dd", { hasText: "folder" }).waitFor();
      await page
        .locator("[role=row]", { hasText: "NtCreateFile" })
        .filter({ hasText: "C:\\testfile.txt" })
        .first()
        .waitFor();
      expect(complaints.get(page)).toEqual([]);
    } finally {
      await page.context().close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);

  describe("traces are those of Node, to the byte", () => {
    let page: Page;
    let worker: string;
    beforeAll(async () => {
      page = await browser.open();
      await page.evaluate(await bundleOf("sample-driver.ts"));
      const script = (await readdir(join(root, "dist", "assets"))).find((name) => /^worker-.*\.js$/.test(name));
      worker = `${browser.address}assets/${script}`;
    });
    afterAll(() => page.context().close());

    const cases = samples.flatMap((sample) =>
      (["default", "interpreter", "translator"] as const).map((tier) => [sample.id, tier, sample] as const),
    );
    test.each(cases)("%s, %s", { timeout: 240_000 }, async (id, tier, sample) => {
      const expected = traceInNode(sample);
      const question = {
        address: worker,
        id,
        tier: { translateAfter: tiers[tier], instructions: SAMPLE_INSTRUCTIONS },
      };
      const inChromium = await page.evaluate(
        (asked) =>
          (globalThis as unknown as { driver: { traceInWorker: typeof traceInWorker } }).driver.traceInWorker(asked),
        question,
      );
      expect(inChromium).toEqual(expected);
      expect(expected.trace).not.toBe("");
    });
  });
});
