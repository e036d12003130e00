import { defineConfig } from "vite";
import { savedHandlers } from "./tools/handlers/plugin.ts";

/** What loads files that lie beside it. */
const packages = ["koffi", "capstone-wasm"];

/** The command line: one file for Node beside the static site. */
export default defineConfig({
  publicDir: false,
  plugins: [savedHandlers()],
  build: {
    target: "node20",
    ssr: "src/cli/ring3.ts",
    outDir: "dist/cli",
    emptyOutDir: true,
    rollupOptions: { output: { entryFileNames: "ring3.js" }, external: packages },
  },
  ssr: { noExternal: true, external: packages },
});
