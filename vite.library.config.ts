import { defineConfig } from "vite";
import { savedHandlers } from "./tools/handlers/plugin.ts";

/** What other programs import, in Node and in browsers: the package's entries `ring3` and `ring3/unicorn`. */
export default defineConfig({
  publicDir: false,
  plugins: [savedHandlers()],
  build: {
    target: "es2023",
    outDir: "dist/library",
    emptyOutDir: true,
    lib: {
      entry: { sandbox: "src/library/sandbox.ts", unicorn: "src/library/unicorn.ts" },
      formats: ["es"],
    },
  },
});
