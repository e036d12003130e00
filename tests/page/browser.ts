/** Serves the page with the tests' worker and drives the distribution's Chromium. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { build, preview, type PreviewServer } from "vite";

const candidates = [
  process.env.RING3_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
export const chromiumPath = candidates.find((path) => path !== undefined && existsSync(path));

export interface Browser {
  readonly address: string;
  open(options?: { width?: number; height?: number; dark?: boolean }): Promise<Page>;
  close(): Promise<void>;
}

/** What the page's console reported as an error, and uncaught exceptions, by page. */
export const complaints = new WeakMap<Page, string[]>();

export async function startBrowser(mode: "fake" | "production"): Promise<Browser> {
  if (mode === "fake") await build({ mode, logLevel: "error" });
  const server: PreviewServer = await preview({ mode, logLevel: "error", preview: { host: "127.0.0.1", port: 0 } });
  const address = server.resolvedUrls?.local[0];
  if (address === undefined) throw new Error("The preview server has no address.");
  const profile = await mkdtemp(join(tmpdir(), "ring3-page-"));
  const contexts: BrowserContext[] = [];
  const open: Browser["open"] = async ({ width = 1280, height = 720, dark = false } = {}) => {
    const context = await chromium.launchPersistentContext(join(profile, String(contexts.length)), {
      ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
      headless: true,
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    contexts.push(context);
    const page = context.pages()[0] ?? (await context.newPage());
    const heard: string[] = [];
    complaints.set(page, heard);
    page.on("console", (message) => message.type() === "error" && heard.push(message.text()));
    page.on("pageerror", (error) => heard.push(error.message));
    await page.goto(address);
    return page;
  };
  const close = async () => {
    for (const context of contexts) await context.close();
    await server.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { address, open, close };
}
