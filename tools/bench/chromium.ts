/** Measurements in headless Chromium, each in a context, and so a process, of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { build, preview, type PreviewServer } from "vite";
import { samples } from "../../samples/index.ts";
import type { KernelDescription, KernelMeasurement, RunSize } from "../../src/bench/kernel.ts";
import type { StartUpMeasurement } from "../../src/bench/start-up.ts";
import { chromiumPath } from "../../tests/page/browser.ts";
import type {} from "./page/page.ts";
import { kernelsDirectory, root, type StartUp } from "./programs.ts";

/** The page and the page of the benchmarks, built apart from dist. */
const site = join(root, ".cache", "bench");

const BENCH_PAGE = "tools/bench/page/index.html";

export class ChromiumBench {
  readonly #server: PreviewServer;
  readonly #browser: Browser;
  readonly #address: string;

  private constructor(server: PreviewServer, browser: Browser, address: string) {
    this.#server = server;
    this.#browser = browser;
    this.#address = address;
  }

  static async start(): Promise<ChromiumBench> {
    if (chromiumPath === undefined) throw new Error("there is no Chromium");
    const input = [join(root, "index.html"), join(import.meta.dirname, "page", "index.html")];
    await build({ root, logLevel: "error", build: { outDir: site, emptyOutDir: true, rollupOptions: { input } } });
    const host = { host: "127.0.0.1", port: 0 };
    const server = await preview({ root, logLevel: "error", build: { outDir: site }, preview: host });
    const address = server.resolvedUrls?.local[0];
    if (address === undefined) throw new Error("the server has no address");
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu"] });
    return new ChromiumBench(server, browser, address);
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
    await this.#server.close();
  }

  async #inPage<T>(path: string, work: (page: Awaited<ReturnType<Browser["newPage"]>>) => Promise<T>): Promise<T> {
    const context = await this.#browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(this.#address + path, { waitUntil: path === "" ? "commit" : "load" });
      return await work(page);
    } finally {
      await context.close();
    }
  }
}
