import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{emulator,kernel-shim,src,samples,tools}/**/*.test.ts", "tests/**/*.test.ts"],
    exclude: ["**/*.long.test.ts", "node_modules/**"],
    testTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
