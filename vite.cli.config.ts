import { existsSync } from "node:fs";
import { defineConfig } from "vite";
import { launcher, type Warming } from "./tools/cli/plugin.ts";
import { savedHandlers } from "./tools/handlers/plugin.ts";

/** What loads files that lie beside it. */
const packages = ["capstone-wasm"];

/** Code for Node beside the static site: one file, and the one that starts it. */
export const nodeBuild = (entry: string, warming: Warming) =>
  defineConfig({
    publicDir: false,
    plugins: [savedHandlers(), launcher(warming)],
    build: {
      target: "node20",
      ssr: entry,
      outDir: "dist/cli",
      emptyOutDir: true,
      rollupOptions: {
        output: { format: "cjs", entryFileNames: "main.cjs", codeSplitting: false },
        external: packages,
      },
    },
    ssr: { noExternal: true, external: packages },
  });

/** The sample that is run for the functions that runs need. */
export const warmingRun = existsSync("images/wine/manifest.json")
  ? ({ image: "wine", file: "hello-clib.exe" } as const)
  : ({ image: "scratch", file: "hello-kernel.exe" } as const);

export default nodeBuild("src/cli/ring3.ts", {
  args: ["run", "--image", warmingRun.image, `samples/bin/${warmingRun.file}`],
});
