import { testDamagedRuns } from "./damaged-runs.ts";

await testDamagedRuns(0);
