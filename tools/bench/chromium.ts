/** Measurements in headless Chromium, each in a context, and so a process, of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { samples } from "../../samples/index.ts";
import type { KernelDescription, KernelMeasurement, RunSize } from "../../src/bench/kernel.ts";
import type { StartUpMeasurement } from "../../src/bench/start-up.ts";
import { chromiumPath } from "../../tests/page/browser.ts";
import { serveWithPage, type Site } from "../../tests/support/site.ts";
import type {} from "./page/page.ts";
import { kernelsDirectory, type StartUp } from "./programs.ts";

const BENCH_PAGE = "tools/bench/page/index.html";

export class ChromiumBench {
  readonly #site: Site;
  readonly #browser: Browser;

  private constructor(site: Site, browser: Browser) {
    this.#site = site;
    this.#browser = browser;
  }

  static async start(): Promise<ChromiumBench> {
    if (chromiumPath === undefined) throw new Error("there is no Chromium");
    const site = await serveWithPage(BENCH_PAGE, "bench");
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu"] });
    return new ChromiumBench(site, browser);
  }

  async kernel(description: KernelDescription, size: RunSize): Promise<KernelMeasurement> {
    const image = [...readFileSync(join(kernelsDirectory, description.file))];
    return this.#inPage(BENCH_PAGE, (page) =>
      page.evaluate(([one, bytes, run]) => globalThis.bench.kernel(one, bytes, run), [
        description,
        image,
        size,
      ] as const),
    );
  }

  async startUp({ file, image, until }: StartUp): Promise<StartUpMeasurement> {
    const program = [...readFileSync(file)];
    return this.#inPage(BENCH_PAGE, (page) =>
      page.evaluate(([bytes, name, end]) => globalThis.bench.startUp(bytes, name, end), [
        program,
        image,
        until,
      ] as const),
    );
  }

  /** Milliseconds from the navigation of the real page to the row of the first system call of HelloKernel, which is run as soon as its button is there. */
  async pageLoad(): Promise<number> {
    const title = samples.find(({ file }) => file === "hello-kernel.exe")?.title;
    if (title === undefined) throw new Error("there is no sample hello-kernel");
    return this.#inPage("", (page) =>
      page.evaluate(
        (label) =>
          new Promise<number>((resolve) => {
            let clicked = false;
            const observer = new MutationObserver(() => {
              const button = document.querySelector<HTMLButtonElement>(`button[aria-label="Run ${label}"]`);
              if (!clicked && button && !button.disabled) {
                clicked = true;
                button.click();
              }
              const rows = [...document.querySelectorAll("[role=row]")];
              if (!rows.some((row) => /\bNt[A-Z]/.test(row.textContent))) return;
              observer.disconnect();
              resolve(performance.now());
            });
            observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
            // The page may be complete already: this is a change to look at.
            document.documentElement.dataset.observed = "";
          }),
        title,
      ),
    );
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#site.close();
  }

  async #inPage<T>(path: string, work: (page: Awaited<ReturnType<Browser["newPage"]>>) => Promise<T>): Promise<T> {
    const context = await this.#browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(this.#site.address + path, { waitUntil: path === "" ? "commit" : "load" });
      return await work(page);
    } finally {
      await context.close();
    }
  }
}
