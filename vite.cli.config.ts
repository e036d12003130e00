import { defineConfig } from "vite";

/** The command line: one file for Node beside the static site. Native parts stay packages. */
export default defineConfig({
  publicDir: false,
  build: {
    target: "node20",
    ssr: "src/cli/ring3.ts",
    outDir: "dist/cli",
    emptyOutDir: true,
    rollupOptions: { output: { entryFileNames: "ring3.js" }, external: ["koffi"] },
  },
  ssr: { noExternal: true, external: ["koffi"] },
});
