import * as Comlink from "comlink";
import { readRecordings } from "../recording.ts";
import { replayPart, type ReplayPart, type ReplayResult } from "../trial.ts";

const files = import.meta.glob<string>("../vectors/*.bin", { query: "?url", import: "default", eager: true });

const api = {
  async replay(part: ReplayPart): Promise<ReplayResult> {
    const recordings = await Promise.all(
      Object.values(files).map(async (url) => {
        const response = await fetch(new URL(url, import.meta.url));
        if (!response.ok) throw new Error(`${url}: ${response.status}`);
        return readRecordings(new Uint8Array(await response.arrayBuffer()));
      }),
    );
    return replayPart(recordings.flat(), part);
  },
};

export type ReplayWorker = typeof api;

Comlink.expose(api);
