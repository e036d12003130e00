import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, complaints, startBrowser, type Browser } from "./browser.ts";

let browser: Browser;
let page: Page;
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const program = [0x4d, 0x5a, 0, 0];

/** Drops files anywhere on the window, as a user does. */
async function drop(target: Page, ...files: readonly { name: string; bytes?: readonly number[] }[]): Promise<void> {
  await target.evaluate(
    (dropped) => {
      const transfer = new DataTransfer();
      for (const { name, bytes } of dropped) transfer.items.add(new File([new Uint8Array(bytes)], name));
      for (const type of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
      }
    },
    files.map(({ name, bytes = program }) => ({ name, bytes: [...bytes] })),
  );
}

async function reaches(target: Page, state: string): Promise<void> {
  await target.getByTestId("state").getByText(state).waitFor({ timeout: 10_000 });
}

async function violations(target: Page): Promise<string[]> {
  if (!(await target.evaluate(() => "axe" in window))) await target.evaluate(await readFile(axe, "utf8"));
  return target.evaluate(async () => {
    // What is still fading in has no contrast yet.
    const passing = document.getAnimations().filter(({ effect }) => effect?.getTiming().iterations !== Infinity);
    await Promise.allSettled(passing.map(({ finished }) => finished));
    const { run } = (window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } }).axe;
    interface AxeViolation {
      id: string;
      nodes: { html: string; failureSummary: string }[];
    }
    return (await run()).violations.map(
      (v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join("\n")}`,
    );
  });
}

/** What a loaded machine needs a while for. */
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 10_000 });
const gridRows = (target: Page) => target.locator("[role=grid] [role=row][id]");

describe.skipIf(chromiumPath === undefined)("the page", () => {
  beforeAll(async () => {
    browser = await startBrowser("fake");
    page = await browser.open();
  }, 120_000);

  afterAll(() => browser.close());

  afterEach(() => {
    expect(complaints.get(page)).toEqual([]);
  });

  test("a sample runs with one click; the file it creates opens by itself", async () => {
    await page.getByRole("button", { name: "Run Hello from the Win32 API" }).click();
    await reaches(page, "Exited 0");
    await eventually(() => page.getByTestId("text").textContent()).toBe("Hello from the Win32 API!\r\n");
    expect(await page.getByRole("treeitem", { name: "testfile.txt" }).getAttribute("aria-selected")).toBe("true");
    expect(await page.getByTestId("viewer").textContent()).toContain("UTF-16 LE");
    await page.locator("[role=row]", { hasText: "NtCreateFile" }).waitFor();
  });

  test("a row opens with its parameters; its path leads to the file and the file back to the trace", async () => {
    await page.locator("[role=row]", { hasText: "NtWriteFile" }).click();
    const event = page.getByRole("region", { name: "Event" });
    await event.getByText("ObjectAttributes").waitFor();
    expect(await event.textContent()).toContain("kernelbase.dll!CreateFileW+0x1c4");
    await page.getByRole("button", { name: "Show only events about this file" }).click();
    await eventually(() => page.getByTestId("matching").textContent()).toMatch(/^3 of 412$/);
    expect(await gridRows(page).count()).toBe(3);
    await page.keyboard.press("/");
    await page.keyboard.press("Escape");
    await eventually(() => page.getByTestId("matching").textContent()).toBe("412");
  });

  test("100,000 rows: few elements, both ends, keys, filter", async () => {
    await drop(page, { name: "big.exe" });
    await reaches(page, "Exited 0");
    await eventually(() => page.getByTestId("matching").textContent()).toBe("100,000");
    expect(await gridRows(page).count()).toBeLessThan(60);
    await page.locator("[role=row]", { hasText: "100,000" }).waitFor();
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("Home");
    await page.locator("[role=row][aria-selected=true]", { hasText: "NtQueryVirtualMemory" }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    expect(await page.locator("[role=row][aria-selected=true]").getAttribute("aria-rowindex")).toBe("4");
    await page.keyboard.press("End");
    await page.locator("[role=row][aria-selected=true]", { hasText: "NtTerminateProcess" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("name:NtOpenKey");
    await eventually(() => page.getByTestId("matching").textContent()).toMatch(/^9,\d\d\d of 100,000$/);
    await page.keyboard.press("Escape");
  });

  test("scrolling 100,000 rows costs little a frame", async () => {
    const slowest = await page.locator("[role=grid]").evaluate(async (grid) => {
      const times: number[] = [];
      for (let step = 0; step < 60; step++) {
        grid.scrollTop = (step * 104_729) % 2_300_000;
        const start = performance.now();
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
    });
    expect(slowest).toBeLessThan(60);
  });

  test("ten million rows reach the last one", async () => {
    await drop(page, { name: "huge.exe" });
    await reaches(page, "Exited 0");
    await page.locator("[role=row]", { hasText: "10,000,000" }).waitFor();
    await page.locator("[role=grid]").evaluate((grid) => (grid.scrollTop = 0));
    await page.locator("[role=row][aria-rowindex='2']").waitFor();
  });

  test("what is no program is refused in a sentence, and the last run stays", async () => {
    await drop(page, { name: "letter.exe", bytes: [1, 2, 3] });
    await page.getByRole("alert").getByText("letter.exe is no Windows program").waitFor();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("huge.exe");
    await page.getByRole("button", { name: "Dismiss" }).click();
    await drop(page, { name: "missing.exe" });
    await page.getByText("imports KERNEL32.dll, and the image scratch has no DLLs").first().waitFor();
    await reaches(page, "Failed");
  });

  test("the console takes a line when the program waits for one", async () => {
    await drop(page, { name: "input.exe" });
    await reaches(page, "Waits for input");
    await page.getByRole("textbox", { name: "Standard input" }).fill("Ada");
    await page.keyboard.press("Enter");
    await reaches(page, "Exited 0");
    expect(await page.getByTestId("console").textContent()).toContain("What is your name? Ada\nHello, Ada!");
  });

  test("a crash shows its report", async () => {
    await drop(page, { name: "crash.exe" });
    await reaches(page, "Crashed");
    const report = page.getByRole("tabpanel", { name: "Crash" });
    await report.getByText("mov dword ptr [rax],2Ah").waitFor();
    expect(await report.textContent()).toContain("kernel32.dll!BaseThreadInitThunk+0x14");
  });

  test("pause, step, resume and stop", async () => {
    await drop(page, { name: "loop.exe" });
    await reaches(page, "Running");
    await page.getByRole("button", { name: "Pause" }).click();
    await reaches(page, "Paused");
    const events = async () => Number((await page.getByTestId("matching").textContent())?.replaceAll(",", ""));
    const before = await events();
    await page.getByRole("button", { name: "Step" }).click();
    await eventually(events).toBe(before + 1);
    await page.getByRole("button", { name: "Resume" }).click();
    await reaches(page, "Running");
    await page.getByRole("button", { name: "Stop" }).click();
    await reaches(page, "Stopped");
  });

  test("a worker that hangs is told of, and ended when it is asked to stop", async () => {
    await drop(page, { name: "hang.exe" });
    await page.getByRole("alert").getByText("The engine has not answered").waitFor();
    const asked = Date.now();
    await page.getByRole("button", { name: "Stop" }).click();
    await reaches(page, "Stopped");
    expect(Date.now() - asked).toBeLessThan(2_500);
    await page.getByText("was ended. What it had sent until then is still here").first().waitFor();
    expect(await gridRows(page).count()).toBeGreaterThan(5);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await reaches(page, "Running");
    await page.getByRole("button", { name: "Stop" }).click();
    await reaches(page, "Stopped");
  });

  test("a program that is opened while the worker hangs runs in a fresh one", async () => {
    await drop(page, { name: "hang.exe" });
    await page.getByRole("alert").getByText("The engine has not answered").waitFor();
    await drop(page, { name: "small.exe" });
    await eventually(() => page.getByRole("heading", { level: 1 }).textContent()).toBe("small.exe");
    await reaches(page, "Exited 0");
  });

  test("a worker that dies leaves the page alive", async () => {
    await drop(page, { name: "die.exe" });
    await page.getByText("The engine ran out of memory.").first().waitFor();
    await reaches(page, "Failed");
    await drop(page, { name: "small.exe" });
    await reaches(page, "Exited 0");
  });

  test("the run form gives arguments and files; files dropped on it lie beside the program", async () => {
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("o");
    const form = page.getByRole("dialog", { name: "Run small.exe" });
    await form.getByLabel("Arguments").fill("--fast");
    await drop(page, { name: "input.txt", bytes: [65] });
    await eventually(() => form.getByLabel("Where the program sees the file").inputValue()).toBe("C:\\w\\input.txt");
    await form.getByLabel("Seconds at most").fill("soon");
    await form.getByText("The limit of seconds must be a number").waitFor();
    await form.getByLabel("Seconds at most").fill("5");
    await form.getByRole("button", { name: "Run", exact: true }).click();
    await reaches(page, "Exited 0");
    await page.getByRole("treeitem", { name: "w", exact: true }).click();
    await page.getByRole("treeitem", { name: "input.txt" }).waitFor();
  });

  test("a library opens as hex and downloads", async () => {
    await page.getByRole("treeitem", { name: "windows" }).click();
    await page.getByRole("treeitem", { name: "win.ini" }).click();
    await eventually(() => page.getByTestId("text").textContent()).toContain("[mci extensions]");
    await page.getByRole("group", { name: "View" }).getByRole("button", { name: "hex" }).click();
    await page.getByTestId("hex").getByText("; fo").waitFor();
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download win.ini" }).click();
    expect((await downloading).suggestedFilename()).toBe("win.ini");
  });

  test("the palette finds commands and samples", async () => {
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("A command, file, sample or call").fill("system calls");
    await page.getByRole("option", { name: /Hello from system calls/ }).click();
    await eventually(() => page.getByRole("heading", { level: 1 }).textContent()).toBe("Hello from system calls");
    await reaches(page, "Exited 0");
  });

  test("a folder is dropped with the program in it and what that needs", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ring3-dropped-"));
    try {
      const game = join(folder, "game");
      await mkdir(join(game, "data", "maps"), { recursive: true });
      await mkdir(join(game, "tools"));
      const contents = {
        "game.exe": program,
        "a.exe": program,
        "engine.dll": [1],
        "data/maps/one.map": [2],
        "tools/b.exe": program,
      };
      for (const [path, bytes] of Object.entries(contents)) await writeFile(join(game, path), Uint8Array.from(bytes));
      // Enough for readEntries to give them in several portions.
      for (let n = 0; n < 120; n++) await writeFile(join(game, "data", `${n}.bin`), "");
      const devtools = await page.context().newCDPSession(page);
      const data = { items: [], files: [game], dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"] as const)
        await devtools.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
      await eventually(() => page.getByRole("heading", { level: 1 }).textContent()).toBe("game.exe");
      await reaches(page, "Exited 0");
      await page.locator("[role=grid]").focus();
      await page.keyboard.press("o");
      const seen = page.getByRole("dialog", { name: "Run game.exe" }).getByLabel("Where the program sees the file");
      await eventually(async () => (await seen.count()) > 100).toBe(true);
      const paths = await seen.evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
      expect(paths).toHaveLength(Object.keys(contents).length - 1 + 120);
      expect(paths).toEqual(
        expect.arrayContaining([
          "C:\\w\\a.exe",
          "C:\\w\\engine.dll",
          "C:\\w\\data\\maps\\one.map",
          "C:\\w\\data\\119.bin",
          "C:\\w\\tools\\b.exe",
        ]),
      );
      await page.keyboard.press("Escape");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("no accessibility violation, light and dark, wide and narrow, in each state", async () => {
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    for (const options of [{ dark: true }, { width: 390, height: 844 }]) {
      const other = await browser.open(options);
      await other.getByRole("button", { name: "Run Hello from the native API" }).waitFor();
      expect(await violations(other)).toEqual([]);
      await drop(other, { name: "crash.exe" });
      await reaches(other, "Crashed");
      await other.waitForTimeout(300);
      expect(await violations(other)).toEqual([]);
      expect(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    }
  }, 120_000);
});
