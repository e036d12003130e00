/** The page that replays vectors, in a browser of the distribution. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { chromiumPath } from "../page/browser.ts";
import { SAMPLE_INSTRUCTIONS, tiers as sampleTiers, type SampleTrace } from "../support/sample-run.ts";
import { serveWithPage, type Site } from "../support/site.ts";
import type {} from "./page/page.ts";
import type { ReplayPart, ReplayResult, Tier } from "./trial.ts";

const PAGE = "tests/hardware/page/index.html";
/** A share of the translations takes its time where the machine is busy. */
const PATIENCE = 1_800_000;

const firefoxPath = [process.env.RING3_FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"].find(
  (path) => path !== undefined && existsSync(path),
);

/** What drives them: WebDriver BiDi in Firefox, the DevTools protocol in Chromium. */
const launchers = {
  chromium: () =>
    chromiumPath === undefined
      ? undefined
      : puppeteer.launch({
          browser: "chrome",
          executablePath: chromiumPath,
          args: ["--no-sandbox", "--disable-gpu"],
          protocolTimeout: PATIENCE,
        }),
  firefox: () =>
    firefoxPath === undefined
      ? undefined
      : puppeteer.launch({
          browser: "firefox",
          executablePath: firefoxPath,
          protocol: "webDriverBiDi",
          protocolTimeout: PATIENCE,
        }),
} as const;

export type BrowserName = keyof typeof launchers;
export const browserNames = Object.keys(launchers) as readonly BrowserName[];

let site: Promise<Site> | undefined;

export class ReplayBrowser {
  /** Its name and version. */
  readonly version: string;
  readonly #browser: Browser;
  readonly #page: Page;
  readonly #site: Site;

  private constructor(version: string, browser: Browser, page: Page, served: Site) {
    this.version = version;
    this.#browser = browser;
    this.#page = page;
    this.#site = served;
  }

  /** Undefined where the browser is not installed. */
  static async start(name: BrowserName): Promise<ReplayBrowser | undefined> {
    const browser = await launchers[name]();
    if (!browser) return undefined;
    const served = await (site ??= serveWithPage(PAGE, "vectors"));
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(served.address + PAGE);
    return new ReplayBrowser(await browser.version(), browser, page, served);
  }

  replay(part: ReplayPart): Promise<ReplayResult> {
    return this.#page.evaluate((one) => globalThis.driver.replayPart(one), part);
  }

  /** From the page's own worker. */
  async traceOf(id: string, tier: Tier): Promise<SampleTrace> {
    const assets = join(this.#site.directory, "assets");
    const script = readdirSync(assets).find((name) => /^worker-.*\.js$/.test(name));
    if (script === undefined) throw new Error("the page has no worker");
    const question = {
      address: `${this.#site.address}assets/${script}`,
      id,
      tier: { translateAfter: sampleTiers[tier], instructions: SAMPLE_INSTRUCTIONS },
    };
    return this.#page.evaluate((asked) => globalThis.driver.traceInWorker(asked), question);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }

  static async closeSite(): Promise<void> {
    await (await site)?.close();
    site = undefined;
  }
}
