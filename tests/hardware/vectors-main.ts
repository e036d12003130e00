/**
 * Replays the recorded vectors of every form in both tiers: in Node, in headless Chromium and in Firefox; in browsers the four hello programs, too.
 *
 *     npm run vectors [-- --in node,chromium,firefox] [-- --states N] [-- --tier interpreter]
 */
import { parseArgs } from "node:util";
import { samples } from "../../samples/index.ts";
import { thisPart, reportPart, runParts } from "../support/parts.ts";
import { traceInNode } from "../support/sample-run.ts";
import { browserNames, ReplayBrowser, type BrowserName } from "./browsers.ts";
import { RECORDED_STATES } from "./recording.ts";
import { replayPart, shares, tiers, type ReplayPart, type ReplayResult, type Tier } from "./trial.ts";
import { readVectors } from "./vector-files.ts";

const { values } = parseArgs({
  options: {
    in: { type: "string", default: `node,${browserNames.join(",")}` },
    states: { type: "string", default: String(RECORDED_STATES) },
    tier: { type: "string" },
  },
});
const chosenTiers = (Object.keys(tiers) as Tier[]).filter((tier) => values.tier === undefined || values.tier === tier);
const parts: readonly ReplayPart[] = chosenTiers.flatMap((tier) =>
  Array.from({ length: shares }, (_, share) => ({ tier, states: Number(values.states), share })),
);

/** Whether all agree and nothing is missing. */
async function replayIn(
  place: string,
  run: (onResult: (result: ReplayResult) => void) => Promise<void>,
): Promise<boolean> {
  const started = performance.now();
  let states = 0;
  const disagreements: string[] = [];
  const without = new Set<string>();
  await run((result) => {
    states += result.states;
    disagreements.push(...result.disagreements);
    for (const form of result.withoutVectors) without.add(form);
  });
  for (const text of disagreements.slice(0, 50)) console.log(`    ${text}`);
  for (const form of without) console.log(`    ${form}: no vectors; npm run hardware -- --record`);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `vectors: ${states} states in ${place} (${chosenTiers.join(", ")}): ${disagreements.length} differ, ${without.size} forms without vectors (${seconds} s)`,
  );
  return states > 0 && disagreements.length === 0 && without.size === 0;
}

async function replayInBrowser(name: BrowserName): Promise<boolean> {
  const browser = await ReplayBrowser.start(name);
  if (!browser) {
    console.log(`vectors: ${name} is not installed`);
    return false;
  }
  try {
    const agree = await replayIn(browser.version, async (onResult) => {
      for (const part of parts) onResult(await browser.replay(part));
    });
    return (await runSamples(browser)) && agree;
  } finally {
    await browser.close();
  }
}

/** Whether the traces of the hello programs are Node's, to the byte. */
async function runSamples(browser: ReplayBrowser): Promise<boolean> {
  let same = true;
  for (const sample of samples.filter(({ ladder }) => ladder !== undefined)) {
    const expected = traceInNode(sample);
    const found = await browser.traceOf(sample.id, "interpreter");
    const equal = found.trace === expected.trace && found.instructions === expected.instructions && found.trace !== "";
    console.log(
      `    ${sample.id}: ${equal ? "as in Node" : "another trace than in Node"}, ${found.instructions} instructions`,
    );
    same &&= equal;
  }
  return same;
}

const part = thisPart();
if (part !== undefined) reportPart(replayPart(readVectors(), parts[part.number]));
else {
  let good = true;
  for (const place of values.in.split(",")) {
    if (place === "node")
      good = (await replayIn("Node", (onResult) => runParts<ReplayResult>("vectors", parts.length, onResult))) && good;
    else {
      const name = browserNames.find((one) => one === place);
      if (name === undefined) throw new Error(`there is no ${place}`);
      good = (await replayInBrowser(name)) && good;
    }
  }
  await ReplayBrowser.closeSite();
  if (!good) process.exitCode = 1;
}
